// The connections of an HTTP server, and which of them are between two requests. Node alone knows that: it counts a
// connection as idle when the last request was answered to its end and not one byte of the next has come. It does not
// count those on which no byte came at all; they are told by that.

import type * as http from "node:http";
import type * as https from "node:https";
import type { Socket } from "node:net";

export type HttpServer = http.Server | https.Server;

/** Follows the connections of a server from its construction on. */
export class HttpConnections {
    readonly #server: HttpServer;
    readonly #open = new Set<Socket>();
    readonly #leaving = new Set<Socket>();
    /** Not to be taken, idle or not. */
    readonly #staying = new WeakSet<Socket>();
    /** Added between two requests; the next one has not come yet. */
    readonly #awaiting = new WeakSet<Socket>();
    /** Added with bytes that are not counted as read here. */
    readonly #begun = new WeakSet<Socket>();
    /** Called whenever the last connection has closed. */
    onEmpty: (() => void) | undefined;
    readonly #onConnection = (socket: Socket): void => {
        this.#open.add(socket);
        socket.once("close", () => {
            this.#open.delete(socket);
            this.#leaving.delete(socket);
            if (this.#open.size === 0) {
                this.onEmpty?.();
            }
        });
    };
    readonly #onRequest = ({ socket }: http.IncomingMessage): void => {
        if (this.#awaiting.delete(socket)) {
            socket.setTimeout(this.#server.timeout);
        }
    };

    constructor(server: HttpServer) {
        this.#server = server;
        server.prependListener("connection", this.#onConnection);
        server.prependListener("request", this.#onRequest);
    }

    /** How many are open, those that are being handed over included. */
    get size(): number {
        return this.#open.size;
    }

    /**
     * Gives the server a connection that it has not accepted, between two requests. As with those of its own, it is
     * closed if the next request does not come within `keepAliveTimeout`. `begun`: the stream holds the beginning of
     * the next request already.
     */
    add(socket: Socket, { begun = false } = {}): void {
        if (begun) {
            this.#begun.add(socket);
        }
        this.#server.emit("connection", socket);
        if (this.#server.keepAliveTimeout > 0 && !socket.destroyed) {
            this.#awaiting.add(socket);
            socket.setTimeout(this.#server.keepAliveTimeout);
        }
    }

    /**
     * Takes every idle connection from the server: from now on nothing is read from it here, and what the client sends
     * next waits in the system. One that is not handed over after all is given back with {@link giveBack}, and not taken
     * again.
     */
    takeIdle(): Socket[] {
        const idle = [...this.#findIdle()];
        for (const socket of idle) {
            this.#leaving.add(socket);
            socket.setTimeout(0); // the time-out of an idle connection would close it on its way
            socket.pause();
        }
        return idle;
    }

    giveBack(socket: Socket): void {
        this.#staying.add(socket);
        if (this.#leaving.delete(socket) && !socket.destroyed) {
            this.#awaiting.add(socket);
            socket.setTimeout(this.#server.keepAliveTimeout);
            socket.resume();
        }
    }

    /** Closes what is open. */
    destroy(): void {
        this.#open.forEach((socket) => socket.destroy());
    }

    /** Stops following; what is open stays open. */
    detach(): void {
        this.#server.off("connection", this.#onConnection);
        this.#server.off("request", this.#onRequest);
    }

    /** Tells Node to close the idle ones, and keeps those from being closed; and those that have not read a byte. */
    #findIdle(): Set<Socket> {
        const candidates = [...this.#open].filter(
            (socket) => !socket.destroyed && !this.#leaving.has(socket) && !this.#staying.has(socket),
        );
        const idle = new Set(candidates.filter((socket) => socket.bytesRead === 0 && !this.#begun.has(socket)));
        const keep = function (this: Socket): Socket {
            idle.add(this);
            return this;
        };
        // All of them: those that are on their way look idle to Node.
        const intercepted = [...this.#open];
        for (const socket of intercepted) {
            Object.defineProperty(socket, "destroy", { configurable: true, value: keep });
        }
        try {
            this.#server.closeIdleConnections();
        } finally {
            for (const socket of intercepted) {
                delete (socket as Partial<Socket>).destroy; // the method of its class shows again
            }
        }
        const wanted = new Set(candidates);
        idle.forEach((socket) => wanted.has(socket) || idle.delete(socket));
        return idle;
    }
}
