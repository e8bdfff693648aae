/** Which processes own a socket of this machine, from the system's own tables. */
import type { Endpoint } from "../policy/model.js";
import { native } from "../native.js";
import { addressBytes } from "./addresses.js";

export interface SocketEnd {
    readonly protocol: "tcp" | "udp";
    readonly local: Endpoint;
    /** Of a TCP connection. */
    readonly remote?: Endpoint;
}

/** Process ids. Empty: nobody (yet, or any more), or it cannot be told. */
export type OwnersOf = (end: SocketEnd) => readonly number[];

export const systemOwners: OwnersOf = ({ protocol, local, remote }) => {
    const [from, to] = [addressBytes(local.address), remote === undefined ? undefined : addressBytes(remote.address)];
    if (from === undefined || (protocol === "tcp" && to === undefined)) {
        return [];
    }
    return protocol === "tcp"
        ? native().tcpOwners(from, local.port, to!, remote!.port)
        : native().udpOwners(from, local.port);
};
