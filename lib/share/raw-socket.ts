// Sockets without an object of Node's around them.

import * as net from "node:net";
import { WinsockError, refuseUnknownOptions } from "../errors.js";
import { native } from "../native.js";
import type { SocketTriplet } from "../native/sockets.js";
import { type SocketState, stateOfFacts } from "./model.js";

/**
 * A socket of this process that nobody reads, writes or waits for: adopted from elsewhere, or opened here so that it
 * may be handed on. It is tied to no completion port by this library. Closing it never shuts a connection down that
 * another process has too.
 */
export class RawSocket implements Disposable {
    #socket: bigint | undefined;
    /** FIONBIO where it is known: see `SocketState`. */
    readonly nonBlocking: boolean | undefined;
    #triplet: SocketTriplet | undefined;

    /** Takes over a SOCKET of this process. */
    constructor(socket: bigint, options: { nonBlocking?: boolean } = {}) {
        if (typeof socket !== "bigint") {
            throw new TypeError("socket must be the bigint of a SOCKET");
        }
        refuseUnknownOptions("RawSocket", options, ["nonBlocking"]);
        this.#socket = socket;
        this.nonBlocking = options.nonBlocking;
    }

    /**
     * The SOCKET.
     *
     * @throws WinsockError `ERR_SOCKET_CLOSED` once it is closed or was given away.
     */
    get socket(): bigint {
        if (this.#socket === undefined) {
            throw new WinsockError("The RawSocket is closed or was given away.", { code: "ERR_SOCKET_CLOSED" });
        }
        return this.#socket;
    }

    get closed(): boolean {
        return this.#socket === undefined;
    }

    /** What it is at this moment. Throws like `socket`. */
    get state(): SocketState {
        const facts = native().describeSocket(this.socket, this.#triplet);
        this.#triplet = facts;
        return stateOfFacts(facts, this.nonBlocking);
    }

    /** Gives the SOCKET away: this object is closed from then on, and does not close it. */
    detach(): bigint {
        const socket = this.socket;
        this.#socket = undefined;
        return socket;
    }

    /** Closes this descriptor, without a shutdown. May be called again. */
    close(): void {
        if (this.#socket !== undefined) {
            native().closeSocket(this.detach());
        }
    }

    /** Closes this descriptor. */
    [Symbol.dispose](): void {
        this.close();
    }
}

/** Where a new socket is bound. */
export interface OpenSocketOptions {
    /** An IP address. Default: any address, `::` where the system has IPv6, else `0.0.0.0`. */
    host?: string;
    /** Default 0: the system chooses. */
    port?: number;
    /** Do not take IPv4 on an IPv6 address. Default false. */
    ipv6Only?: boolean;
    /** SO_EXCLUSIVEADDRUSE: nobody else may take the address, even with force. Default false, as in Node. */
    exclusive?: boolean;
}

/** What {@link openListener} may be told. */
export interface OpenListenerOptions extends OpenSocketOptions {
    /** Connections that may wait to be accepted. Default 511, as in Node; the system has its own limit. */
    backlog?: number;
}

/** What {@link openDatagram} may be told. */
export interface OpenDatagramOptions extends OpenSocketOptions {
    /** SO_REUSEADDR: others may bind the same address. Default false. */
    reuseAddress?: boolean;
}

interface Wanted extends OpenSocketOptions {
    backlog: number;
    reuseAddress: boolean;
}

function wholeNumber(name: string, value: number, least: number, most: number): number {
    if (!Number.isInteger(value) || value < least || value > most) {
        throw new TypeError(`${name} must be a whole number from ${least} to ${most}, not ${String(value)}`);
    }
    return value;
}

function open({ host, port = 0, ipv6Only = false, exclusive = false, backlog, reuseAddress }: Wanted): RawSocket {
    if (host !== undefined && net.isIP(host.replace(/%.*$/, "")) === 0) {
        throw new TypeError(`host must be an IP address, not "${host}"`);
    }
    if (exclusive && reuseAddress) {
        throw new TypeError("exclusive and reuseAddress exclude each other");
    }
    const request = {
        host: host ?? "",
        port: wholeNumber("port", port, 0, 0xffff),
        backlog,
        ipv6Only,
        exclusive,
        reuseAddress,
    };
    try {
        return new RawSocket(native().openSocket({ ...request, ipv6: true }), { nonBlocking: true });
    } catch (error) {
        const { code } = error as { code?: unknown };
        if (host === undefined && (code === "WSAEAFNOSUPPORT" || code === "WSAEADDRNOTAVAIL")) {
            return new RawSocket(native().openSocket({ ...request, ipv6: false }), { nonBlocking: true });
        }
        throw error;
    }
}

/**
 * A TCP listener that is tied to no completion port and has no accept pending, so that it can be handed over without
 * losing a connection.
 *
 * @throws WinsockError `WSAEADDRINUSE`, `WSAEACCES`, `WSAEADDRNOTAVAIL`.
 * @throws TypeError if an option has no sense.
 */
export function openListener(options: OpenListenerOptions = {}): RawSocket {
    refuseUnknownOptions("openListener", options, ["host", "port", "ipv6Only", "exclusive", "backlog"]);
    const { backlog = 511, ...rest } = options;
    return open({ ...rest, backlog: wholeNumber("backlog", backlog, 1, 0x7fff_ffff), reuseAddress: false });
}

/** A bound UDP socket that is tied to no completion port. Errors as those of {@link openListener}. */
export function openDatagram(options: OpenDatagramOptions = {}): RawSocket {
    refuseUnknownOptions("openDatagram", options, ["host", "port", "ipv6Only", "exclusive", "reuseAddress"]);
    const { reuseAddress = false, ...rest } = options;
    return open({ ...rest, backlog: 0, reuseAddress });
}
