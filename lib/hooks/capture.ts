/**
 * What passes the relay, as a pcapng file that Wireshark opens: streams as TCP that was made up around their bytes
 * (between the program and the address that it asked for), datagrams as UDP; process and rule are in the comments.
 */
import * as fs from "node:fs";
import { finished } from "node:stream/promises";
import type * as net from "node:net";
import { toWinsockError } from "../errors.js";
import type { HeldCall } from "../policy/controller-model.js";
import type { Endpoint } from "../policy/model.js";
import { canonical } from "../relay/addresses.js";
import { mostSegment, packetEnds, pcapngHead, pcapngPacket, tcpFlags, tcpPacket, udpPacket } from "./pcapng.js";

/** One relayed stream. up: from the program; down: to it. */
export interface StreamCapture {
    up(bytes: Buffer): void;
    down(bytes: Buffer): void;
    /** `end`: the program sends no more; `final`: nothing more comes to it; resets from it and to it. */
    end(how: "end" | "final" | "reset" | "reset-by-us"): void;
}

export interface DatagramCapture {
    up(bytes: Buffer): void;
    down(bytes: Buffer): void;
}

/** A pcapng file that a relay writes to; made by {@link openCapture}. */
export interface Capture extends AsyncDisposable {
    /** Packets that were left out since the disk was too slow. */
    readonly dropped: number;
    /** The packets of a connection through the relay. */
    stream(call: HeldCall, client: net.Socket): StreamCapture;
    /** The packets of a socket that sends datagrams. */
    datagrams(call: HeldCall, local: Endpoint): DatagramCapture;
    /** Resolves when everything is in the file. May be called again. */
    close(): Promise<void>;
}

/** Bytes that may wait for the disk. */
const mostWaiting = 64 * 1024 * 1024;

const nowNs = (): bigint => BigInt(Math.round((performance.timeOrigin + performance.now()) * 1000)) * 1000n;

/** What a comment says: who and why. Control characters would break the lines of whoever prints it. */
function commentOf({ pid, program, rule }: HeldCall): Buffer {
    const name = program.split(/[\\/]/).at(-1) || "unknown program";
    const text = `${name} pid ${pid}${rule === undefined ? "" : ` rule "${rule.name}"`}`;
    return Buffer.from(text.replace(/\p{Cc}/gu, "?"));
}

class CaptureFile implements Capture {
    dropped = 0;
    readonly #file: fs.WriteStream;
    readonly #done: Promise<void>;

    constructor(file: fs.WriteStream) {
        this.#file = file;
        this.#done = finished(file).catch((error: unknown) => {
            throw toWinsockError(error);
        });
        this.#done.catch(() => undefined); // told by close()
        file.write(pcapngHead());
    }

    stream(call: HeldCall, client: net.Socket): StreamCapture {
        const near = { address: canonical(client.remoteAddress ?? "0.0.0.0"), port: client.remotePort ?? 0 };
        const remote = { address: canonical(call.remote!.address), port: call.remote!.port };
        const comment = commentOf(call);
        const [out, back] = [packetEnds(near, remote), packetEnds(remote, near)];
        // Next sequence numbers of the program and of the other end.
        const next = { up: 0, down: 0 };
        const { syn, ack, psh, fin, rst } = tcpFlags;
        const put = (direction: "up" | "down", flags: number, payload: Buffer): void => {
            const [sequence, acknowledged] = direction === "up" ? [next.up, next.down] : [next.down, next.up];
            const ends = direction === "up" ? out : back;
            this.#packet(tcpPacket(ends, { sequence, acknowledged, flags }, payload), comment);
            next[direction] = (next[direction] + payload.length + ((flags & (syn | fin)) === 0 ? 0 : 1)) >>> 0;
        };
        this.#packet(tcpPacket(out, { sequence: 0, acknowledged: 0, flags: syn }, empty), comment);
        next.up = 1;
        put("down", syn | ack, empty);
        put("up", ack, empty);
        const data = (direction: "up" | "down", bytes: Buffer): void => {
            for (let begin = 0; begin < bytes.length; begin += mostSegment) {
                put(direction, psh | ack, bytes.subarray(begin, begin + mostSegment));
            }
        };
        return {
            up: (bytes) => data("up", bytes),
            down: (bytes) => data("down", bytes),
            end: (how) => {
                const direction = how === "end" || how === "reset" ? "up" : "down";
                put(direction, (how === "end" || how === "final" ? fin : rst) | ack, empty);
            },
        };
    }

    datagrams(call: HeldCall, local: Endpoint): DatagramCapture {
        const comment = commentOf(call);
        const remote = { address: canonical(call.remote!.address), port: call.remote!.port };
        const near = { address: canonical(local.address), port: local.port };
        const [out, back] = [packetEnds(near, remote), packetEnds(remote, near)];
        return {
            up: (bytes) => this.#packet(udpPacket(out, bytes), comment),
            down: (bytes) => this.#packet(udpPacket(back, bytes), comment),
        };
    }

    close(): Promise<void> {
        this.#file.end();
        return this.#done;
    }

    [Symbol.asyncDispose](): Promise<void> {
        return this.close();
    }

    #packet(packet: Buffer, comment: Buffer): void {
        if (this.#file.writableEnded || this.#file.destroyed) {
            return;
        }
        if (this.#file.writableLength > mostWaiting) {
            this.dropped += 1;
            return;
        }
        this.#file.write(pcapngPacket(packet, nowNs(), comment));
    }
}

const empty = Buffer.alloc(0);

/** Begins a capture file; one that is there is written over. */
export function openCapture(file: string): Promise<Capture> {
    return new Promise((resolve, reject) => {
        const stream = fs.createWriteStream(file);
        stream.once("error", (error) => reject(toWinsockError(error)));
        stream.once("open", () => {
            stream.on("error", () => undefined);
            resolve(new CaptureFile(stream));
        });
    });
}
