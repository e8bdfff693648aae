// `acceptRaw`: connections for those who hand them on, without a stream of Node's around them.

import { refuseUnknownOptions } from "../errors.js";
import { refuseOtherKinds } from "./adopt-server.js";
import { openPolled } from "./polled-handles.js";
import { RawSocket } from "./raw-socket.js";

/** What {@link acceptRaw} may be told. */
export interface AcceptRawOptions {
    /** Ends the iteration, which then throws the signal's reason. */
    signal?: AbortSignal;
}

/** Connections taken one after the other before everything else in the event loop gets its turn. */
const mostInTurn = 64;

/**
 * Accepts the connections of a listener one by one, whenever the next one is asked for: those that nobody has asked for
 * wait in the system's queue. Each RawSocket is tied to no completion port, so whoever gets it can use it at full speed.
 * It is the caller's to close.
 *
 * The listener stays the caller's too, who may duplicate it meanwhile and use it afterwards; it must not be closed before
 * the iteration has ended (`break`, or the signal).
 *
 * @throws WinsockError `ERR_SOCKET_KIND`, `ERR_SOCKET_CLOSED`; from the iteration, what accept fails with.
 */
export function acceptRaw(
    listener: RawSocket,
    options: AcceptRawOptions = {},
): AsyncGenerator<RawSocket, void, undefined> {
    if (!(listener instanceof RawSocket)) {
        throw new TypeError("acceptRaw: listener must be a RawSocket");
    }
    refuseUnknownOptions("acceptRaw", options, ["signal"]);
    const { signal } = options;
    if (signal !== undefined && !(signal instanceof AbortSignal)) {
        throw new TypeError("acceptRaw: signal must be an AbortSignal");
    }
    signal?.throwIfAborted();
    refuseOtherKinds("acceptRaw", listener);
    return accepting(listener, signal);
}

async function* accepting(
    listener: RawSocket,
    signal: AbortSignal | undefined,
): AsyncGenerator<RawSocket, void, undefined> {
    let wake = (): void => undefined;
    const polled = openPolled(listener.socket, () => wake());
    const onAbort = (): void => wake();
    signal?.addEventListener("abort", onAbort);
    const turn = (ask: () => void): Promise<void> =>
        new Promise((resolve) => {
            wake = resolve;
            ask();
        });
    try {
        for (let taken = 0; ; taken++) {
            signal?.throwIfAborted();
            const socket = listener.closed ? undefined : polled.accept();
            if (socket !== undefined) {
                yield new RawSocket(socket, { nonBlocking: true });
                if (taken % mostInTurn === mostInTurn - 1) {
                    await turn(() => polled.again());
                }
            } else if (listener.closed) {
                return;
            } else {
                await turn(() => polled.arm(true, false));
            }
        }
    } finally {
        signal?.removeEventListener("abort", onAbort);
        polled.release();
    }
}
