// From a socket that has arrived to the object of Node's that its user gets.

import type * as dgram from "node:dgram";
import type * as net from "node:net";
import { type AdoptOptions, adoptedPath, streamFromRaw } from "./adopt.js";
import { datagramFromRaw } from "./adopt-datagram.js";
import { serverFromRaw } from "./adopt-server.js";
import type { ShareMode, SharedKind, SocketPath } from "./model.js";
import type { PeerInfo } from "./peer.js";
import type { RawSocket } from "./raw-socket.js";
import type { Arrival } from "./target-link.js";

/** A socket that another process has given. */
export interface ReceivedSocket {
    /** With `raw: true` a RawSocket. */
    socket: net.Socket | net.Server | dgram.Socket | RawSocket;
    kind: SharedKind;
    mode: ShareMode;
    /** How this process's libuv waits for it; undefined for a RawSocket. */
    path: SocketPath | undefined;
    /** What the sender gave with it, if anything. */
    message: unknown;
    /** The process that sent it. */
    peer: PeerInfo;
    /** For a RawSocket: what the source's stream had read already and comes before what is read from the socket. */
    data?: Buffer;
}

/** Options of the object that is made. */
export interface ReceivedOptions {
    /** Give RawSockets, without an object of Node's around them. Default false. */
    raw?: boolean | undefined;
    /** As for `net.Socket`. Default false. */
    allowHalfOpen?: boolean | undefined;
    /** Connections are not read from until `resume()` or `read()` is called. Default false. */
    pauseOnCreate?: boolean | undefined;
    /** Use events even where a completion port would do. Default false. */
    emulate?: boolean | undefined;
}

/** Makes the object at the moment at which the user gets it: nothing can happen to it unseen. */
export function build(arrival: Arrival, options: ReceivedOptions): ReceivedSocket {
    const { raw, kind, mode, message, data, peer } = arrival;
    if (options.raw === true) {
        arrival.done(undefined);
        return { socket: raw, kind, mode, path: undefined, message, peer, ...(data.length > 0 && { data }) };
    }
    const { allowHalfOpen = false, pauseOnCreate = false, emulate = false } = options;
    try {
        const socket =
            kind === "listening"
                ? serverFromRaw(raw)
                : kind === "datagram"
                  ? datagramFromRaw(raw, { mode, emulate })
                  : connection(raw, kind === "connected", {
                        mode,
                        emulate,
                        allowHalfOpen,
                        pauseOnCreate,
                        initialData: data,
                    });
        const path = adoptedPath(socket);
        arrival.done(path);
        return { socket, kind, mode, path, message, peer };
    } catch (error) {
        raw.close();
        arrival.done(undefined);
        throw error;
    }
}

function connection(raw: RawSocket, connected: boolean, options: AdoptOptions): net.Socket {
    const socket = streamFromRaw(raw, connected, options, false);
    if (connected && options.pauseOnCreate !== true) {
        startReadingSoon(socket);
    }
    return socket;
}

/**
 * A socket of Node's reads from the beginning, so that it hears of the connection's end even if nobody reads. That first
 * read costs as much as half of a hand-over; where many sockets come at once it waits until all are there. A socket
 * whose user wants its data reads at once.
 */
const unread: net.Socket[] = [];
let firstUnread = 0;
let timer: NodeJS.Timeout | undefined;
const quiet = 10; // milliseconds without another socket
const longest = 200; // milliseconds that the first waits at most

function startReadingSoon(socket: net.Socket): void {
    if (unread.push(socket) === 1) {
        firstUnread = performance.now();
    }
    if (timer === undefined) {
        timer = setTimeout(startReading, quiet);
    } else if (performance.now() - firstUnread < longest) {
        timer.refresh();
    }
}

function startReading(): void {
    timer = undefined;
    for (const socket of unread.splice(0)) {
        if (!socket.destroyed) {
            socket.read(0);
        }
    }
}
