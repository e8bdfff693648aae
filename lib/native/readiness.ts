// The declarations of native/addon/readiness.cpp: sockets that are used without a completion port of this process.

/** An address of a socket, as `net` and `dgram` write it. */
export interface SocketAddress {
    /** `127.0.0.1`, `fe80::1%4` */
    address: string;
    family: "IPv4" | "IPv6";
    port: number;
}

/**
 * A listener or a datagram socket, non-blocking, that this object owns. Every call returns at once; readiness is told
 * by a thread that waits in WSAPoll. When the thread of JavaScript ends, its sockets are closed.
 *
 * Methods throw with the code of Winsock (`WSAENOTSOCK` after `close` or `release`).
 * https://learn.microsoft.com/windows/win32/api/winsock2/nf-winsock2-wsapoll
 */
export interface PolledSocket {
    /** The SOCKET's number. */
    readonly socket: bigint;
    /** Asks to be called once when the socket is readable (or has a connection) or writable, or has failed. */
    arm(readable: boolean, writable: boolean): void;
    /** Asks to be called in a turn of its own (with 0), whether the socket is ready or not. */
    again(): void;
    /** Whether it keeps the event loop alive; it does at first. */
    setReferenced(referenced: boolean): void;
    /** Closes this descriptor; others of the same socket live on. May be called again. */
    close(): void;
    /** Lets go of the SOCKET without closing it: it is the caller's. */
    release(): bigint;

    listen(backlog: number): void;
    /** A SOCKET that the caller owns, tied to no completion port, or `undefined` where nobody waits. */
    accept(): bigint | undefined;

    /** The next datagram; of one that was longer than 65,536 bytes the beginning. `undefined` where none is there. */
    receive(): { data: Buffer; from: SocketAddress | undefined } | undefined;
    /** Sends one datagram; without an address where the socket is connected. False: no room, try when writable. */
    send(parts: Uint8Array[], address?: string, port?: number): boolean;
    connect(address: string, port: number): void;
    disconnect(): void;

    /** `undefined` for a family other than IPv4 and IPv6. */
    localAddress(): SocketAddress | undefined;
    remoteAddress(): SocketAddress | undefined;
    setOption(option: "broadcast" | "ttl" | "multicastTtl" | "multicastLoopback", value: number): void;
    /** Joins or leaves a group; `source` and `networkInterface` (addresses) may be empty. */
    membership(join: boolean, group: string, source: string, networkInterface: string): void;
    multicastInterface(address: string): void;
    /** The size in bytes of the receive or send buffer, set first where `size` is not 0. */
    bufferSize(receive: boolean, size: number): number;
}

/** What the addon exports for it. */
export interface ReadinessBinding {
    /**
     * Takes over a SOCKET of this process (on failure it is still the caller's) and makes it non-blocking. `onReady` is
     * called with the events of WSAPoll, or 0 for {@link PolledSocket.again}; what it throws is an uncaught exception.
     */
    openPolled(socket: bigint, onReady: (events: number) => void): PolledSocket;
}

/** For guard(): what a PolledSocket's methods throw becomes a WinsockError. */
export const polledSocketMethods = [
    "arm",
    "again",
    "setReferenced",
    "close",
    "release",
    "listen",
    "accept",
    "receive",
    "send",
    "connect",
    "disconnect",
    "localAddress",
    "remoteAddress",
    "setOption",
    "membership",
    "multicastInterface",
    "bufferSize",
] as const satisfies readonly (keyof PolledSocket)[];
