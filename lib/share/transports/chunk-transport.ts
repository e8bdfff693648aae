/**
 * A transport over a mechanism that carries single messages (mailslots, WM_COPYDATA, atoms, DDE): chunks.ts makes streams
 * of them, prove.ts says who is there.
 *
 * A listener has two ports: the *door*, named by its address, where greetings arrive, and a *hall* of a random name, which
 * carries its channels and goes on after the listener was closed. A client has one port of a random name. The greeting
 * of each side tells the other where to send.
 */
import { randomBytes } from "node:crypto";
import { WinsockError } from "../../errors.js";
import type { PortKind } from "../../native/transports.js";
import { AcceptQueue } from "./accept-queue.js";
import type { Channel, ChannelListener, Transport, TransportOptions } from "./channel.js";
import { ChunkStream } from "./chunk-stream.js";
import type { Chunk } from "./chunks.js";
import { channelIdSize, chunkKinds, decodeChunk } from "./chunks.js";
import type { PortHandlers } from "./port.js";
import { Port } from "./port.js";
import { prove } from "./prove.js";
import { checkPortName, checkTransportOptions, defaultTimeout, isPortName } from "./transport-options.js";

export interface ChunkTransportOptions {
    readonly kind: PortKind;
    /** Most bytes of one message. */
    readonly messageSize: number;
    /** Most messages of a channel on their way to one end. */
    readonly window: number;
    /** Milliseconds that a proof may take unless the caller says otherwise. */
    readonly timeout?: number;
}

/** Connections that have not proved yet who they are, at one listener; beyond it the oldest is broken off. */
const mostUnproved = 128;

const randomName = (): string => `winsock-spi-${randomBytes(16).toString("hex")}`;

interface Entry {
    stream: ChunkStream;
    target: string;
    referenced: boolean;
}

/** One port, or two, that several channels share. */
class Exchange {
    readonly #transport: ChunkTransportOptions;
    readonly #streams = new Map<string, Entry>();
    readonly #touched = new Set<ChunkStream>();
    #port: Port | undefined;
    #door: Port | undefined;
    #referenced = true;
    /** A greeting of a channel that is not known. */
    onGreeting: (chunk: Chunk) => void = () => undefined;
    onBroken: (error: unknown) => void = () => undefined;

    constructor(transport: ChunkTransportOptions) {
        this.#transport = transport;
    }

    async open(name: string, sddl: string): Promise<void> {
        this.#port = await Port.open(this.#transport.kind, name, sddl, this.#handlers());
    }

    async openDoor(name: string, sddl: string): Promise<void> {
        this.#door = await Port.open(this.#transport.kind, name, sddl, this.#handlers());
    }

    /** From here on the exchange lasts as long as its channels. */
    closeDoor(): void {
        this.#door?.close();
        this.#door = undefined;
        this.onGreeting = () => undefined;
        this.#closeIfIdle();
    }

    makeStream(channel: string, target: string, greeted: (name: string) => void): ChunkStream {
        const entry: Entry = { stream: undefined as unknown as ChunkStream, target, referenced: true };
        entry.stream = new ChunkStream({
            channel,
            messageSize: this.#transport.messageSize,
            window: this.#transport.window,
            send: (message) => this.#port?.send(entry.target, message),
            greeted: (data) => {
                const name = data.toString("latin1");
                if (isPortName(name)) {
                    entry.target = name;
                    greeted(name);
                }
            },
            closed: () => {
                this.#streams.delete(channel);
                this.#touched.delete(entry.stream);
                this.#port?.forget(entry.target);
                this.#reference();
                this.#closeIfIdle();
            },
            ref: () => {
                entry.referenced = true;
                this.#reference();
            },
            unref: () => {
                entry.referenced = false;
                this.#reference();
            },
        });
        this.#streams.set(channel, entry);
        this.#reference();
        return entry.stream;
    }

    /** The port keeps the program alive as long as one of its channels does. (A door of its own does so too.) */
    #reference(): void {
        const referenced = [...this.#streams.values()].some((entry) => entry.referenced);
        if (this.#referenced !== referenced) {
            this.#referenced = referenced;
            this.#port?.[referenced ? "ref" : "unref"]();
        }
    }

    #closeIfIdle(): void {
        if (this.#door === undefined && this.#streams.size === 0) {
            this.#port?.close();
            this.#port = undefined;
        }
    }

    #handlers(): PortHandlers {
        return {
            message: (bytes) => {
                const chunk = decodeChunk(bytes);
                if (chunk === undefined) {
                    return;
                }
                const known = this.#streams.get(chunk.channel)?.stream;
                if (known !== undefined) {
                    known.receive(chunk);
                    this.#touched.add(known);
                } else if (chunk.kind === chunkKinds.hello && chunk.sequence === 0) {
                    this.onGreeting(chunk);
                }
            },
            settled: () => {
                for (const stream of [...this.#touched]) {
                    this.#touched.delete(stream);
                    stream.flush();
                }
            },
            failed: (target, reason, error) => {
                for (const entry of [...this.#streams.values()]) {
                    if (entry.target === target) {
                        if (reason === "busy") {
                            entry.stream.refused();
                        } else if (reason === "gone") {
                            entry.stream.peerEnds();
                        } else {
                            entry.stream.destroy(error as Error);
                        }
                    }
                }
            },
            broken: (error) => {
                this.onBroken(error);
                for (const { stream } of [...this.#streams.values()]) {
                    stream.destroy(error as Error);
                }
            },
        };
    }
}

async function listen(
    transport: ChunkTransportOptions,
    address: string,
    options: TransportOptions,
): Promise<ChannelListener> {
    checkTransportOptions("listen", options);
    checkPortName("listen", address);
    const exchange = new Exchange(transport);
    const hall = randomName();
    const sddl = options.sddl ?? "";
    const unproved = new Set<ChunkStream>();
    const queue = new AcceptQueue(address, options, () => {
        exchange.closeDoor();
        for (const stream of unproved) {
            stream.destroy();
        }
    });
    exchange.onBroken = (error) => queue.fail(error);
    exchange.onGreeting = (chunk) => {
        const name = chunk.data.toString("latin1");
        if (!isPortName(name)) {
            return;
        }
        if (unproved.size >= mostUnproved) {
            const [oldest] = unproved;
            oldest?.destroy();
        }
        const stream = exchange.makeStream(chunk.channel, name, () => undefined);
        unproved.add(stream);
        stream.greet(Buffer.from(hall, "latin1"));
        stream.receive(chunk);
        prove(stream, {
            transport: transport.kind,
            address,
            role: "server",
            timeout: options.timeout ?? transport.timeout ?? defaultTimeout,
            onExit: () => stream.peerEnds(),
        })
            .then(
                (peerPid) => queue.push({ stream, peerPid, transport: transport.kind }),
                (error: unknown) => options.onError?.(error),
            )
            .finally(() => unproved.delete(stream));
        stream.flush();
    };
    await exchange.open(hall, sddl);
    try {
        await exchange.openDoor(address, sddl);
    } catch (error) {
        exchange.closeDoor();
        throw error;
    }
    options.signal?.throwIfAborted();
    return queue;
}

async function connect(transport: ChunkTransportOptions, address: string, options: TransportOptions): Promise<Channel> {
    checkTransportOptions("connect", options);
    checkPortName("connect", address);
    const exchange = new Exchange(transport);
    const name = randomName();
    await exchange.open(name, options.sddl ?? "");
    let welcomed = false;
    const stream = exchange.makeStream(randomBytes(channelIdSize).toString("hex"), address, () => (welcomed = true));
    stream.greet(Buffer.from(name, "latin1"));
    try {
        const peerPid = await prove(stream, {
            transport: transport.kind,
            address,
            role: "client",
            timeout: options.timeout ?? transport.timeout ?? defaultTimeout,
            signal: options.signal,
            onExit: () => stream.peerEnds(),
        });
        return { stream, peerPid, transport: transport.kind };
    } catch (error) {
        if (!welcomed && error instanceof WinsockError && error.code === "ERR_CHANNEL_CLOSED") {
            throw new WinsockError(`Nobody listens at ${address} (${transport.kind}).`, {
                code: "ERR_NO_LISTENER",
                cause: error,
            });
        }
        throw error;
    }
}

export function chunkTransport(transport: ChunkTransportOptions): Transport {
    return {
        name: transport.kind,
        listen: async (address, options = {}) => listen(transport, address, options),
        connect: async (address, options = {}) => connect(transport, address, options),
    };
}
