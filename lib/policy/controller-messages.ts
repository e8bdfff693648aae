// What providers and the controller say to each other (native/core/controller_format.hpp), as bytes and as values. Pure;
// whatever a provider sends is hostile.

import { errorNumber } from "../error-names.js";
import { isIpv6Record, isRecordFamily, readEndpoint, writeEndpoint } from "./record-endpoint.js";
import { callName } from "../hooks/decode.js";
import type { CallName } from "../hooks/records.js";
import type { Answer } from "./controller-model.js";
import type { Endpoint } from "./model.js";

export const requestSize = 88;
export const answerSize = 48;
const requestMagic = 0x51495357;
const answerMagic = 0x41495357;
const abi = 1;
const kinds = ["ask", "ticket", "withdrawn"] as const;
/** A time-out is cut to this: what setTimeout takes. */
const longestTimeout = 0x7fff_ffff;
/** VerdictKind of native/core/policy.hpp. */
const actions = { allow: 1, deny: 2, redirect: 3 } as const;
const at = {
    magic: 0,
    abi: 4,
    kind: 6,
    id: 8,
    generation: 16,
    rule: 20,
    timeout: 24,
    call: 28,
    protocol: 30,
    socket: 32,
    local: 40,
    remote: 64,
} as const;
const inAnswer = { magic: 0, abi: 4, size: 6, id: 8, action: 16, error: 20, target: 24 } as const;

/** What a provider says. */
export interface ControllerRequest {
    /** ask, ticket: a call is held. withdrawn: nobody waits for the answer to `id` any more. */
    readonly kind: (typeof kinds)[number];
    readonly id: bigint;
    readonly generation: number;
    /** Counted from 1; 0: the policy's default. */
    readonly rule: number;
    /** Milliseconds. */
    readonly timeout: number;
    readonly call: CallName;
    readonly protocol: number;
    readonly socket: bigint;
    readonly local: Endpoint | undefined;
    readonly remote: Endpoint | undefined;
    /** The socket is one of IPv6, whatever its addresses look like. */
    readonly ipv6: boolean;
}

/** The request at `offset`; undefined if it cannot be one. */
export function parseRequest(view: DataView, offset: number): ControllerRequest | undefined {
    const kind = kinds[view.getUint16(offset + at.kind, true) - 1];
    const families = [at.local, at.remote].map((end) => view.getUint16(offset + end, true));
    if (
        view.getUint32(offset + at.magic, true) !== requestMagic ||
        view.getUint16(offset + at.abi, true) !== abi ||
        kind === undefined ||
        !families.every(isRecordFamily)
    ) {
        return undefined;
    }
    return {
        kind,
        id: view.getBigUint64(offset + at.id, true),
        generation: view.getUint32(offset + at.generation, true),
        rule: view.getUint32(offset + at.rule, true),
        timeout: Math.min(view.getUint32(offset + at.timeout, true), longestTimeout),
        call: callName(view.getUint16(offset + at.call, true)),
        protocol: view.getUint8(offset + at.protocol),
        socket: view.getBigUint64(offset + at.socket, true),
        local: readEndpoint(view, offset + at.local),
        remote: readEndpoint(view, offset + at.remote),
        ipv6: isIpv6Record(view, offset + at.local) || isIpv6Record(view, offset + at.remote),
    };
}

/** Cuts the bytes of one connection into requests. Keeps less than one request's bytes. */
export class RequestReader {
    #rest: Uint8Array = new Uint8Array(0);

    /** The requests that are complete now; undefined if these bytes come from no provider that we understand. */
    read(chunk: Uint8Array): ControllerRequest[] | undefined {
        const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
        const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
        const requests: ControllerRequest[] = [];
        let offset = 0;
        for (; offset + requestSize <= bytes.length; offset += requestSize) {
            const request = parseRequest(view, offset);
            if (request === undefined) {
                return undefined;
            }
            requests.push(request);
        }
        this.#rest = bytes.slice(offset);
        return requests;
    }
}

/**
 * The bytes of an answer.
 *
 * @throws TypeError if the answer cannot be carried out: an unknown error name, a target of another family than the
 * socket's or without a port.
 */
export function encodeAnswer({ id, ipv6 }: Pick<ControllerRequest, "id" | "ipv6">, answer: Answer): Uint8Array {
    const bytes = new Uint8Array(answerSize);
    const view = new DataView(bytes.buffer);
    view.setUint32(inAnswer.magic, answerMagic, true);
    view.setUint16(inAnswer.abi, abi, true);
    view.setUint16(inAnswer.size, answerSize, true);
    view.setBigUint64(inAnswer.id, id, true);
    const action: number | undefined = actions[answer.action];
    if (action === undefined) {
        throw new TypeError(`"${String(answer.action)}" is no answer (there is: ${Object.keys(actions).join(", ")})`);
    }
    view.setUint32(inAnswer.action, action, true);
    if (answer.action === "deny") {
        const error = errorNumber(answer.error);
        if (error === undefined || !answer.error.startsWith("WSA")) {
            throw new TypeError(`"${answer.error}" is no error of Winsock`);
        }
        view.setInt32(inAnswer.error, error, true);
    } else if (answer.action === "redirect") {
        const { port } = answer.to;
        if (!Number.isInteger(port) || port < 1 || port > 0xffff) {
            throw new TypeError(`${port} is no port to redirect to`);
        }
        writeEndpoint(view, inAnswer.target, answer.to, ipv6);
    }
    return bytes;
}
