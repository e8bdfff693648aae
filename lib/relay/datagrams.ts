/**
 * Datagrams of one socket of a program to one destination: a UDP port of the relay stands for that destination, and
 * takes datagrams from that socket alone. They go on directly, or through a SOCKS5 proxy's UDP ASSOCIATE, and answers
 * come back from that port.
 */
import * as dgram from "node:dgram";
import * as net from "node:net";
import type { DatagramCapture } from "../hooks/capture.js";
import type { HeldCall } from "../policy/controller-model.js";
import type { Endpoint, RelayAction } from "../policy/model.js";
import { canonical, isUnspecified } from "./addresses.js";
import type { RelayContext } from "./context.js";
import { toWayError, WayError } from "./errors.js";
import { Line } from "./line.js";
import type { OwnersOf } from "./owners.js";
import { associateSocks5, encodeDatagram, parseDatagram, type Target } from "./socks5.js";
import { impairmentOf } from "./stream.js";
import { openWay, type Way } from "./way.js";

export interface FlowOptions {
    readonly call: HeldCall;
    readonly action: RelayAction;
    readonly local: Endpoint;
    readonly remote: Endpoint;
    /** Where the relay and the program's socket meet. */
    readonly meeting: string;
    readonly context: RelayContext;
    readonly ownersOf: OwnersOf;
    /** Milliseconds of silence after which it is asked whether the program's socket is still there. */
    readonly idle: number;
    readonly onEnd: () => void;
}

/** Bytes waiting on a line, one way: what comes on top is lost, as in a router whose queue is full. */
const mostWaiting = 1024 * 1024;

/** Sends to the destination, whatever the way. */
interface Upstream {
    send(bytes: Buffer): void;
    close(): void;
}

const udpType = (address: string): "udp4" | "udp6" => (net.isIPv6(address) ? "udp6" : "udp4");

function bindSocket(address: string | undefined, type: "udp4" | "udp6"): Promise<dgram.Socket> {
    const socket = dgram.createSocket({ type, ipv6Only: type === "udp6" });
    return new Promise((resolve, reject) => {
        const failed = (error: Error): void => {
            socket.close();
            reject(error);
        };
        socket.once("error", failed);
        socket.bind({ port: 0, ...(address !== undefined && { address }), exclusive: true }, () => {
            socket.off("error", failed);
            // ICMP errors of single datagrams come this way; a lost datagram is no failure.
            socket.on("error", () => undefined);
            resolve(socket);
        });
    });
}

/** Straight to the destination. Only what comes from there is an answer. */
async function openDirect({ address, port }: Endpoint, onAnswer: (bytes: Buffer) => void): Promise<Upstream> {
    const socket = await bindSocket(undefined, udpType(address));
    await new Promise<void>((resolve, reject) => {
        socket.connect(port, address, (error?: Error | null) => (error ? reject(error) : resolve()));
    }).catch((error: unknown) => {
        socket.close();
        throw toWayError(error, "target", "datagrams");
    });
    socket.on("message", onAnswer);
    return { send: (bytes) => socket.send(bytes, () => undefined), close: () => socket.close() };
}

/** Through a SOCKS5 proxy, as long as `way` is open. */
async function openProxied(
    way: Way,
    target: Target,
    { onAnswer, onLost }: { onAnswer: (bytes: Buffer) => void; onLost: () => void },
): Promise<Upstream> {
    const control = way.proxyStream!;
    const relay = await associateSocks5(control);
    if (net.isIP(relay.host) === 0) {
        throw new WayError("the SOCKS5 proxy names no address for datagrams", {
            code: "WSAEAFNOSUPPORT",
            side: "proxy",
        });
    }
    const socket = await bindSocket(undefined, udpType(relay.host));
    const proxyAddress = canonical(relay.host);
    socket.on("message", (bytes, from) => {
        if (canonical(from.address) !== proxyAddress || from.port !== relay.port) {
            return;
        }
        const answer = parseDatagram(bytes);
        if (answer?.from.port === target.port && canonical(answer.from.host) === canonical(target.host)) {
            onAnswer(answer.payload);
        }
    });
    control.on("error", () => undefined);
    control.on("close", onLost);
    control.resume(); // nothing comes but its end
    return {
        send: (bytes) => socket.send(encodeDatagram(target, bytes), relay.port, relay.host, () => undefined),
        close: () => {
            socket.close();
            control.off("close", onLost);
            way.close();
        },
    };
}

export class DatagramFlow {
    readonly #options: FlowOptions;
    readonly #socket: dgram.Socket;
    /** Where the program's datagrams come from. */
    readonly #bound: Endpoint;
    readonly #capture: DatagramCapture | undefined;
    readonly #out: Line<Buffer>;
    readonly #in: Line<Buffer>;
    readonly #idle: NodeJS.Timeout;
    #upstream: Upstream | undefined;
    /** The program's end, as its first datagram shows it. */
    #from: Endpoint | undefined;
    #quiet = true;
    #closed = false;

    private constructor(options: FlowOptions, socket: dgram.Socket) {
        this.#options = options;
        this.#socket = socket;
        const { action, call, context, idle, local, meeting } = options;
        const from = isUnspecified(local.address) ? meeting : local.address;
        this.#bound = { address: canonical(from), port: local.port };
        this.#capture = action.capture === true ? context.capture?.datagrams(call, this.#bound) : undefined;
        const impairment = impairmentOf(action) ?? { delay: 0, jitter: 0, rate: undefined };
        const line = (deliver: (bytes: Buffer) => void): Line<Buffer> =>
            new Line({
                ...impairment,
                overtaking: true,
                random: context.random,
                deliver: (bytes) => {
                    deliver(bytes);
                    return true;
                },
            });
        this.#out = line((bytes) => this.#upstream?.send(bytes));
        this.#in = line((bytes) => {
            if (this.#from !== undefined) {
                this.#socket.send(bytes, this.#from.port, this.#from.address, () => undefined);
            }
        });
        socket.on("message", (bytes, from) => this.#take(bytes, from));
        this.#idle = setInterval(() => this.#look(), idle).unref();
    }

    static async open(options: FlowOptions, signal: AbortSignal): Promise<DatagramFlow> {
        const { action, context, remote, meeting } = options;
        const way = await openWay({ proxies: action.proxy ?? [], signal, timeout: context.dialTimeout });
        let flow: DatagramFlow | undefined;
        try {
            const socket = await bindSocket(meeting, udpType(meeting));
            const made = new DatagramFlow(options, socket);
            flow = made;
            const onAnswer = (bytes: Buffer): void => made.#put(made.#in, bytes, "down");
            const abort = new Promise<never>((_, reject) => {
                signal.addEventListener("abort", () => reject(new Error("given up")), { once: true });
            });
            abort.catch(() => undefined);
            signal.throwIfAborted();
            const opening =
                way.proxyStream === undefined
                    ? openDirect(remote, onAnswer)
                    : openProxied(
                          way,
                          { host: remote.address, port: remote.port },
                          {
                              onAnswer,
                              onLost: () => made.close(),
                          },
                      );
            opening.then(
                (upstream) => (made.#closed ? upstream.close() : undefined),
                () => undefined,
            );
            flow.#upstream = await Promise.race([opening, abort]);
            return flow;
        } catch (error) {
            way.close();
            flow?.close();
            throw toWayError(error, "proxy", "datagrams");
        }
    }

    /** Where the program's socket is to send to. */
    get at(): Endpoint {
        const { address, port } = this.#socket.address();
        return { address, port };
    }

    close(): void {
        if (!this.#closed) {
            this.#closed = true;
            clearInterval(this.#idle);
            this.#in.close();
            this.#out.close();
            this.#socket.close();
            this.#upstream?.close();
            this.#options.onEnd();
        }
    }

    /** From the program's socket, and from nobody else. */
    #take(bytes: Buffer, { address, port }: dgram.RemoteInfo): void {
        if (port !== this.#bound.port || canonical(address) !== this.#bound.address) {
            return;
        }
        this.#from = { address, port };
        this.#put(this.#out, bytes, "up");
    }

    #put(line: Line<Buffer>, bytes: Buffer, direction: "up" | "down"): void {
        this.#quiet = false;
        const {
            action: { loss = 0 },
            context,
        } = this.#options;
        if (this.#closed || line.bytes + bytes.length > mostWaiting || (loss > 0 && context.random() < loss)) {
            return;
        }
        this.#capture?.[direction](bytes);
        line.push(bytes, bytes.length);
    }

    /** A flow lives as long as the program's socket: the provider goes on sending here. */
    #look(): void {
        if (!this.#quiet) {
            this.#quiet = true;
            return;
        }
        const { call, local, ownersOf } = this.#options;
        try {
            if (!ownersOf({ protocol: "udp", local }).includes(call.pid)) {
                this.close();
            }
        } catch (error) {
            this.#options.context.notice("ERR_RELAY_STREAM", call, error);
        }
    }
}
