// `listen`: for servers that are to be handed over, or shared, without losing a connection.

import * as dns from "node:dns";
import * as net from "node:net";
import { refuseUnknownOptions } from "../errors.js";
import { checkServerOptions, serverFromRaw } from "./adopt-server.js";
import { openListener, type OpenListenerOptions, type RawSocket } from "./raw-socket.js";
import { tcpClass } from "./socket-handle.js";

/** Where {@link listen} listens. */
export interface ListenOptions extends OpenListenerOptions {
    /** An IP address or a name. Default: any address, `::` where the system has IPv6, else `0.0.0.0`. */
    host?: string;
    /** Closes the server when it is aborted. */
    signal?: AbortSignal;
}

/**
 * `server.listen(options)`, but on a listener that no accept is pending on (see `adoptServer`): `duplicateSocket` and
 * `sendSocket` hand it to another process, and closing it here then loses no connection. As with `server.listen()`,
 * `listening` or `error` comes next.
 *
 * The errors of the system are WinsockErrors: `WSAEADDRINUSE` where server.listen() says `EADDRINUSE`.
 *
 * @returns the server
 */
export function listen<S extends net.Server>(server: S, options: ListenOptions = {}): S {
    refuseUnknownOptions("listen", options, ["host", "port", "backlog", "ipv6Only", "exclusive", "signal"]);
    const { signal, host, ...rest } = options;
    if (!(server instanceof net.Server)) {
        throw new TypeError("listen: server must be a net.Server");
    }
    checkServerOptions("listen", {
        server,
        ...(rest.backlog === undefined ? {} : { backlog: rest.backlog }),
        ...(signal === undefined ? {} : { signal }),
    });
    tcpClass();
    const open = (address: string | undefined, atOnce: boolean): void => {
        if (signal?.aborted === true) {
            return;
        }
        let raw: RawSocket | undefined;
        try {
            raw = openListener({ ...rest, ...(address === undefined ? {} : { host: address }) });
            serverFromRaw(raw, { server, ...(signal === undefined ? {} : { signal }) });
        } catch (error) {
            raw?.close();
            if (error instanceof TypeError && atOnce) {
                throw error;
            }
            process.nextTick(() => server.emit("error", error));
        }
    };
    if (host === undefined || net.isIP(host.replace(/%.*$/, "")) !== 0) {
        open(host, true);
        return server;
    }
    checkPort(rest.port);
    dns.lookup(host, (error, address) => {
        if (error !== null) {
            server.emit("error", error);
        } else {
            open(address, false);
        }
    });
    return server;
}

/** openListener looks at it too, but only when the name has been looked up: misuse is to be told at once. */
function checkPort(port: unknown): void {
    const isPort = typeof port === "number" && Number.isInteger(port) && port >= 0 && port <= 0xffff;
    if (port !== undefined && !isPort) {
        throw new TypeError(`listen: port must be a whole number from 0 to 65535, not ${JSON.stringify(port)}`);
    }
}
