// One process accepts, others serve: a broker gives each connection to one of the worker processes that have joined it.
// They need not be its children, and may come and go.

import type * as net from "node:net";
import { WinsockError, refuseUnknownOptions } from "../../errors.js";
import { acceptRaw } from "../accept-raw.js";
import { socketFromRaw } from "../adopt.js";
import { type PeerCheck, checkPeerCheck } from "../peer.js";
import { type OpenListenerOptions, RawSocket, openListener } from "../raw-socket.js";
import { receiveSockets } from "../receive.js";
import { SourceLink } from "../source-link.js";
import type { ChannelListener, TransportName } from "../transports/channel.js";
import { transport as transportOf } from "../transports/index.js";

/** A worker process, as the broker sees it. */
export interface BrokerWorker {
    readonly pid: number;
    /** Full path of its program. */
    readonly program: string;
    /** Connections that it has got so far. */
    readonly given: number;
    /** Connections on their way to it. */
    readonly inFlight: number;
}

/** What {@link startBroker} may be told. */
export interface BrokerOptions extends OpenListenerOptions {
    /** The address at which workers join, e.g. `"my-workers"`. */
    name: string;
    /** How broker and workers speak to each other. Default `pipe`. */
    transport?: TransportName;
    /** Who may join. Default: processes of this user. */
    peer?: PeerCheck;
    /** A listener that is there already, instead of `host` and `port`. The broker closes it. */
    listener?: RawSocket;
    /** Connections on their way to one worker at a time; beyond that they wait in the system's queue. Default 64. */
    window?: number;
    /** Milliseconds for a worker to take a connection; then another one gets it. Default 5000. */
    timeout?: number;
    /**
     * Chooses among the workers that have room (at least one). Default: the one with the fewest connections on their
     * way, among equals the one that got the fewest.
     */
    choose?: (workers: readonly BrokerWorker[]) => BrokerWorker;
    /** Hears what went wrong with one worker or connection; the broker goes on. */
    onError?: (error: unknown) => void;
    /** Closes the broker. */
    signal?: AbortSignal;
}

/** A process that accepts connections and gives each to one of its workers. */
export interface Broker extends AsyncDisposable {
    /** Where it listens. */
    readonly address: net.AddressInfo;
    readonly workers: readonly BrokerWorker[];
    /** Stops accepting, waits for what is on its way, and lets the workers go. May be called again. */
    close(): Promise<void>;
}

class Worker implements BrokerWorker {
    given = 0;
    inFlight = 0;

    constructor(readonly link: SourceLink) {}

    get pid(): number {
        return this.link.peer.pid;
    }

    get program(): string {
        return this.link.peer.program;
    }
}

const optionNames = [
    "name",
    "transport",
    "peer",
    "listener",
    "window",
    "timeout",
    "choose",
    "onError",
    "signal",
    "host",
    "port",
    "backlog",
    "ipv6Only",
    "exclusive",
] as const;
const listenOptionNames = ["host", "port", "backlog", "ipv6Only", "exclusive"] as const;

function fewest(workers: readonly BrokerWorker[]): BrokerWorker {
    return workers.reduce((best, worker) =>
        (worker.inFlight - best.inFlight || worker.given - best.given) < 0 ? worker : best,
    );
}

class RunningBroker implements Broker {
    readonly #options: BrokerOptions;
    readonly #listener: RawSocket;
    readonly #workers = new Set<Worker>();
    readonly #stop = new AbortController();
    readonly #giving = new Set<Promise<void>>();
    #door: ChannelListener | undefined;
    #accepting: Promise<void> | undefined;
    #closed: Promise<void> | undefined;
    /** Called when a worker may have room, or the broker closes. */
    #wake: (() => void)[] = [];
    readonly address: net.AddressInfo;
    readonly #onAbort = (): void => void this.close();

    constructor(options: BrokerOptions) {
        this.#options = options;
        const given = listenOptionNames.filter((name) => options[name] !== undefined);
        this.#listener =
            options.listener ?? openListener(Object.fromEntries(given.map((name) => [name, options[name]])));
        this.address = this.#listener.state.local!;
    }

    async start(): Promise<this> {
        const { name, transport = "pipe", signal } = this.#options;
        try {
            const mechanism = await transportOf(transport);
            this.#door = await mechanism.listen(name, { onError: (error) => this.#report(error) });
            signal?.throwIfAborted();
        } catch (error) {
            await this.close();
            throw error;
        }
        signal?.addEventListener("abort", this.#onAbort, { once: true });
        void this.#admit(this.#door);
        this.#accepting = this.#accept();
        return this;
    }

    get workers(): readonly BrokerWorker[] {
        return [...this.#workers].map(({ pid, program, given, inFlight }) => ({ pid, program, given, inFlight }));
    }

    close(): Promise<void> {
        this.#closed ??= this.#end();
        return this.#closed;
    }

    [Symbol.asyncDispose](): Promise<void> {
        return this.close();
    }

    async #end(): Promise<void> {
        this.#options.signal?.removeEventListener("abort", this.#onAbort);
        this.#stop.abort();
        this.#wakeAll();
        await this.#door?.close();
        await this.#accepting;
        this.#listener.close();
        // A program that never asks for what its process has taken would keep us for ever.
        const limit = setTimeout(
            () => this.#workers.forEach(({ link }) => link.destroy()),
            this.#options.timeout ?? 5000,
        );
        await Promise.all(this.#giving);
        await Promise.all([...this.#workers].map(({ link }) => link.close()));
        clearTimeout(limit);
    }

    #report(error: unknown): void {
        this.#options.onError?.(error);
    }

    #wakeAll(): void {
        this.#wake.splice(0).forEach((wake) => wake());
    }

    async #admit(door: ChannelListener): Promise<void> {
        for await (const channel of door) {
            try {
                const { peer = {}, timeout = 5000 } = this.#options;
                const worker = new Worker(new SourceLink(channel, { check: peer, timeout }));
                this.#workers.add(worker);
                void worker.link.closed.then(() => {
                    this.#workers.delete(worker);
                    this.#wakeAll();
                });
                this.#wakeAll();
            } catch (error) {
                channel.stream.destroy();
                this.#report(error);
            }
        }
    }

    /** Takes a connection out of the system's queue only when a worker has room for it. */
    async #accept(): Promise<void> {
        const { signal } = this.#stop;
        try {
            const connections = acceptRaw(this.#listener, { signal });
            for (;;) {
                await this.#room();
                const { value } = await connections.next();
                if (value === undefined) {
                    return;
                }
                const giving = this.#give(value).finally(() => this.#giving.delete(giving));
                this.#giving.add(giving);
            }
        } catch (error) {
            if (!signal.aborted) {
                this.#report(error);
            }
        }
    }

    #free(): Worker[] {
        const { window = 64 } = this.#options;
        return [...this.#workers].filter(({ link, inFlight }) => link.open && inFlight < window);
    }

    async #room(): Promise<void> {
        while (this.#free().length === 0 && !this.#stop.signal.aborted) {
            await new Promise<void>((resolve) => this.#wake.push(resolve));
        }
    }

    /** To one worker after the other until one has it; a broker that closes gives up. */
    async #give(connection: RawSocket): Promise<void> {
        try {
            while (!(await this.#giveTo(this.#chosen(), connection))) {
                await this.#room();
                if (this.#free().length === 0) {
                    return;
                }
            }
        } catch (error) {
            this.#report(error);
        } finally {
            connection.close();
        }
    }

    #chosen(): Worker | undefined {
        const free = this.#free();
        if (free.length === 0) {
            return undefined;
        }
        const { choose } = this.#options;
        if (choose === undefined) {
            return fewest(free) as Worker;
        }
        const chosen = choose(free);
        if (!free.includes(chosen as Worker)) {
            throw new TypeError("startBroker: choose must return one of the workers that it is given");
        }
        return chosen as Worker;
    }

    /**
     * Shared, not moved: our end stays open until the worker's program has the connection, so that another worker can
     * get it if that one is killed before. Nothing has read from it by then.
     */
    async #giveTo(worker: Worker | undefined, connection: RawSocket): Promise<boolean> {
        if (worker === undefined) {
            return false;
        }
        worker.inFlight += 1;
        try {
            await worker.link.send(connection, { mode: "share", timeout: this.#options.timeout ?? 5000 });
            worker.given += 1;
            return true;
        } catch (error) {
            this.#report(error);
            if (error instanceof WinsockError && error.code === "ERR_TIMEOUT") {
                worker.link.destroy(error); // alive or not, it takes nothing
            }
            return false;
        } finally {
            worker.inFlight -= 1;
            this.#wakeAll();
        }
    }
}

function checkCount(caller: string, name: string, value: unknown): void {
    if (
        value !== undefined &&
        !(Number.isInteger(value) && (value as number) >= 1 && (value as number) <= 0x7fff_ffff)
    ) {
        throw new TypeError(`${caller}: ${name} must be a whole number of at least 1`);
    }
}

function checkCommon(caller: string, options: { name: unknown; peer?: PeerCheck; signal?: unknown }): void {
    if (typeof options.name !== "string" || options.name === "") {
        throw new TypeError(`${caller}: name must be the address at which workers join`);
    }
    if (options.signal !== undefined && !(options.signal instanceof AbortSignal)) {
        throw new TypeError(`${caller}: signal must be an AbortSignal`);
    }
    checkPeerCheck(caller, options.peer);
}

/**
 * Accepts connections and distributes them, live, to the worker processes that have joined with {@link joinBroker}.
 * Workers are any processes of this user, started by whomever; they may join and leave at any time.
 *
 * Connections are accepted only while a worker has room; until then they wait in the system's queue. One that was on
 * its way to a worker that died, hung or refused it goes to another worker. What a worker's program has got is its own,
 * and ends with it; what its process has taken waits there until the program asks for it.
 *
 * Neither broker nor worker reads a byte before the worker's program does, and the connections never belonged to a
 * completion port: they are as fast as those that the worker had accepted itself.
 *
 * @throws TypeError on misuse; WinsockError `WSAEADDRINUSE`, `ERR_ADDRESS_IN_USE` (another broker has that name)
 *
 * @example
 * await using broker = await startBroker({ name: "my-workers", port: 8080 });
 * // in each worker:
 * for await (const { socket } of joinBroker({ name: "my-workers" })) server.emit("connection", socket);
 */
export async function startBroker(options: BrokerOptions): Promise<Broker> {
    const caller = "startBroker";
    if (typeof options !== "object" || options === null) {
        throw new TypeError(`${caller}: options must be an object`);
    }
    refuseUnknownOptions(caller, options, optionNames);
    checkCommon(caller, options);
    checkCount(caller, "window", options.window);
    checkCount(caller, "timeout", options.timeout);
    for (const name of ["choose", "onError"] as const) {
        if (options[name] !== undefined && typeof options[name] !== "function") {
            throw new TypeError(`${caller}: ${name} must be a function`);
        }
    }
    if (options.listener !== undefined && !(options.listener instanceof RawSocket)) {
        throw new TypeError(`${caller}: listener must be a RawSocket`);
    }
    options.signal?.throwIfAborted();
    return new RunningBroker(options).start();
}

/** What {@link joinBroker} may be told. */
export interface JoinOptions {
    /** Where the broker has its workers join. */
    name: string;
    /** Default `pipe`. */
    transport?: TransportName;
    /** From whom connections are taken. Default: a process of this user. */
    peer?: PeerCheck;
    /** Connections that may be on their way here, or wait here to be asked for. Default 16. */
    window?: number;
    /** As for `net.Socket`. Default false; HTTP servers want true. */
    allowHalfOpen?: boolean;
    /** Connections are not read from until `resume()` or `read()` is called. Default false. */
    pauseOnCreate?: boolean;
    /** Ends the iteration with the signal's reason. */
    signal?: AbortSignal;
    /** Hears of failures that end no iteration: a connection that could not be opened here, the broker gone. */
    onError?: (error: unknown) => void;
}

/** A connection that the broker gave. */
export interface BrokeredConnection {
    readonly socket: net.Socket;
    /** The broker's process. */
    readonly broker: number;
}

/**
 * The connections that a broker gives this process, until the broker closes or ends. `break` leaves the broker; what was
 * on its way then goes to other workers.
 *
 * @throws TypeError on misuse. The iteration fails with a WinsockError `ERR_NO_LISTENER` if there is no broker of that
 * name, or `ERR_PEER_REFUSED`.
 */
export function joinBroker(options: JoinOptions): AsyncGenerator<BrokeredConnection, void, undefined> {
    const caller = "joinBroker";
    if (typeof options !== "object" || options === null) {
        throw new TypeError(`${caller}: options must be an object`);
    }
    const known = ["name", "transport", "peer", "window", "allowHalfOpen", "pauseOnCreate", "signal", "onError"];
    refuseUnknownOptions(caller, options, known);
    checkCommon(caller, options);
    checkCount(caller, "window", options.window);
    return joining(options);
}

async function* joining(options: JoinOptions): AsyncGenerator<BrokeredConnection, void, undefined> {
    const { name, transport = "pipe", window = 16, allowHalfOpen = false, pauseOnCreate = false, signal } = options;
    const mechanism = await transportOf(transport);
    const receiver = receiveSockets({
        at: await mechanism.connect(name, { signal }),
        raw: true,
        peer: options.peer,
        signal,
        window,
        onError: options.onError,
    });
    for await (const { socket, peer } of receiver) {
        // The broker keeps its end open until we have ours, but never uses it: here it is as if it had been moved.
        const connection = socketFromRaw(socket as RawSocket, { mode: "move", allowHalfOpen, pauseOnCreate });
        yield { socket: connection, broker: peer.pid };
    }
}
