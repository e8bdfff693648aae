// The handle objects that stand where Node has a libuv handle (poll-listener.ts, poll-datagram.ts), so that others can
// find the SOCKET behind one. A handle of Node's own is not among them.

import { guard, native } from "../native.js";
import { type PolledSocket, polledSocketMethods } from "../native/readiness.js";

/** What the library can do with such a handle. */
export interface PolledHandle {
    readonly polled: PolledSocket;
    /** Closes this process's descriptor as the handle's own `close` does. */
    close(callback?: () => void): void;
}

/** By a symbol of the registry and not by a WeakMap: two copies of this package know each other's handles. */
const mark: unique symbol = Symbol.for("winsock-spi.polledHandle");

export function markPolledHandle(handle: PolledHandle): void {
    Object.defineProperty(handle, mark, { value: true });
}

/** The handle as one of ours, or `undefined` where it is not. */
export function asPolledHandle(handle: unknown): PolledHandle | undefined {
    const ours = typeof handle === "object" && handle !== null && (handle as Record<symbol, unknown>)[mark] === true;
    return ours ? (handle as PolledHandle) : undefined;
}

/** See {@link PolledSocket}; what its methods throw is a WinsockError. On failure the SOCKET is still the caller's. */
export function openPolled(socket: bigint, onReady: () => void): PolledSocket {
    const polled = native().openPolled(socket, onReady);
    return Object.assign(guard(polled, polledSocketMethods), { socket });
}
