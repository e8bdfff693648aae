// `listSockets`: which sockets another process has.

import { native } from "../native.js";
import { type SocketState, stateOfFacts } from "./model.js";

/** One socket of a process: what it is, and where. */
export interface SocketListing extends SocketState {
    /** The value of its handle in that process. */
    handle: number;
    /** Winsock's number: 6 is TCP, 17 is UDP. */
    protocol: number;
}

/**
 * The sockets of a process, in the order of their handles: those that it made and those that it got from others, which
 * the system's own tables (netstat) go on attributing to their makers. It looks at copies of the process's handles, and
 * changes nothing.
 *
 * Needs the right PROCESS_DUP_HANDLE on the process, as sharing does.
 *
 * @throws WinsockError `ERR_NO_PROCESS`, `ERR_PROCESS_RIGHTS`.
 * @throws TypeError if `pid` is no number of a process.
 */
export function listSockets(pid: number): SocketListing[] {
    if (!Number.isInteger(pid) || pid < 0 || pid > 0xffff_ffff) {
        throw new TypeError(`pid must be the id of a process, not ${String(pid)}`);
    }
    return native()
        .listProcessSockets(pid)
        .map((listed) => ({
            handle: listed.handle,
            protocol: listed.protocol,
            ...stateOfFacts(listed, undefined),
        }));
}
