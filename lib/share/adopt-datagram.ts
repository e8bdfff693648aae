// UDP sockets as dgram.Socket objects.

import * as dgram from "node:dgram";
import { WinsockError, refuseUnknownOptions } from "../errors.js";
import type { ProtocolInfo } from "../catalog/protocol-info.js";
import { native } from "../native.js";
import { adoptRaw, setAdoptedPath, type PathOptions } from "./adopt.js";
import type { SocketPath, SocketState } from "./model.js";
import { datagramState, udpClass, type UdpHandle } from "./node-handles.js";
import { PollDatagram } from "./poll-datagram.js";
import { RawSocket } from "./raw-socket.js";
import { registerHandle } from "./socket-handle.js";

export interface AdoptDatagramOptions extends PathOptions {
    /** As for `dgram.createSocket`. */
    lookup?: dgram.SocketOptions["lookup"];
    recvBufferSize?: number;
    sendBufferSize?: number;
    /** Closes the socket when it is aborted. */
    signal?: AbortSignal;
}

const optionNames = ["mode", "emulate", "lookup", "recvBufferSize", "sendBufferSize", "signal"] as const;

/** dgram's number for a connected socket. */
const connectedState = 2;

/**
 * A `dgram.Socket` on the UDP socket that another process has made for this one with WSADuplicateSocketW. It is bound
 * already, so `bind` is not to be called, and receives as soon as this thread of JavaScript is idle: add the `message`
 * listener at once. (`listening` has been emitted before this function returns.)
 *
 * In mode `share` (the default), each datagram goes to one of the processes that receive. In mode `move` libuv gets the
 * socket, if it can be taken off its former owner's completion port; `adoptedPath` says whether it could.
 * https://learn.microsoft.com/windows/win32/api/winsock2/nf-winsock2-wsasocketw
 *
 * @throws WinsockError as `adoptRaw`; `ERR_SOCKET_KIND` for a TCP socket, `ERR_RUNTIME_UNSUPPORTED`.
 */
export function adoptDatagram(info: ProtocolInfo | Uint8Array, options: AdoptDatagramOptions = {}): dgram.Socket {
    checkOptions("adoptDatagram", options);
    udpClass(); // before the info is spent
    return datagramFromRaw(adoptRaw(info), options);
}

function checkOptions(caller: string, options: AdoptDatagramOptions): void {
    refuseUnknownOptions(caller, options, optionNames);
    const { mode, emulate, signal } = options;
    if (mode !== undefined && mode !== "move" && mode !== "share") {
        throw new TypeError(`${caller}: mode must be "move" or "share", not ${String(mode)}`);
    }
    if (emulate !== undefined && typeof emulate !== "boolean") {
        throw new TypeError(`${caller}: emulate must be a boolean`);
    }
    if (signal !== undefined && !(signal instanceof AbortSignal)) {
        throw new TypeError(`${caller}: signal must be an AbortSignal`);
    }
    signal?.throwIfAborted();
}

/**
 * A `dgram.Socket` on a UDP SOCKET of this process. The RawSocket is given away, and closed if that fails.
 *
 * @throws WinsockError `ERR_SOCKET_KIND`, `ERR_SOCKET_CLOSED`, `ERR_RUNTIME_UNSUPPORTED`.
 */
export function datagramFromRaw(raw: RawSocket, options: AdoptDatagramOptions = {}): dgram.Socket {
    if (!(raw instanceof RawSocket)) {
        throw new TypeError("datagramFromRaw: raw must be a RawSocket");
    }
    checkOptions("datagramFromRaw", options);
    const { mode = "share", emulate = false, ...dgramOptions } = options;
    try {
        const state = raw.state;
        refuseOtherKinds(state);
        const socket = dgram.createSocket({ ...dgramOptions, type: state.family === "IPv6" ? "udp6" : "udp4" });
        const { handle, path } = openHandle(raw, mode === "move" && !emulate);
        // dgram takes any object that can receive; @types/node does not say so.
        try {
            (socket.bind as (handle: object) => void).call(socket, handle);
        } catch (error) {
            handle.close();
            throw error;
        }
        setAdoptedPath(socket, path);
        if (state.remote !== undefined) {
            markConnected(socket);
        }
        return socket;
    } catch (error) {
        raw.close();
        throw error;
    }
}

function refuseOtherKinds({ kind, family }: SocketState): void {
    if (kind !== "datagram" || typeof family === "number") {
        const remedy = kind === "listening" ? "adoptServer" : kind === "datagram" ? "adoptRaw" : "adoptSocket";
        throw new WinsockError(`This is no UDP socket (kind ${kind}, family ${family}): use ${remedy}().`, {
            code: "ERR_SOCKET_KIND",
        });
    }
}

/** Takes the SOCKET out of the RawSocket. */
function openHandle(raw: RawSocket, alone: boolean): { handle: UdpHandle | PollDatagram; path: SocketPath } {
    const { socket } = raw;
    const libuv = alone ? openLibuv(socket) : undefined;
    const handle = libuv ?? new PollDatagram(socket);
    raw.detach();
    registerHandle(handle, socket);
    return { handle, path: libuv === undefined ? "emulated" : "native" };
}

/** Node's own handle on the socket; `undefined` where that belongs to another completion port and cannot be taken off. */
function openLibuv(socket: bigint): UdpHandle | undefined {
    native().detachSocket(socket);
    const Udp = udpClass();
    const handle = new Udp();
    if (handle.open(Number(socket)) === 0) {
        return handle;
    }
    handle.close();
    return undefined;
}

/** dgram asks only its own record whether a socket is connected, and the system was asked by another process. */
function markConnected(socket: dgram.Socket): void {
    const state = datagramState(socket);
    if (state !== undefined && "connectState" in state) {
        state.connectState = connectedState;
    }
}
