// How `sockets` tells of a socket: one line of a table. Pure.

import type { SocketListing } from "../share/list-sockets.js";
import { formatListenAddress } from "./listen-address.js";

const protocolNames: Readonly<Record<number, string>> = { 6: "tcp", 17: "udp" };

export const socketsHead = `${"HANDLE".padEnd(10)}${"PROTOCOL".padEnd(10)}${"KIND".padEnd(13)}ADDRESS`;

/** One line, without its end. */
export function toSocketLine({ handle, protocol, kind, family, local, remote }: SocketListing): string {
    const name = protocolNames[protocol] ?? (typeof family === "number" ? `family ${family}` : String(protocol));
    const end = (address: typeof local): string =>
        address === undefined ? "" : formatListenAddress({ host: address.address, port: address.port });
    const ends = remote === undefined ? end(local) : `${end(local)} -> ${end(remote)}`;
    return `${`0x${handle.toString(16)}`.padEnd(10)}${name.padEnd(10)}${kind.padEnd(13)}${ends}`.trimEnd();
}
