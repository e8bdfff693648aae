// The systemfd protocol as bytes and words, both ends; pure. It is how Rust programs (systemfd, watchexec, the listenfd
// crate) take sockets on Windows:
//
// - The giver listens on a loopback address and tells it to the programs it starts, by SYSTEMFD_SOCKET_SERVER
//   ("127.0.0.1:52011") and SYSTEMFD_SOCKET_SECRET (a random UUID).
// - The taker connects, sends "SECRET|PID" with its own process id in decimal, and shuts down its sending side.
// - The giver answers with one WSAPROTOCOL_INFOW (628 bytes) per socket, nothing between them, and closes. A request
//   that it does not like gets no answer at all.

import { timingSafeEqual } from "node:crypto";
import * as net from "node:net";
import { protocolInfoSize } from "../../catalog/protocol-info.js";
import { WinsockError } from "../../errors.js";

export const serverVariable = "SYSTEMFD_SOCKET_SERVER";
export const secretVariable = "SYSTEMFD_SOCKET_SECRET";

/** Sockets that one answer may hold: far more than a program is started with, and still only some 160 KB. */
export const mostSockets = 256;

/** Where the giver is, as the environment says. */
export interface SystemfdAddress {
    /** A loopback address: the secret is sent to it in the clear. */
    readonly host: string;
    readonly port: number;
    readonly secret: string;
}

/** What a taker asks with. */
export interface SystemfdRequest {
    /** In lower case. */
    readonly secret: string;
    /** A claim: whoever connects may write any number. */
    readonly pid: number;
}

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const uuidLength = 36;
const longestPid = "4294967295".length;
/** The longest request there is. */
export const longestRequest = uuidLength + 1 + longestPid;

function protocolError(message: string): WinsockError {
    return new WinsockError(message, { code: "ERR_SYSTEMFD_PROTOCOL" });
}

/** The variables for the programs that are to take sockets at that address. */
export function writeEnvironment({ host, port, secret }: SystemfdAddress): Record<string, string> {
    const server = net.isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`;
    return { [serverVariable]: server, [secretVariable]: secret };
}

/**
 * What the variables say, `undefined` if one of them is missing.
 *
 * @throws WinsockError ERR_SYSTEMFD_ENVIRONMENT if they are there and make no sense, or lead away from this machine
 */
export function readEnvironment(
    environment: Readonly<Record<string, string | undefined>>,
): SystemfdAddress | undefined {
    const server = environment[serverVariable];
    const secret = environment[secretVariable];
    if (server === undefined || secret === undefined) {
        return undefined;
    }
    const parts = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(server);
    const port = Number(parts?.[3]);
    const host = parts?.[1] ?? parts?.[2] ?? "";
    if (parts === null || port === 0 || port > 65535 || net.isIP(host) !== (parts[1] === undefined ? 4 : 6)) {
        throw environmentError(`${serverVariable} is not ADDRESS:PORT: "${server}"`);
    }
    if (host !== "::1" && !host.startsWith("127.")) {
        throw environmentError(`${serverVariable} is not on this machine's loopback: "${server}"`);
    }
    if (!uuid.test(secret)) {
        throw environmentError(`${secretVariable} is not a UUID`);
    }
    return { host, port, secret: secret.toLowerCase() };
}

function environmentError(message: string): WinsockError {
    return new WinsockError(message, { code: "ERR_SYSTEMFD_ENVIRONMENT" });
}

/** The bytes of a request. */
export function encodeRequest({ secret, pid }: SystemfdRequest): Buffer {
    return Buffer.from(`${secret}|${pid}`, "latin1");
}

/** A request as it comes in; keeps {@link longestRequest} bytes at most, whatever is sent. */
export class RequestParser {
    readonly #bytes = Buffer.alloc(longestRequest);
    #length = 0;

    /**
     * @throws WinsockError ERR_SYSTEMFD_PROTOCOL as soon as it is longer than any request
     */
    push(chunk: Uint8Array): void {
        if (chunk.byteLength > longestRequest - this.#length) {
            throw protocolError(`more than the ${longestRequest} bytes of the longest request`);
        }
        this.#bytes.set(chunk, this.#length);
        this.#length += chunk.byteLength;
    }

    /**
     * The request, when the sender has shut down its side.
     *
     * @throws WinsockError ERR_SYSTEMFD_PROTOCOL if it is none
     */
    end(): SystemfdRequest {
        const text = this.#bytes.toString("latin1", 0, this.#length);
        const secret = text.slice(0, uuidLength);
        const digits = text.slice(uuidLength + 1);
        const pid = /^[1-9]\d*$/.test(digits) ? Number(digits) : 0;
        if (!uuid.test(secret) || text[uuidLength] !== "|" || pid === 0 || pid > 0xffff_ffff) {
            throw protocolError("not of the form SECRET|PID");
        }
        return { secret: secret.toLowerCase(), pid };
    }
}

/** Whether the secrets are the same, in a time that does not tell how much of them is. */
export function sameSecret(one: string, other: string): boolean {
    const bytes = [one, other].map((text) => Buffer.from(text.toLowerCase().padEnd(uuidLength).slice(0, uuidLength)));
    return bytes[0]!.length === bytes[1]!.length && timingSafeEqual(bytes[0]!, bytes[1]!);
}

/** An answer as it comes in; keeps `most` infos at most, whatever is sent. */
export class AnswerParser {
    readonly #chunks: Uint8Array[] = [];
    readonly #most: number;
    #length = 0;

    constructor(most = mostSockets) {
        this.#most = most;
    }

    /**
     * @throws WinsockError ERR_SYSTEMFD_PROTOCOL as soon as there is more than the most
     */
    push(chunk: Uint8Array): void {
        if (chunk.byteLength > this.#most * protocolInfoSize - this.#length) {
            throw protocolError(`the giver sends more than ${this.#most} sockets`);
        }
        this.#chunks.push(Uint8Array.from(chunk));
        this.#length += chunk.byteLength;
    }

    /** The infos that are there to their last byte, and whether the end of another is missing. */
    end(): { infos: Uint8Array[]; cut: boolean } {
        const bytes = Buffer.concat(this.#chunks);
        const infos: Uint8Array[] = [];
        for (let at = 0; at + protocolInfoSize <= bytes.byteLength; at += protocolInfoSize) {
            infos.push(Uint8Array.from(bytes.subarray(at, at + protocolInfoSize)));
        }
        return { infos, cut: bytes.byteLength % protocolInfoSize !== 0 };
    }
}
