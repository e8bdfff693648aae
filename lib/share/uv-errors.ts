// Winsock's errors as the numbers that libuv's handles return: Node makes its own errors of those.

import * as util from "node:util";
import type { SocketAddress } from "../native/readiness.js";

/** Where libuv's name is not Winsock's without the WSA. */
const renamed: Readonly<Record<string, string>> = {
    WSAEWOULDBLOCK: "EAGAIN",
    WSAESHUTDOWN: "EPIPE",
    WSAECANCELLED: "ECANCELED",
    WSA_E_CANCELLED: "ECANCELED",
    ERROR_NOT_ENOUGH_MEMORY: "ENOMEM",
    ERROR_OUTOFMEMORY: "ENOMEM",
    ERROR_INVALID_PARAMETER: "EINVAL",
    ERROR_INVALID_HANDLE: "EBADF",
    ERROR_ACCESS_DENIED: "EACCES",
};

let numbers: Map<string, number> | undefined;

/** The number of an error name of libuv (`EINVAL`: -4071 on Windows), that of `UNKNOWN` where it has none. */
export function uvNumber(name: string): number {
    numbers ??= new Map([...util.getSystemErrorMap()].map(([number, [text]]) => [text, number]));
    return numbers.get(name) ?? numbers.get("UNKNOWN") ?? -1;
}

/** The code of an error that the addon threw, as a number of libuv. */
export function toUvNumber(error: unknown): number {
    const code = error instanceof Error ? ((error as NodeJS.ErrnoException).code ?? "") : "";
    return uvNumber(renamed[code] ?? code.replace(/^WSA/, ""));
}

/** What a method of a handle returns: 0, or a number below it. */
export function uvResult(call: () => void): number {
    try {
        call();
        return 0;
    } catch (error) {
        if (error instanceof TypeError) {
            throw error;
        }
        return toUvNumber(error);
    }
}

/** Fills `out` as libuv's getsockname does. */
export function giveAddress(out: Partial<SocketAddress>, ask: () => SocketAddress | undefined): number {
    return uvResult(() => Object.assign(out, ask()));
}
