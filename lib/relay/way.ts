/**
 * The way to a destination: direct, or through proxies, each reached through the one before. It is opened in two steps,
 * so that a proxy that is down is known while the destination's name is not: `openWay` goes as far as it can without
 * the destination, `Way.connect` the rest.
 */
import * as net from "node:net";
import type { Proxy } from "../policy/model.js";
import { toWayError, WayError } from "./errors.js";
import type { FaultSide } from "./errors.js";
import { connectHttp } from "./http-connect.js";
import { connectSocks5, greetSocks5, type Target } from "./socks5.js";

export interface WayOptions {
    /** Hops, the nearest first; empty: direct. */
    readonly proxies: readonly Proxy[];
    readonly signal: AbortSignal;
    /** Milliseconds for both steps together; where there are proxies, each may take half of it. */
    readonly timeout: number;
}

function dial(target: Target): Promise<net.Socket> {
    // Paused: nothing of what the other end says is read before somebody wants it.
    const socket = net.connect({ host: target.host, port: target.port, allowHalfOpen: true, noDelay: true });
    return new Promise((resolve, reject) => {
        const failed = (error: Error): void => reject(error);
        socket.once("error", failed);
        socket.once("close", () => reject(Object.assign(new Error("closed"), { code: "ECONNABORTED" })));
        socket.once("connect", () => {
            socket.off("error", failed);
            resolve(socket);
        });
    });
}

/**
 * Does `work`, whose socket is destroyed when `signal` says so or `timeout` milliseconds are over, and whenever it
 * fails. `late` is what a time-out says.
 */
async function guarded(
    { signal, timeout: whole, proxies }: WayOptions,
    { side, what }: { side: FaultSide; what: string },
    work: (opened: (socket: net.Socket) => void, told: { side: FaultSide; what: string }) => Promise<void>,
): Promise<void> {
    const timeout = proxies.length === 0 ? whole : whole / 2;
    const told = { side, what };
    let socket: net.Socket | undefined;
    let ended: WayError | undefined;
    let end: (error: WayError) => void = () => undefined;
    const given = new Promise<never>((_, reject) => {
        end = (error) => {
            ended = error;
            socket?.destroy();
            reject(error);
        };
    });
    given.catch(() => undefined);
    const onAbort = (): void => end(new WayError(`${told.what}: given up`, { code: "WSAECANCELLED", side: told.side }));
    const timer = setTimeout(() => {
        end(new WayError(`${told.what}: no answer within ${timeout} ms`, { code: "WSAETIMEDOUT", side: told.side }));
    }, timeout);
    signal.addEventListener("abort", onAbort, { once: true });
    try {
        if (signal.aborted) {
            onAbort();
        }
        const opened = (made: net.Socket): void => {
            socket = made;
            // For good: between two readers nobody else would hear it, and it would end the process.
            socket.on("error", () => undefined);
            if (ended !== undefined) {
                socket.destroy();
            }
        };
        await Promise.race([work(opened, told), given]);
    } catch (error) {
        socket?.destroy();
        throw ended ?? toWayError(error, told.side, told.what);
    } finally {
        clearTimeout(timer);
        signal.removeEventListener("abort", onAbort);
    }
}

const nameOf = ({ host, port }: Target): string => `${net.isIPv6(host) ? `[${host}]` : host}:${port}`;

export class Way {
    readonly #options: WayOptions;
    #socket: net.Socket | undefined;

    constructor(options: WayOptions, socket: net.Socket | undefined) {
        this.#options = options;
        this.#socket = socket;
    }

    /** The stream to the destination, paused. Once. */
    async connect(target: Target): Promise<net.Socket> {
        const last = this.#options.proxies.at(-1);
        const what = last === undefined ? `connect to ${nameOf(target)}` : `${nameOf(target)} through ${nameOf(last)}`;
        await guarded(this.#options, { side: "target", what }, async (opened, told) => {
            if (last === undefined) {
                opened((this.#socket = await dial(target)));
                return;
            }
            const socket = this.#socket!;
            opened(socket);
            // A proxy that breaks off in the middle has not spoken for the destination.
            told.side = "proxy";
            await (last.kind === "socks5" ? connectSocks5(socket, target) : connectHttp(socket, last, target));
        });
        return this.#socket!;
    }

    /** The stream to the last proxy, which was greeted if it speaks SOCKS5. */
    get proxyStream(): net.Socket | undefined {
        return this.#socket;
    }

    close(): void {
        this.#socket?.on("error", () => undefined);
        this.#socket?.destroy();
    }
}

/** Opens the way as far as the last proxy. Rejects with a {@link WayError}. */
export async function openWay(options: WayOptions): Promise<Way> {
    const [first, ...rest] = options.proxies;
    if (first === undefined) {
        return new Way(options, undefined);
    }
    let socket: net.Socket | undefined;
    await guarded(options, { side: "proxy", what: `proxy ${nameOf(first)}` }, async (opened, told) => {
        opened((socket = await dial(first)));
        let hop = first;
        if (hop.kind === "socks5") {
            await greetSocks5(socket, hop);
        }
        for (const next of rest) {
            told.what = `proxy ${nameOf(next)} through ${nameOf(hop)}`;
            try {
                await (hop.kind === "socks5" ? connectSocks5(socket, next) : connectHttp(socket, hop, next));
            } catch (error) {
                // Whatever the nearer proxy says about the farther one: it is a proxy that cannot be reached.
                const failed = toWayError(error, "proxy", told.what);
                throw new WayError(failed.message, { code: failed.code, side: "proxy", cause: error });
            }
            hop = next;
            if (hop.kind === "socks5") {
                await greetSocks5(socket, hop);
            }
        }
    });
    return new Way(options, socket);
}
