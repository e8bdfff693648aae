// The connections of an HTTP server, and which of them are between two requests. Node alone knows that: it counts a
// connection as idle when the last request was answered to its end and not one byte of the next has come.

import type * as http from "node:http";
import type * as https from "node:https";
import type { Socket } from "node:net";

export type HttpServer = http.Server | https.Server;

/** Follows the connections of a server from its construction on. */
export class HttpConnections {
    readonly #server: HttpServer;
    readonly #open = new Set<Socket>();
    readonly #leaving = new Set<Socket>();
    /** Added between two requests; the next one has not come yet. */
    readonly #awaiting = new WeakSet<Socket>();
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
     * closed if the next request does not come within `keepAliveTimeout`.
     */
    add(socket: Socket): void {
        this.#server.emit("connection", socket);
        if (this.#server.keepAliveTimeout > 0 && !socket.destroyed) {
            this.#awaiting.add(socket);
            socket.setTimeout(this.#server.keepAliveTimeout);
        }
    }

    /**
     * Takes every idle connection from the server: from now on nothing is read from it here, and what the client sends
     * next waits in the system. One that is not handed over after all is given back with {@link giveBack}.
     */
    takeIdle(): Socket[] {
        const idle = this.#findIdle();
        for (const socket of idle) {
            this.#leaving.add(socket);
            socket.setTimeout(0); // the time-out of an idle connection would close it on its way
            socket.pause();
        }
        return idle;
    }

    giveBack(socket: Socket): void {
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

    /** Tells Node to close the idle ones, and keeps those from being closed. */
    #findIdle(): Socket[] {
        const idle: Socket[] = [];
        const keep = function (this: Socket): Socket {
            idle.push(this);
            return this;
        };
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
        return idle.filter((socket) => !this.#leaving.has(socket) && !socket.destroyed);
    }
}
