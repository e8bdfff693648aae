// Restarting an HTTP server without a moment in which nobody listens, and without a request that fails.

import { once } from "node:events";
import * as http from "node:http";
import * as https from "node:https";
import * as net from "node:net";
import { WinsockError } from "../../errors.js";
import { adoptRaw, socketFromRaw } from "../adopt.js";
import { serverFromRaw } from "../adopt-server.js";
import { duplicateSocket } from "../duplicate.js";
import { type ListenOptions, listen } from "../listen.js";
import type { RawSocket } from "../raw-socket.js";
import type { SocketReceiver } from "../receive.js";
import type { SourceLink } from "../source-link.js";
import { HttpConnections, type HttpServer } from "./idle-connections.js";
import {
    Successive,
    type SuccessionOptions,
    checkMilliseconds,
    checkSuccessionOptions,
    giveTimeout,
    successionOptionNames,
} from "./succession.js";

/** What {@link serveRestartable} may be told. */
export interface RestartOptions extends SuccessionOptions, Omit<ListenOptions, "signal"> {
    /**
     * Milliseconds that the old process goes on for requests that it is still answering; then it closes their
     * connections. Default: as long as they take.
     */
    drainTimeout?: number;
}

/** A server that the next process of its name takes over from. */
export interface RestartableServer extends AsyncDisposable {
    /** The process that this one has taken over from; undefined if it is the first. */
    readonly predecessor: number | undefined;
    /**
     * Resolves with the process that has taken over, when it has everything and nothing is being answered here any
     * more: now this process may end. Never if `close()` comes first.
     */
    readonly replaced: Promise<number>;
    /** Stops listening and being there for a successor; connections stay, as after `server.close()`. */
    close(): Promise<void>;
}

/** Milliseconds between two looks for connections that became idle in a way that no event tells. */
const sweepInterval = 10;

const listenerTag = "winsock-spi restart: listener";
const connectionTag = "winsock-spi restart: connection";
const listenOptionNames = ["host", "port", "backlog", "ipv6Only", "exclusive"] as const;

class Restartable extends Successive implements RestartableServer {
    readonly tag = listenerTag;
    readonly #server: HttpServer;
    readonly #options: RestartOptions;
    readonly #connections: HttpConnections;
    /** Our own duplicate of the listener while a successor takes over: if it fails, the server listens again. */
    #spare: RawSocket | undefined;

    constructor(server: HttpServer, options: RestartOptions) {
        super(options);
        this.#server = server;
        this.#options = options;
        this.#connections = new HttpConnections(server);
    }

    async close(): Promise<void> {
        await this.succession.close();
        this.#stopListening();
        this.#spare?.close();
        this.#connections.detach();
    }

    async begin(): Promise<void> {
        const given = listenOptionNames.filter((name) => this.#options[name] !== undefined);
        const listening = once(this.#server, "listening");
        listen(this.#server, Object.fromEntries(given.map((name) => [name, this.#options[name]])));
        await listening;
    }

    async inherit(listener: RawSocket): Promise<void> {
        const listening = once(this.#server, "listening");
        serverFromRaw(listener, { server: this.#server });
        await listening;
    }

    async inheritMore(receiver: SocketReceiver): Promise<void> {
        for await (const { socket, data, message } of receiver) {
            const raw = socket as RawSocket;
            if (message !== connectionTag) {
                raw.close();
                continue;
            }
            const given = data === undefined ? {} : { initialData: data };
            const connection = socketFromRaw(raw, { mode: "move", allowHalfOpen: true, ...given });
            this.#connections.add(connection, { begun: data !== undefined });
        }
    }

    async give(link: SourceLink): Promise<void> {
        const spare = adoptRaw(duplicateSocket(this.#server, process.pid));
        try {
            // Both have it for a moment: there is always one that accepts.
            await link.send(this.#server, { mode: "share", message: listenerTag, timeout: giveTimeout });
        } catch (error) {
            spare.close();
            throw error;
        }
        this.#spare = spare;
        this.#stopListening();
    }

    /** Gives every connection when it is idle. */
    async giveMore(link: SourceLink): Promise<boolean> {
        const empty = new Promise<true>((resolve) => {
            this.#connections.onEmpty = () => resolve(true);
            if (this.#connections.size === 0) {
                resolve(true);
            }
        });
        const stopGiving = this.#giveConnections(link);
        const done = await Promise.race([empty, link.closed.then(() => false)]);
        stopGiving();
        this.#connections.onEmpty = undefined;
        const spare = this.#spare!;
        this.#spare = undefined;
        if (done) {
            spare.close();
            this.#connections.detach();
            return true;
        }
        const gone = new WinsockError(`Process ${link.peer.pid} ended while it was taking over.`, {
            code: "ERR_PEER_GONE",
        });
        this.succession.report(gone);
        serverFromRaw(spare, { server: this.#server });
        return false;
    }

    /** Begins to give connections; what is returned ends it. */
    #giveConnections(link: SourceLink): () => void {
        const movable = !(this.#server instanceof https.Server);
        const sweep = (): void => {
            if (movable && link.open) {
                this.#connections.takeIdle().forEach((socket) => this.#giveConnection(link, socket));
            }
        };
        const onRequest = (_: http.IncomingMessage, response: http.ServerResponse): void => {
            if (movable) {
                response.once("finish", () => process.nextTick(sweep));
            } else {
                response.setHeader("Connection", "close"); // its keys are in this process: the client is to connect anew
            }
        };
        this.#server.prependListener("request", onRequest);
        const timer = setInterval(sweep, sweepInterval);
        const { drainTimeout } = this.#options;
        const end = (): void => this.#connections.destroy();
        const limit = drainTimeout === undefined ? undefined : setTimeout(end, drainTimeout);
        sweep();
        return () => {
            this.#server.off("request", onRequest);
            clearInterval(timer);
            clearTimeout(limit);
        };
    }

    #giveConnection(link: SourceLink, socket: net.Socket): void {
        link.send(socket, { mode: "move", message: connectionTag }).catch((error: unknown) => {
            this.#connections.giveBack(socket);
            this.succession.report(error);
        });
    }

    /** Unlike http.Server's close(), which closes the idle connections. */
    #stopListening(): void {
        if (this.#server.listening) {
            net.Server.prototype.close.call(this.#server);
        }
    }
}

/**
 * Serves HTTP so that the next process that calls this with the same `name` takes over without a failed request:
 *
 * - The first process listens at `host` and `port`; those after it listen where it did, whatever they are given.
 * - The next one asks the one before it over a channel for the listener, and accepts from then on. What waits in the
 *   system's queue waits on.
 * - Then it gets the open connections: idle ones at once, the others as soon as their request has been answered, where
 *   it was begun. So clients with keep-alive notice nothing.
 * - When the old process has nothing left, its `replaced` resolves, and it may end.
 *
 * A successor that fails before that changes nothing: the old process listens and serves on.
 *
 * Of an `https.Server` only the listener is handed over, since the keys of a connection cannot be: its connections
 * stay, are told `Connection: close` with their next answer, and end in the old process. WebSockets and other upgraded
 * connections stay too, and the old process with them, up to `drainTimeout`.
 *
 * @throws TypeError on misuse; WinsockError `WSAEADDRINUSE` if somebody else listens there, and why the name cannot be
 * listened at
 *
 * @example
 * const server = http.createServer(app);
 * const serving = await serveRestartable(server, { name: "my-service", port: 8080 });
 * await serving.replaced; // by the next start of this same program
 * process.exit();
 */
export async function serveRestartable(server: HttpServer, options: RestartOptions): Promise<RestartableServer> {
    const caller = "serveRestartable";
    const given: unknown = server;
    if (!(given instanceof http.Server || given instanceof https.Server) || given.listening) {
        throw new TypeError(`${caller}: server must be an http.Server or https.Server that does not listen yet`);
    }
    checkSuccessionOptions(caller, options, [...successionOptionNames, ...listenOptionNames, "drainTimeout"]);
    checkMilliseconds(caller, "drainTimeout", options.drainTimeout);
    return new Restartable(server, options).start();
}
