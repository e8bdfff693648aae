/**
 * Why a way could not be opened, as the Winsock error that the program gets. What went wrong at the destination is told
 * as it is; what went wrong at a proxy means that the rule cannot be carried out, and its `otherwise` decides.
 */
import type { Otherwise } from "../policy/model.js";
import type { Answer } from "../policy/controller-model.js";

export type FaultSide = "proxy" | "target";

export class WayError extends Error {
    /** Name of a Winsock error. */
    readonly code: string;
    readonly side: FaultSide;

    constructor(message: string, { code, side, cause }: { code: string; side: FaultSide; cause?: unknown }) {
        super(message, cause === undefined ? undefined : { cause });
        this.name = "WayError";
        this.code = code;
        this.side = side;
    }
}

/** Winsock's names of what Node reports of its own sockets. */
const winsockNames: ReadonlyMap<string, string> = new Map([
    ["EACCES", "WSAEACCES"],
    ["EADDRINUSE", "WSAEADDRINUSE"],
    ["EADDRNOTAVAIL", "WSAEADDRNOTAVAIL"],
    ["EAFNOSUPPORT", "WSAEAFNOSUPPORT"],
    ["ECONNABORTED", "WSAECONNABORTED"],
    ["ECONNREFUSED", "WSAECONNREFUSED"],
    ["ECONNRESET", "WSAECONNRESET"],
    ["EHOSTDOWN", "WSAEHOSTDOWN"],
    ["EHOSTUNREACH", "WSAEHOSTUNREACH"],
    ["EMFILE", "WSAEMFILE"],
    ["EMSGSIZE", "WSAEMSGSIZE"],
    ["ENETDOWN", "WSAENETDOWN"],
    ["ENETUNREACH", "WSAENETUNREACH"],
    ["ENOBUFS", "WSAENOBUFS"],
    ["EPERM", "WSAEACCES"],
    ["ETIMEDOUT", "WSAETIMEDOUT"],
]);

/** The Winsock error for an error of Node's net or dgram; what has no counterpart is an unreachable host. */
export function winsockName(error: unknown): string {
    const { code } = error as { code?: unknown };
    return (typeof code === "string" ? winsockNames.get(code) : undefined) ?? "WSAEHOSTUNREACH";
}

export function toWayError(error: unknown, side: FaultSide, what: string): WayError {
    if (error instanceof WayError) {
        return error;
    }
    const message = error instanceof Error ? error.message : String(error);
    return new WayError(`${what}: ${message}`, { code: winsockName(error), side, cause: error });
}

/** What a rule says for the case that it cannot be carried out. */
export function otherwiseAnswer(otherwise: Otherwise): Answer {
    return otherwise.kind === "allow" ? { action: "allow" } : { action: "deny", error: otherwise.error };
}
