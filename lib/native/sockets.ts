// The addon's part for sockets (native/addon/sockets.cpp). A socket is its SOCKET as a bigint.

import type { Bits } from "../native.js";

/** An address as Winsock gave it. `family` is Winsock's number (AF_INET 2, AF_INET6 23). */
export interface NativeAddress {
    family: number;
    /** e.g. `127.0.0.1`, `fe80::1%5`; empty for families other than IP. */
    address: string;
    port: number;
}

/** Winsock's numbers for family, type (SOCK_STREAM 1, SOCK_DGRAM 2) and protocol, which never change. */
export interface SocketTriplet {
    family: number;
    type: number;
    protocol: number;
}

/** What a socket is. */
export interface SocketFacts extends SocketTriplet {
    listening: boolean;
    /** Absent while not bound. */
    local?: NativeAddress;
    /** Absent while not connected. */
    remote?: NativeAddress;
}

/** A socket to be made: bound, non-blocking, tied to no completion port. */
export interface SocketRequest {
    /** An IP address; empty: any. */
    host: string;
    port: number;
    /** Above 0: a TCP listener with this backlog; 0: a UDP socket. */
    backlog: number;
    /** Which family an empty host means. */
    ipv6: boolean;
    ipv6Only: boolean;
    /** SO_EXCLUSIVEADDRUSE. */
    exclusive: boolean;
    /** SO_REUSEADDR, where not exclusive. */
    reuseAddress: boolean;
}

/** One socket of a process; `handle` is its value there. */
export interface NativeListing extends SocketFacts {
    handle: number;
}

export interface SocketsBinding {
    /**
     * The libuv handle of this thread's loop whose reference the two functions change, and its SOCKET where it has one.
     * `undefined` if they change none. The reference is left as it was.
     * Throws ERR_RUNTIME_UNSUPPORTED in a program that exports no libuv.
     */
    findSocket(ref: () => void, unref: () => void): { kind: "tcp" | "udp" | "other"; socket?: bigint } | undefined;
    /**
     * WSADuplicateSocketW: `info` is the 628 bytes, `start` the target's creation (FILETIME), `bits` its bitness.
     * Throws ERR_NO_PROCESS, ERR_PROCESS_RIGHTS, WSAENOTSOCK, WSAEINVAL (a socket with quality of service).
     * https://learn.microsoft.com/windows/win32/api/winsock2/nf-winsock2-wsaduplicatesocketw
     */
    duplicateSocket(socket: bigint, pid: number): { info: Uint8Array; start: bigint; bits: Bits };
    /**
     * Closes the handle `handle` of the process that has this id and creation time. Throws ERR_PROCESS_RIGHTS,
     * ERR_ALREADY_TAKEN (it has no such handle).
     */
    revokeExport(pid: number, start: bigint, handle: number): void;
    /**
     * WSASocketW from the 628 bytes; the handle is not inheritable. Throws ERR_INFO_DAMAGED, ERR_NO_PROVIDER,
     * ERR_INFO_SPENT. https://learn.microsoft.com/windows/win32/api/winsock2/nf-winsock2-wsasocketw
     */
    adoptInfo(info: Uint8Array): bigint;
    /** Takes the socket off its completion port; false where this system cannot (Windows before 8.1, Wine). */
    detachSocket(socket: bigint): boolean;
    /** Gives the socket to a port that nobody uses; false if it belongs to one already. */
    occupyPort(socket: bigint): boolean;
    /** 1: FILE_SKIP_COMPLETION_PORT_ON_SUCCESS, 2: FILE_SKIP_SET_EVENT_ON_HANDLE. */
    completionModes(socket: bigint): number;
    /** CancelIoEx until nothing of this process is pending, at most that long; false if something still is. */
    cancelPending(socket: bigint, milliseconds: number): boolean;
    /** Throws WSAENOTSOCK. With what is known of the socket already it asks Winsock less. */
    describeSocket(socket: bigint, known?: SocketTriplet): SocketFacts;
    /**
     * The sockets among the handles of a process, in their order. Handles that do not answer are left out.
     * Throws ERR_NO_PROCESS, ERR_PROCESS_RIGHTS.
     */
    listProcessSockets(pid: number): NativeListing[];
    /** Throws WSAEADDRINUSE, WSAEACCES, WSAEADDRNOTAVAIL. */
    openSocket(request: SocketRequest): bigint;
    /** FIONBIO: a property of the socket, for every process that has it. */
    setNonBlocking(socket: bigint, on: boolean): void;
    /** closesocket, without a shutdown. */
    closeSocket(socket: bigint): void;
}

export const socketsMethods = [
    "findSocket",
    "duplicateSocket",
    "revokeExport",
    "adoptInfo",
    "detachSocket",
    "occupyPort",
    "completionModes",
    "cancelPending",
    "describeSocket",
    "listProcessSockets",
    "openSocket",
    "setNonBlocking",
    "closeSocket",
] as const satisfies readonly (keyof SocketsBinding)[];
