// The source's own socket while it is handed over: stopped so that nothing is read behind the target's back, and put
// back as it was if the hand-over comes to nothing.
import * as dgram from "node:dgram";
import * as net from "node:net";
import * as tls from "node:tls";
import { WinsockError } from "../errors.js";
import { type SharedKind, stateOf } from "./model.js";
import { RawSocket } from "./raw-socket.js";
import { restartReading, takeBuffered } from "./release.js";
import { type Shareable, socketOf } from "./socket-handle.js";

/** What a socket is. The system is asked only where the object does not say. */
export function kindOf(socket: Shareable): SharedKind {
    if (socket instanceof net.Server) {
        return "listening";
    }
    if (socket instanceof dgram.Socket) {
        return "datagram";
    }
    if (socket instanceof net.Socket) {
        return socket.readyState === "open" ? "connected" : stateOf(socketOf(socket)).kind;
    }
    return socket instanceof RawSocket ? socket.state.kind : stateOf(socket).kind;
}

/**
 * Resolves when everything that was written to the socket before has been given to the system; `undefined` at once if
 * that is so already.
 */
export function drain(socket: Shareable): Promise<void> | undefined {
    if (socket instanceof tls.TLSSocket) {
        throw new TypeError(
            'a TLS connection cannot be moved: its keys stay in this process. Share its socket (mode "share")',
        );
    }
    if (socket instanceof net.Socket) {
        if (socket.connecting) {
            return settled(socket, "connect", (callback) => socket.once("connect", callback)).then(() => drain(socket));
        }
        if (socket.writableLength > 0 && !socket.destroyed) {
            return socket.writable
                ? settled(socket, "write", (callback) => socket.write("", callback))
                : settled(socket, "end", (callback) => socket.once("finish", callback));
        }
    } else if (socket instanceof dgram.Socket && socket.getSendQueueCount() > 0) {
        return datagramsSent(socket);
    }
    return undefined;
}

async function datagramsSent(socket: dgram.Socket): Promise<void> {
    while (socket.getSendQueueCount() > 0) {
        await new Promise((resolve) => setImmediate(resolve));
    }
}

function settled(
    socket: net.Socket,
    what: string,
    start: (callback: (error?: Error | null) => void) => void,
): Promise<void> {
    return new Promise((resolve, reject) => {
        const finish = (error?: Error | null): void => {
            socket.off("close", onClose);
            if (error === undefined || error === null) {
                resolve();
            } else {
                reject(
                    new WinsockError(`The socket failed before it was handed over: ${error.message}`, {
                        code: "ERR_SOCKET_CLOSED",
                        cause: error,
                    }),
                );
            }
        };
        const onClose = (): void => finish(new Error(`it was closed before its ${what} was done`));
        socket.once("close", onClose);
        start(finish);
    });
}

/** A socket that does not read. */
export interface StoppedSocket {
    /** What its stream had read and nobody had consumed. */
    readonly data: Buffer;
    /** As if nothing had been: reading goes on, `data` first. */
    putBack(): void;
}

const nothing: StoppedSocket = { data: Buffer.alloc(0), putBack: () => undefined };

/**
 * Stops reading from a connection. What its owner still writes goes out before the descriptor is closed, and so before
 * the target writes anything. Other kinds of sockets are left alone.
 */
export function stop(socket: Shareable): StoppedSocket {
    if (!(socket instanceof net.Socket) || socket.destroyed) {
        return nothing;
    }
    const flowing = socket.readableFlowing;
    const data = takeBuffered(socket);
    return {
        data,
        putBack: () => {
            if (socket.destroyed) {
                return;
            }
            if (data.length > 0) {
                socket.unshift(data);
            }
            void restartReading(socket);
            if (flowing === true) {
                socket.resume();
            } else {
                (socket as { readableFlowing: boolean | null }).readableFlowing = flowing;
            }
        },
    };
}
