// From Node's socket objects to the system's sockets, and the class of their handles.
//
// Node shows neither. What is used here: `ref()` and `unref()` (public) tell which libuv handle is behind an object, and
// a handle's own `constructor` is the class to make another one with; process.binding is deprecated and refused by the
// permission model.

import * as dgram from "node:dgram";
import * as net from "node:net";
import type { TLSSocket } from "node:tls";
import { WinsockError } from "../errors.js";
import { native } from "../native.js";
import { RawSocket } from "./raw-socket.js";

/** Everything that a socket can be got from. A `bigint` is the number of a SOCKET of this process. */
export type Shareable = net.Socket | net.Server | dgram.Socket | TLSSocket | RawSocket | bigint;

/** Node's TCP handle, as far as it is used here. Methods answer 0 or a negative error of libuv. */
export interface TcpHandle {
    reading?: boolean;
    open(socket: number): number;
    close(callback?: () => void): void;
    readStart(): number;
    readStop(): number;
    ref(): void;
    unref(): void;
    hasRef(): boolean;
    getsockname(out: object): number;
    getpeername(out: object): number;
    setSimultaneousAccepts?(on: boolean): number;
}

export interface TcpClass {
    /** `type` is 0 for a connection, 1 for a listener. */
    new (type: number): TcpHandle;
    readonly prototype: TcpHandle;
}

function notNode(): WinsockError {
    return new WinsockError(
        "This runtime's sockets are not made like those of Node.js: there is no way between them and a SOCKET here. " +
            "RawSocket, adoptRaw() and duplicateSocket() of those work.",
        { code: "ERR_RUNTIME_UNSUPPORTED" },
    );
}

/** Whether this runtime has TCP handles of another kind than Node's (Bun). */
function handleIsForeign(): boolean {
    try {
        tcpClass();
        return false;
    } catch (error) {
        return error instanceof WinsockError && error.code === "ERR_RUNTIME_UNSUPPORTED";
    }
}

let knownTcpClass: TcpClass | undefined;

/**
 * Node's class of TCP handles.
 *
 * @throws WinsockError `ERR_RUNTIME_UNSUPPORTED` where sockets have no such handle; `ERR_PERMISSION` where Node's
 * permission model forbids sockets altogether.
 */
export function tcpClass(): TcpClass {
    if (knownTcpClass !== undefined) {
        return knownTcpClass;
    }
    const socket = new net.Socket();
    socket.on("error", () => undefined);
    try {
        // The handle is there at once; the lookup that would lead to a connection never answers.
        socket.connect({ host: "winsock-spi.invalid", port: 1, lookup: () => undefined });
        const handle = handleOf(socket);
        const found = handle?.constructor as TcpClass | undefined;
        if (typeof found?.prototype?.open !== "function") {
            throw notNode();
        }
        knownTcpClass = found;
        return found;
    } catch (error) {
        if ((error as { code?: unknown }).code === "ERR_ACCESS_DENIED") {
            throw new WinsockError("Node's permission model forbids sockets here: start it with --allow-net.", {
                code: "ERR_PERMISSION",
                cause: error,
            });
        }
        throw error;
    } finally {
        socket.destroy();
    }
}

/** The handle behind a stream or server; undefined if it is closed or has none yet. */
export function handleOf(socket: net.Socket | net.Server): TcpHandle | undefined {
    return (socket as unknown as { _handle?: TcpHandle | null })._handle ?? undefined;
}

/** The handle behind a datagram socket, which lies in a record under a symbol that only its description names. */
export function datagramHandleOf(socket: dgram.Socket): object | undefined {
    const symbol = Object.getOwnPropertySymbols(socket).find(({ description }) => description === "state symbol");
    if (symbol === undefined) {
        return undefined;
    }
    const state = (socket as unknown as Record<symbol, { handle?: object | null } | undefined>)[symbol];
    return state?.handle ?? undefined;
}

const socketsOfHandles = new WeakMap<object, bigint>();

/**
 * Remembers the SOCKET behind a handle, for handles that this library made: libuv need not be asked, and need not know
 * them.
 */
export function registerHandle(handle: object, socket: bigint): void {
    socketsOfHandles.set(handle, socket);
    handlesOfSockets.set(socket, new WeakRef(handle));
}

/** The handles that this library made, by SOCKET; a number comes again once its socket is closed. */
const handlesOfSockets = new Map<bigint, WeakRef<object>>();

/** Whether a handle that this library made has this SOCKET, and is open. */
export function handleIsOpen(socket: bigint): boolean {
    const handle = handlesOfSockets.get(socket)?.deref() as Partial<TcpHandle> | undefined;
    const open = handle?.getsockname?.({}) === 0; // a closed one answers EBADF
    if (!open) {
        handlesOfSockets.delete(socket);
    }
    return open;
}

function closed(what: string): WinsockError {
    return new WinsockError(`${what}: there is no socket of the system behind it (any more).`, {
        code: "ERR_SOCKET_CLOSED",
    });
}

/**
 * The SOCKET behind an object. It stays the object's: whoever closes it takes it from under libuv.
 *
 * For a TLS socket it is the socket that carries the encrypted bytes.
 *
 * @throws WinsockError `ERR_SOCKET_CLOSED` (closed, or not opened yet), `ERR_NO_SOCKET` (a pipe, a TLS stream over
 * something else than a socket, a listener that the cluster module keeps in the primary process),
 * `ERR_RUNTIME_UNSUPPORTED` (another runtime than Node.js).
 * @throws TypeError for anything that is not {@link Shareable}.
 */
export function socketOf(socket: Shareable): bigint {
    if (typeof socket === "bigint") {
        return socket;
    }
    if (socket instanceof RawSocket) {
        return socket.socket;
    }
    if (socket instanceof net.Socket || socket instanceof net.Server) {
        const name =
            socket instanceof net.Server ? "The server is not listening" : "The socket is closed or not opened";
        const handle = handleOf(socket);
        if (handle === undefined) {
            throw closed(name);
        }
        return lookUp(socket, handle, name);
    }
    if (socket instanceof dgram.Socket) {
        const name = "The datagram socket is closed or not bound";
        const handle = datagramHandleOf(socket);
        if (handle === undefined) {
            throw closed(name);
        }
        return lookUp(socket, handle, name);
    }
    throw new TypeError("socket must be a net.Socket, net.Server, dgram.Socket, RawSocket or the bigint of a SOCKET");
}

function lookUp(object: net.Socket | net.Server | dgram.Socket, handle: object, name: string): bigint {
    const known = socketsOfHandles.get(handle);
    if (known !== undefined) {
        return known;
    }
    const found = native().findSocket(
        () => void object.ref(),
        () => void object.unref(),
    );
    if (found === undefined && handleIsForeign()) {
        throw notNode();
    }
    if (found === undefined || found.kind === "other") {
        throw new WinsockError(
            "There is no TCP or UDP socket of this process behind the object: it may be a pipe, a TLS stream over " +
                "another stream, or a listener that the cluster module keeps in the primary process.",
            { code: "ERR_NO_SOCKET" },
        );
    }
    if (found.socket === undefined) {
        throw closed(name);
    }
    socketsOfHandles.set(handle, found.socket);
    return found.socket;
}

/** Whether a socket of Node's is behind the object: those are non-blocking. */
export function isOfNode(socket: Shareable): boolean {
    return typeof socket !== "bigint" && !(socket instanceof RawSocket);
}
