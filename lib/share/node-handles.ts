// Node's UDP handle and where a dgram.Socket keeps it: what socket-handle.ts is for TCP.

import * as dgram from "node:dgram";
import { WinsockError } from "../errors.js";

/** Node's UDP handle, as far as it is used here. Methods answer 0 or a negative error of libuv. */
export interface UdpHandle {
    /** On Windows the number of a SOCKET, not of a file descriptor. */
    open(socket: number): number;
    recvStart(): number;
    close(callback?: () => void): void;
}

export interface UdpClass {
    new (): UdpHandle;
    readonly prototype: UdpHandle;
}

/** What of a dgram.Socket's private record is used. */
export interface DatagramState {
    handle: unknown;
    /** 2: connected. */
    connectState?: number;
}

/** It lies under a symbol that only its description names; `undefined` where this runtime keeps it otherwise. */
export function datagramState(socket: dgram.Socket): DatagramState | undefined {
    const symbol = Object.getOwnPropertySymbols(socket).find(({ description }) => description === "state symbol");
    const state = symbol === undefined ? undefined : (socket as unknown as Record<symbol, unknown>)[symbol];
    return typeof state === "object" && state !== null && "handle" in state ? state : undefined;
}

let knownUdpClass: UdpClass | undefined;

/** @throws WinsockError `ERR_RUNTIME_UNSUPPORTED` where datagram sockets have no such handle. */
export function udpClass(): UdpClass {
    if (knownUdpClass === undefined) {
        const socket = dgram.createSocket("udp4");
        try {
            const found = (datagramState(socket)?.handle as object | null | undefined)?.constructor as
                UdpClass | undefined;
            if (typeof found?.prototype?.open !== "function") {
                throw new WinsockError(
                    "This runtime's datagram sockets are not made like those of Node.js, so none can be made from a " +
                        "SOCKET here. Use adoptRaw().",
                    { code: "ERR_RUNTIME_UNSUPPORTED" },
                );
            }
            knownUdpClass = found;
        } finally {
            socket.close();
        }
    }
    return knownUdpClass;
}
