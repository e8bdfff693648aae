// Restarting a UDP service without losing a datagram.

import type * as dgram from "node:dgram";
import { datagramFromRaw } from "../adopt-datagram.js";
import { type OpenDatagramOptions, type RawSocket, openDatagram } from "../raw-socket.js";
import type { SourceLink } from "../source-link.js";
import {
    Successive,
    type SuccessionOptions,
    checkSuccessionOptions,
    giveTimeout,
    successionOptionNames,
} from "./succession.js";

/** What {@link bindRestartable} may be told. */
export interface RestartDatagramOptions extends SuccessionOptions, OpenDatagramOptions {}

/** Hears of each datagram, as a `message` listener of the socket, from the first on. */
export type OnDatagram = (this: dgram.Socket, message: Buffer, remote: dgram.RemoteInfo) => void;

/** A UDP socket that the next process of its name takes over. */
export interface RestartableDatagram extends AsyncDisposable {
    /** Bound, and receiving. */
    readonly socket: dgram.Socket;
    /** The process that this one has taken over from; undefined if it is the first. */
    readonly predecessor: number | undefined;
    /** Resolves with the process that has the socket now; it is closed here then. Never if `close()` comes first. */
    readonly replaced: Promise<number>;
    /** Closes the socket and stops being there for a successor. */
    close(): Promise<void>;
}

const openOptionNames = ["host", "port", "ipv6Only", "exclusive", "reuseAddress"] as const;

class Restartable extends Successive implements RestartableDatagram {
    readonly tag = "winsock-spi restart: datagrams";
    readonly #options: RestartDatagramOptions;
    readonly #onMessage: OnDatagram;
    #closed = false;
    socket!: dgram.Socket;

    constructor(options: RestartDatagramOptions, onMessage: OnDatagram) {
        super(options);
        this.#options = options;
        this.#onMessage = onMessage;
    }

    async close(): Promise<void> {
        await this.succession.close();
        if (!this.#closed) {
            this.#closed = true;
            (this.socket as dgram.Socket | undefined)?.close();
        }
    }

    begin(): Promise<void> {
        const given = openOptionNames.filter((name) => this.#options[name] !== undefined);
        return this.inherit(openDatagram(Object.fromEntries(given.map((name) => [name, this.#options[name]]))));
    }

    inherit(raw: RawSocket): Promise<void> {
        // Without a completion port no receive is pending in which a datagram could be lost when this end is closed.
        this.socket = datagramFromRaw(raw, { mode: "share" });
        this.socket.on("message", this.#onMessage);
        this.socket.once("close", () => {
            this.#closed = true;
        });
        return Promise.resolve();
    }

    async give(link: SourceLink): Promise<void> {
        await link.send(this.socket, { mode: "move", message: this.tag, timeout: giveTimeout });
    }
}

/**
 * A UDP socket that the next process that calls this with the same `name` takes over: datagrams wait in the system's
 * queue until one of the two receives them, so none is lost and none comes twice. The first process binds `host` and
 * `port`; those after it get its socket, with its groups and options.
 *
 * To pass a UDP socket once, `sendSocket` and `receiveSockets` do.
 *
 * @throws TypeError on misuse; WinsockError `WSAEADDRINUSE`, and why the name cannot be listened at
 *
 * @example
 * const service = await bindRestartable({ name: "my-dns", port: 53 }, function (message, { port, address }) {
 *     this.send(answerTo(message), port, address);
 * });
 * await service.replaced;
 */
export async function bindRestartable(
    options: RestartDatagramOptions,
    onMessage: OnDatagram,
): Promise<RestartableDatagram> {
    checkSuccessionOptions("bindRestartable", options, [...successionOptionNames, ...openOptionNames]);
    if (typeof onMessage !== "function") {
        throw new TypeError("bindRestartable: onMessage must be a function");
    }
    return new Restartable(options, onMessage).start();
}
