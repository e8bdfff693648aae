// Provisional: helper prim's file of this name replaces it.

import * as net from "node:net";
import { native } from "../native.js";
import { RawSocket } from "./raw-socket.js";
import { type Shareable, handleOf, socketOf } from "./socket-handle.js";

export function takeBuffered(socket: net.Socket): Buffer {
    socket.pause();
    const handle = handleOf(socket);
    if (handle !== undefined) {
        handle.reading = false;
        handle.readStop();
    }
    const data = socket.readableLength > 0 ? (socket.read() as Buffer | null) : null;
    return data ?? Buffer.alloc(0);
}

export function releaseSocket(socket: Shareable): Promise<void> {
    if (socket instanceof RawSocket) {
        socket.close();
        return Promise.resolve();
    }
    if (typeof socket === "bigint") {
        native().closeSocket(socket);
        return Promise.resolve();
    }
    if (socket instanceof net.Socket) {
        native().cancelPending(socketOf(socket), 100);
        return new Promise((resolve) => {
            socket.once("close", () => resolve());
            socket.destroy();
        });
    }
    return new Promise((resolve) => void socket.close(() => resolve()));
}
