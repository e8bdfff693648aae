// A provider's side of the controller's pipe (native/core/controller_format.hpp): requests as bytes, answers read.
import { readEndpoint, writeEndpoint } from "#lib/policy/record-endpoint.js";
import type { ControllerRequest } from "#lib/policy/controller-messages.js";

const kinds = ["ask", "ticket", "withdrawn"];

export function encodeRequest(request: Partial<ControllerRequest> & { callNumber?: number }): Uint8Array {
    const bytes = new Uint8Array(88);
    const view = new DataView(bytes.buffer);
    const { kind = "ask", id = 1n, generation = 1, rule = 1, timeout = 10_000, callNumber = 8, protocol = 6 } = request;
    const { socket = 0n, local, remote, ipv6 = false } = request;
    view.setUint32(0, 0x51495357, true);
    view.setUint16(4, 1, true);
    view.setUint16(6, kinds.indexOf(kind) + 1, true);
    view.setBigUint64(8, id, true);
    view.setUint32(16, generation, true);
    view.setUint32(20, rule, true);
    view.setUint32(24, timeout, true);
    view.setUint16(28, callNumber, true);
    view.setUint8(30, protocol);
    view.setBigUint64(32, socket, true);
    if (local !== undefined) {
        writeEndpoint(view, 40, local, ipv6);
    }
    if (remote !== undefined) {
        writeEndpoint(view, 64, remote, ipv6);
    }
    return bytes;
}

export interface DecodedAnswer {
    readonly id: bigint;
    readonly action: number;
    readonly error: number;
    readonly target: { address: string; port: number } | undefined;
}

export function decodeAnswer(bytes: Uint8Array): DecodedAnswer {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (view.getUint32(0, true) !== 0x41495357 || view.getUint16(4, true) !== 1 || view.getUint16(6, true) !== 48) {
        throw new Error("this is no answer");
    }
    return {
        id: view.getBigUint64(8, true),
        action: view.getUint32(16, true),
        error: view.getInt32(20, true),
        target: readEndpoint(view, 24),
    };
}
