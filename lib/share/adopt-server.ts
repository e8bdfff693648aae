// Listeners as net.Server objects that can be shared and handed over without losing a connection.

import * as net from "node:net";
import { WinsockError, refuseUnknownOptions } from "../errors.js";
import type { ProtocolInfo } from "../catalog/protocol-info.js";
import { adoptRaw, setAdoptedPath } from "./adopt.js";
import type { ShareMode } from "./model.js";
import { PollListener } from "./poll-listener.js";
import { RawSocket } from "./raw-socket.js";
import { tcpClass } from "./socket-handle.js";

/** The server that is made of an adopted listener. */
export interface ServerOptions<S extends net.Server = net.Server> {
    /**
     * The server that is to listen: of `net`, `tls`, `http`, `https` or `http2`, not listening yet. Default: a new
     * `net.Server`.
     */
    server?: S;
    /** Connections that may wait to be accepted, where the socket does not listen already. Default 511, as in Node. */
    backlog?: number;
    /** Closes the server when it is aborted. */
    signal?: AbortSignal;
}

/** What {@link adoptServer} may be told. */
export interface AdoptServerOptions<S extends net.Server = net.Server> extends ServerOptions<S> {
    /**
     * `share` (default): the source goes on accepting as well; each connection goes to one of all who accept. `move`: the
     * source stops. The server is the same in both: it takes connections out of the system's queue one by one.
     */
    mode?: ShareMode;
}

const serverOptionNames = ["server", "backlog", "signal"] as const;

export function checkServerOptions(caller: string, { server, backlog, signal }: ServerOptions): void {
    if (server !== undefined && !(server instanceof net.Server)) {
        throw new TypeError(`${caller}: server must be a net.Server`);
    }
    if (server?.listening === true) {
        throw new TypeError(`${caller}: the server listens already`);
    }
    if (backlog !== undefined && (!Number.isInteger(backlog) || backlog < 1 || backlog > 0x7fff_ffff)) {
        throw new TypeError(`${caller}: backlog must be a whole number above 0`);
    }
    if (signal !== undefined && !(signal instanceof AbortSignal)) {
        throw new TypeError(`${caller}: signal must be an AbortSignal`);
    }
}

/**
 * A `net.Server` (or the one given in `options.server`) on a listener that another process has made for this one with
 * WSADuplicateSocketW. As after `server.listen()`, `listening` comes next; `address()`, `maxConnections`, `close()` and
 * everything built on them work as usual.
 *
 * No accept is ever pending: connections wait in the system's queue until one of the processes takes one and gives it to
 * its `connection` listeners at once. So a server that is closed, and a process that ends, lose none that waits. The
 * sockets of accepted connections are ordinary ones of Node.
 *
 * A bound socket that does not listen yet is made to listen.
 * https://learn.microsoft.com/windows/win32/api/winsock2/nf-winsock2-wsasocketw
 *
 * @throws WinsockError as `adoptRaw`; `ERR_SOCKET_KIND` for a connection or a UDP socket, `ERR_RUNTIME_UNSUPPORTED`.
 */
export function adoptServer<S extends net.Server = net.Server>(
    info: ProtocolInfo | Uint8Array,
    options: AdoptServerOptions<S> = {},
): S {
    refuseUnknownOptions("adoptServer", options, [...serverOptionNames, "mode"]);
    const { mode, ...rest } = options;
    if (mode !== undefined && mode !== "move" && mode !== "share") {
        throw new TypeError(`adoptServer: mode must be "move" or "share", not ${String(mode)}`);
    }
    checkServerOptions("adoptServer", rest);
    rest.signal?.throwIfAborted();
    tcpClass(); // before the info is spent
    return serverFromRaw(adoptRaw(info), rest);
}

/**
 * A `net.Server` on a listening or bound SOCKET of this process. The RawSocket is given away, and closed if that fails.
 *
 * @throws WinsockError `ERR_SOCKET_KIND`, `ERR_SOCKET_CLOSED`, `ERR_RUNTIME_UNSUPPORTED`.
 */
export function serverFromRaw<S extends net.Server = net.Server>(raw: RawSocket, options: ServerOptions<S> = {}): S {
    if (!(raw instanceof RawSocket)) {
        throw new TypeError("serverFromRaw: raw must be a RawSocket");
    }
    refuseUnknownOptions("serverFromRaw", options, serverOptionNames);
    checkServerOptions("serverFromRaw", options);
    options.signal?.throwIfAborted();
    let handle: PollListener;
    try {
        refuseOtherKinds("serverFromRaw", raw);
        handle = new PollListener(raw.socket);
    } catch (error) {
        raw.close();
        throw error;
    }
    raw.detach();
    const server = options.server ?? (net.createServer() as S);
    startServer(server, handle, options);
    return server;
}

/** Throws unless the socket listens, or can be made to. */
export function refuseOtherKinds(caller: string, raw: RawSocket): void {
    const { kind, family } = raw.state;
    if ((kind !== "listening" && kind !== "unconnected") || typeof family === "number") {
        const remedy = kind === "datagram" ? "adoptDatagram" : kind === "connected" ? "adoptSocket" : "adoptRaw";
        throw new WinsockError(
            `${caller}: this is no TCP listener (kind ${kind}, family ${family}): use ${remedy}().`,
            {
                code: "ERR_SOCKET_KIND",
            },
        );
    }
}

/** As server.listen() does with a handle of Node's own. */
export function startServer(server: net.Server, handle: PollListener, { backlog, signal }: ServerOptions): void {
    try {
        server.listen(handle as object, backlog);
    } catch (error) {
        handle.close();
        throw error;
    }
    setAdoptedPath(server, "emulated");
    if (signal !== undefined) {
        const close = (): void => void server.close();
        signal.addEventListener("abort", close, { once: true });
        server.once("close", () => signal.removeEventListener("abort", close));
    }
}
