// The systemfd protocol on sockets, both ends: Node gives listeners and UDP sockets to Rust programs and others that use
// the listenfd crate, and takes them where systemfd, watchexec or `winsock-spi hold` started it. What is said on the
// wire is in systemfd-format.ts.

import { randomUUID } from "node:crypto";
import { once } from "node:events";
import * as net from "node:net";
import { WinsockError, refuseUnknownOptions } from "../../errors.js";
import { native } from "../../native.js";
import type { TcpOwnerHandle } from "../../native/tcp-owner.js";
import { adoptRaw } from "../adopt.js";
import { type SharedSocketInfo, bytesToSend, duplicateSocket, markSent, revoke } from "../duplicate.js";
import { RawSocket } from "../raw-socket.js";
import type { Shareable } from "../socket-handle.js";
import {
    AnswerParser,
    RequestParser,
    encodeRequest,
    mostSockets,
    readEnvironment,
    sameSecret,
    secretVariable,
    serverVariable,
    writeEnvironment,
} from "./systemfd-format.js";

/** A process that asks for sockets and knows the secret, as the system's own tables know it. */
export interface SystemfdTaker {
    readonly pid: number;
    /** Full path of its program; empty if this user may not ask. */
    readonly program: string;
    /**
     * Whether this process started it, or started what started it, and so on. One whose starter has ended cannot be
     * told from a stranger: false.
     */
    readonly descends: boolean;
}

/** What {@link serveSystemfd} gives, and to whom. */
export interface ServeSystemfdOptions {
    /** What each taker gets a duplicate of, in this order; at most 256. They stay open here. */
    sockets: readonly Shareable[];
    /**
     * Who may take them, beside having to know the secret: `"descendants"` (the default), `"anyone"`, or what the
     * function says. A program started through one that has ended by then is no descendant.
     */
    allow?: "descendants" | "anyone" | ((taker: SystemfdTaker) => boolean);
    /** Milliseconds that one taker may take for question and answer. Default 5000. */
    timeout?: number;
    /** Hears of each process that was given the sockets. */
    onTaken?: (taker: SystemfdTaker) => void;
    /** Hears why a connection was closed without an answer (`ERR_SYSTEMFD_...`, or what Windows refused). */
    onRefused?: (error: unknown) => void;
    /** Closes the server. */
    signal?: AbortSignal;
}

/** A running giver. `close()` and `await using` end it; the sockets stay as they are. */
export interface SystemfdServer extends AsyncDisposable {
    /** The two variables for the environment of the programs that are to take the sockets. */
    readonly environment: Readonly<Record<string, string>>;
    /** May be called again. */
    close(): Promise<void>;
}

/** Connections that have not been answered yet. When one more comes, the one that has waited longest is closed. */
const mostWaiting = 256;

function refusal(code: string, message: string): WinsockError {
    return new WinsockError(message, { code });
}

/** 127.0.0.1 as a number. */
function addressNumber(address: string): number {
    return address.split(".").reduce((number, part) => number * 256 + Number(part), 0);
}

class Giver implements SystemfdServer {
    readonly #options: ServeSystemfdOptions;
    readonly #secret = randomUUID();
    readonly #waiting = new Set<net.Socket>();
    readonly #server: net.Server;
    #closed: Promise<void> | undefined;
    environment: Readonly<Record<string, string>> = {};
    readonly #onAbort = (): void => void this.close();

    constructor(options: ServeSystemfdOptions) {
        this.#options = options;
        // The taker shuts down its side before it is answered.
        this.#server = net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#serve(socket));
        this.#server.on("error", (error) => options.onRefused?.(error)); // of single accepts
    }

    async listen(): Promise<this> {
        this.#options.signal?.throwIfAborted();
        this.#server.listen(0, "127.0.0.1");
        await once(this.#server, "listening");
        this.#options.signal?.addEventListener("abort", this.#onAbort, { once: true });
        if (this.#options.signal?.aborted === true) {
            await this.close();
            this.#options.signal.throwIfAborted();
        }
        const { port } = this.#server.address() as net.AddressInfo;
        this.environment = Object.freeze(writeEnvironment({ host: "127.0.0.1", port, secret: this.#secret }));
        return this;
    }

    close(): Promise<void> {
        this.#options.signal?.removeEventListener("abort", this.#onAbort);
        this.#closed ??= new Promise((resolve) => {
            this.#server.close(() => resolve());
            for (const socket of this.#waiting) {
                socket.destroy();
            }
        });
        return this.#closed;
    }

    [Symbol.asyncDispose](): Promise<void> {
        return this.close();
    }

    #serve(socket: net.Socket): void {
        if (this.#waiting.size >= mostWaiting) {
            const [oldest] = this.#waiting;
            this.#refuse(oldest!, refusal("ERR_SYSTEMFD_CROWDED", "Too many connections asked for nothing yet."));
        }
        this.#waiting.add(socket);
        const request = new RequestParser();
        const guarded = (step: () => void): void => {
            try {
                step();
            } catch (error) {
                this.#refuse(socket, error);
            }
        };
        const limit = setTimeout(() => {
            this.#refuse(socket, refusal("ERR_TIMEOUT", "A connection took too long to ask, or to take the answer."));
        }, this.#options.timeout ?? 5000);
        socket
            .on("data", (chunk) => guarded(() => request.push(chunk)))
            .on("end", () => guarded(() => this.#answer(socket, request)))
            .on("error", (error) => this.#refuse(socket, error))
            .on("close", () => {
                clearTimeout(limit);
                this.#waiting.delete(socket);
            });
    }

    /** Closes a connection without an answer. Only the first reason is told. */
    #refuse(socket: net.Socket, error: unknown): void {
        if (this.#waiting.delete(socket)) {
            this.#options.onRefused?.(error);
        }
        socket.destroy();
    }

    #answer(socket: net.Socket, parser: RequestParser): void {
        const { secret, pid } = parser.end();
        if (!sameSecret(secret, this.#secret)) {
            throw refusal("ERR_SYSTEMFD_SECRET", "A connection gave a wrong secret.");
        }
        // Held until the duplicates are made, so that they go to no other process that got the same id.
        const owner = native().openTcpOwner(
            addressNumber(socket.remoteAddress ?? ""),
            socket.remotePort ?? 0,
            addressNumber(socket.localAddress ?? ""),
            socket.localPort ?? 0,
        );
        try {
            const taker = this.#checkTaker(owner, pid);
            const infos = this.#duplicate(owner.pid);
            socket.end(Buffer.concat(infos.map(bytesToSend)));
            infos.forEach(markSent);
            this.#options.onTaken?.(taker);
        } finally {
            owner.close();
        }
    }

    #checkTaker(owner: TcpOwnerHandle, claimed: number): SystemfdTaker {
        if (owner.pid !== claimed) {
            throw refusal(
                "ERR_SYSTEMFD_PID",
                `A connection of process ${owner.pid} (${owner.program}) asked for duplicates into process ${claimed}.`,
            );
        }
        const taker = { pid: owner.pid, program: owner.program, descends: owner.descends() };
        const { allow = "descendants" } = this.#options;
        if (typeof allow === "function" ? !allow(taker) : allow === "descendants" && !taker.descends) {
            throw refusal(
                "ERR_SYSTEMFD_NOT_ALLOWED",
                `Process ${taker.pid} (${taker.program}) knows the secret but may not take the sockets.`,
            );
        }
        return taker;
    }

    /** All of them, or none: a process that got some would not know which. */
    #duplicate(pid: number): SharedSocketInfo[] {
        const infos: SharedSocketInfo[] = [];
        try {
            for (const socket of this.#options.sockets) {
                infos.push(duplicateSocket(socket, pid));
            }
            return infos;
        } catch (error) {
            infos.forEach((info) => revoke(info));
            throw error;
        }
    }
}

/**
 * Gives sockets to the programs that this process starts, by the systemfd protocol: to Rust programs with the listenfd
 * crate (actix, axum, warp and others under `cargo watch`), and to anything else that speaks it. Each taker gets a
 * duplicate of each socket; they stay open here, so a server can be ended and started again and nobody is refused.
 *
 * Sockets that only this process opened and nobody uses here come from `openListener` and `openDatagram`: a `net.Server`
 * that listens takes connections itself. These are given in blocking mode, as systemfd gives its own; on Windows the mode
 * belongs to the socket, so the next taker finds what the one before has set. The process id that a taker sends is believed only if the system's table of
 * connections says the same.
 *
 * @throws TypeError on misuse; WinsockError ERR_UNSUPPORTED_PLATFORM, or why the loopback port cannot be opened
 *
 * @example
 * const listener = openListener({ host: "127.0.0.1", port: 5000 });
 * await using giver = await serveSystemfd({ sockets: [listener] });
 * spawn("cargo", ["run"], { env: { ...process.env, ...giver.environment } });
 */
export async function serveSystemfd(options: ServeSystemfdOptions): Promise<SystemfdServer> {
    checkServeOptions(options);
    for (const socket of options.sockets) {
        if (socket instanceof RawSocket) {
            native().setNonBlocking(socket.socket, false); // as takers expect it
        }
    }
    return new Giver({ ...options, sockets: [...options.sockets] }).listen();
}

function checkServeOptions(options: ServeSystemfdOptions): void {
    if (typeof options !== "object" || options === null) {
        throw new TypeError("serveSystemfd: options must be an object");
    }
    const known = ["sockets", "allow", "timeout", "onTaken", "onRefused", "signal"];
    refuseUnknownOptions("serveSystemfd", options, known);
    const { sockets, allow, timeout, signal } = options;
    if (!Array.isArray(sockets) || sockets.length === 0 || sockets.length > mostSockets) {
        throw new TypeError(`serveSystemfd: sockets must be an array of 1 to ${mostSockets} sockets`);
    }
    if (!["undefined", "function"].includes(typeof allow) && allow !== "descendants" && allow !== "anyone") {
        throw new TypeError('serveSystemfd: allow must be "descendants", "anyone" or a function');
    }
    checkTimeout("serveSystemfd", timeout);
    for (const name of ["onTaken", "onRefused"] as const) {
        if (options[name] !== undefined && typeof options[name] !== "function") {
            throw new TypeError(`serveSystemfd: ${name} must be a function`);
        }
    }
    checkSignal("serveSystemfd", signal);
}

function checkTimeout(caller: string, timeout: unknown): void {
    if (timeout !== undefined && !(typeof timeout === "number" && timeout > 0 && timeout <= 0x7fff_ffff)) {
        throw new TypeError(`${caller}: timeout must be a number of milliseconds above 0`);
    }
}

function checkSignal(caller: string, signal: unknown): void {
    if (signal !== undefined && !(signal instanceof AbortSignal)) {
        throw new TypeError(`${caller}: signal must be an AbortSignal`);
    }
}

/** What {@link takeSystemfdSockets} may be told. */
export interface TakeSystemfdOptions {
    /**
     * Where the two variables are. Default: this process's environment. They are deleted from it, as the listenfd crate
     * does: what this process starts is not to take the same sockets.
     */
    environment?: Record<string, string | undefined>;
    /** Milliseconds for the whole. Default 10,000. */
    timeout?: number;
    signal?: AbortSignal;
}

/**
 * The sockets that systemfd, watchexec, `winsock-spi hold` or {@link serveSystemfd} have for this process, in their
 * order; `undefined` if nobody has any, so that the program listens by itself. Make Node objects of them with
 * `serverFromRaw`, `datagramFromRaw` and `socketFromRaw`; `state` says which kind each is.
 *
 * @throws TypeError on misuse; WinsockError ERR_SYSTEMFD_ENVIRONMENT (variables that make no sense),
 * ERR_SYSTEMFD_REFUSED (the giver closed without an answer: wrong secret, or it does not take us for one of its own),
 * ERR_SYSTEMFD_PROTOCOL, ERR_TIMEOUT, or what Winsock said; the signal's reason
 *
 * @example
 * const [listener] = (await takeSystemfdSockets()) ?? [];
 * const server = http.createServer(answer);
 * listener === undefined ? server.listen(8080) : serverFromRaw(listener, { server });
 */
export async function takeSystemfdSockets(options: TakeSystemfdOptions = {}): Promise<RawSocket[] | undefined> {
    if (typeof options !== "object" || options === null) {
        throw new TypeError("takeSystemfdSockets: options must be an object");
    }
    refuseUnknownOptions("takeSystemfdSockets", options, ["environment", "timeout", "signal"]);
    const { environment = process.env, timeout = 10_000, signal } = options;
    checkTimeout("takeSystemfdSockets", timeout);
    checkSignal("takeSystemfdSockets", signal);
    const address = readEnvironment(environment);
    if (address === undefined) {
        return undefined;
    }
    signal?.throwIfAborted();
    delete environment[serverVariable];
    delete environment[secretVariable];
    native();
    const { host, port, secret } = address;
    const answer = new AnswerParser();
    await ask({ host, port, request: encodeRequest({ secret, pid: process.pid }), answer, timeout, signal });
    const { infos, cut } = answer.end();
    const taken: RawSocket[] = [];
    try {
        for (const info of infos) {
            taken.push(adoptRaw(info));
        }
        if (cut) {
            throw refusal("ERR_SYSTEMFD_PROTOCOL", "The giver's answer ends in the middle of a socket.");
        }
    } catch (error) {
        taken.forEach((socket) => socket.close());
        throw error;
    }
    if (taken.length === 0) {
        throw refusal(
            "ERR_SYSTEMFD_REFUSED",
            `Whoever gives sockets at ${host}:${port} gave none: the secret is not its own, or it does not take this ` +
                "process for one of those it started.",
        );
    }
    return taken;
}

interface Question {
    readonly host: string;
    readonly port: number;
    readonly request: Buffer;
    readonly answer: AnswerParser;
    readonly timeout: number;
    readonly signal: AbortSignal | undefined;
}

async function ask({ host, port, request, answer, timeout, signal }: Question): Promise<void> {
    const limit = AbortSignal.timeout(timeout);
    const either = signal === undefined ? limit : AbortSignal.any([limit, signal]);
    const socket = net.connect({ host, port, signal: either });
    try {
        socket.end(request);
        for await (const chunk of socket) {
            answer.push(chunk as Buffer);
        }
    } catch (error) {
        signal?.throwIfAborted();
        if (limit.aborted) {
            throw refusal("ERR_TIMEOUT", `Whoever gives sockets at ${host}:${port} did not answer in ${timeout} ms.`);
        }
        if (error instanceof WinsockError) {
            throw error;
        }
        const code = (error as NodeJS.ErrnoException).code;
        if (code === "ECONNRESET") {
            return; // closed without reading: no answer, or its beginning
        }
        throw new WinsockError(`Nobody gives sockets at ${host}:${port}: ${(error as Error).message}`, {
            code: "ERR_SYSTEMFD_GONE",
            cause: error,
        });
    } finally {
        socket.destroy();
    }
}
