// What the sharing of sockets speaks of: plain data.

import type { AddressInfo } from "node:net";
import { native } from "../native.js";
import type { ProtocolInfoFields } from "../catalog/protocol-info.js";
import type { NativeAddress, SocketFacts, SocketTriplet } from "../native/sockets.js";

/**
 * - `move`: the source stops, drains and closes; the target owns the socket and takes it off the source's completion
 *   port where the system can.
 * - `share`: both keep it. It is up to them who reads and who writes.
 */
export type ShareMode = "move" | "share";

/** `unconnected` is a TCP socket that neither listens nor is connected. */
export type SharedKind = "connected" | "listening" | "datagram" | "unconnected";

/** How libuv waits for a socket: with its completion port, or with one event and wait for each operation. */
export type SocketPath = "native" | "emulated";

/** What a socket is at the moment. */
export interface SocketState {
    kind: SharedKind;
    listening: boolean;
    /**
     * FIONBIO, which on Windows belongs to the socket and not to a descriptor: true for all sockets of Node. Absent
     * where it cannot be known, since Winsock does not tell it.
     */
    nonBlocking?: boolean;
    /** Winsock's number for families other than IP. */
    family: "IPv4" | "IPv6" | number;
    /** Absent while not bound. */
    local?: AddressInfo;
    /** Absent while not connected. */
    remote?: AddressInfo;
}

const socketTypeDatagram = 2;
const addressFamilies: Readonly<Record<number, "IPv4" | "IPv6">> = { 2: "IPv4", 23: "IPv6" };

function addressOf({ family, address, port }: NativeAddress): AddressInfo {
    return { address, family: addressFamilies[family] ?? String(family), port };
}

/** What the native facts of a socket mean. */
export function stateOfFacts(facts: SocketFacts, nonBlocking: boolean | undefined): SocketState {
    return {
        kind:
            facts.type === socketTypeDatagram
                ? "datagram"
                : facts.listening
                  ? "listening"
                  : facts.remote !== undefined
                    ? "connected"
                    : "unconnected",
        listening: facts.listening,
        ...(nonBlocking === undefined ? {} : { nonBlocking }),
        family: addressFamilies[facts.family] ?? facts.family,
        ...(facts.local === undefined ? {} : { local: addressOf(facts.local) }),
        ...(facts.remote === undefined ? {} : { remote: addressOf(facts.remote) }),
    };
}

/** @throws WinsockError `WSAENOTSOCK`. */
export function stateOf(socket: bigint, nonBlocking?: boolean, known?: SocketTriplet): SocketState {
    return stateOfFacts(native().describeSocket(socket, known), nonBlocking);
}

/** What an info says of the socket that it was made for. */
export function tripletOf(info: ProtocolInfoFields): SocketTriplet {
    return { family: info.addressFamily, type: info.socketType, protocol: info.protocol };
}
