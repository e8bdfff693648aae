// What passes, as a pcapng file: read back here by a reader that knows the formats and not our writer.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { openCapture } from "#lib/hooks/capture.js";
import {
    boundSocket,
    callOf,
    connectThrough,
    echo,
    exchange,
    follow,
    later,
    policyOf,
    relayFor,
    ruleOf,
    serve,
    udpSocket,
} from "./relay-support.js";

function temporary(): string {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "winsock-spi-capture-"));
    later(() => fs.rmSync(folder, { recursive: true, force: true }));
    return path.join(folder, "capture.pcapng");
}

interface Packet {
    readonly bytes: Buffer;
    readonly comment: string | undefined;
    /** Nanoseconds since 1970. */
    readonly time: bigint;
}

/** Sections, interfaces and enhanced packets of a little-endian file. */
function readPcapng(file: Buffer): Packet[] {
    const packets: Packet[] = [];
    const types: number[] = [];
    for (let at = 0; at < file.length;) {
        const [type, length] = [file.readUInt32LE(at), file.readUInt32LE(at + 4)];
        assert.ok(length % 4 === 0 && length >= 12 && at + length <= file.length, `block at ${at}`);
        assert.equal(file.readUInt32LE(at + length - 4), length, "its length stands at its end again");
        const body = file.subarray(at + 8, at + length - 4);
        types.push(type);
        if (type === 0x0a0d0d0a) {
            assert.equal(body.readUInt32LE(0), 0x1a2b3c4d);
            assert.deepEqual([body.readUInt16LE(4), body.readUInt16LE(6)], [1, 0]);
        } else if (type === 1) {
            assert.equal(body.readUInt16LE(0), 101, "raw IP");
        } else if (type === 6) {
            assert.equal(body.readUInt32LE(0), 0);
            const size = body.readUInt32LE(12);
            assert.equal(body.readUInt32LE(16), size);
            const options = body.subarray(20 + ((size + 3) & ~3));
            const comment =
                options.length >= 4 && options.readUInt16LE(0) === 1
                    ? options.subarray(4, 4 + options.readUInt16LE(2)).toString()
                    : undefined;
            packets.push({
                bytes: body.subarray(20, 20 + size),
                comment,
                time: (BigInt(body.readUInt32LE(4)) << 32n) | BigInt(body.readUInt32LE(8)),
            });
        }
        at += length;
    }
    assert.deepEqual(types.slice(0, 2), [0x0a0d0d0a, 1]);
    return packets;
}

/** The one's complement sum that is all ones where a checksum is right. */
function checks(...parts: Buffer[]): boolean {
    const bytes = Buffer.concat(parts);
    const even = bytes.length % 2 === 0 ? bytes : Buffer.concat([bytes, Buffer.alloc(1)]);
    let sum = 0;
    for (let at = 0; at < even.length; at += 2) {
        sum += even.readUInt16BE(at);
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return sum === 0xffff;
}

interface Segment {
    readonly protocol: number;
    readonly from: string;
    readonly to: string;
    readonly flags: number;
    readonly sequence: number;
    readonly acknowledged: number;
    readonly payload: Buffer;
}

function readPacket(packet: Buffer): Segment {
    const version = packet[0]! >> 4;
    const [headLength, protocol, total, source, destination] =
        version === 4
            ? [
                  (packet[0]! & 15) * 4,
                  packet[9]!,
                  packet.readUInt16BE(2),
                  packet.subarray(12, 16),
                  packet.subarray(16, 20),
              ]
            : [40, packet[6]!, 40 + packet.readUInt16BE(4), packet.subarray(8, 24), packet.subarray(24, 40)];
    assert.equal(total, packet.length);
    if (version === 4) {
        assert.ok(checks(packet.subarray(0, headLength)), "IP checksum");
    }
    const segment = packet.subarray(headLength);
    const pseudo = Buffer.alloc(4);
    pseudo.writeUInt16BE(protocol, 0);
    pseudo.writeUInt16BE(segment.length, 2);
    assert.ok(checks(source, destination, pseudo, segment), "TCP or UDP checksum");
    const text = (bytes: Buffer): string => (bytes.length === 4 ? bytes.join(".") : bytes.toString("hex"));
    const head = protocol === 6 ? (segment[12]! >> 4) * 4 : 8;
    return {
        protocol,
        from: `${text(source)}:${segment.readUInt16BE(0)}`,
        to: `${text(destination)}:${segment.readUInt16BE(2)}`,
        flags: protocol === 6 ? segment[13]! : 0,
        sequence: protocol === 6 ? segment.readUInt32BE(4) : 0,
        acknowledged: protocol === 6 ? segment.readUInt32BE(8) : 0,
        payload: segment.subarray(head),
    };
}

/** What one side sent, put together by its sequence numbers as a receiver does. */
function reassemble(segments: Segment[], from: string): Buffer {
    const parts: Buffer[] = [];
    let expected: number | undefined;
    for (const { flags, sequence, payload } of segments.filter((segment) => segment.from === from)) {
        assert.equal(sequence, expected ?? sequence, "no gap in the sequence");
        expected = (sequence + payload.length + ((flags & 3) === 0 ? 0 : 1)) >>> 0;
        parts.push(payload);
    }
    return Buffer.concat(parts);
}

const rule = ruleOf({ capture: true });

describe("relay: capture", function () {
    this.timeout(60_000);

    for (const address of ["127.0.0.1", "::1"]) {
        it(`a stream reads as TCP, with process and rule in the comments, ${address}`, async () => {
            const file = temporary();
            const capture = await openCapture(file);
            const relay = await relayFor({ capture });
            const remote = await serve(echo, address);
            const { client, local } = await connectThrough(relay, rule, remote);
            const sent = "captured ".repeat(20_000);
            assert.equal(await exchange(client, sent), sent);
            await relay.close();
            await capture.close();
            const packets = readPcapng(fs.readFileSync(file));
            const segments = packets.map(({ bytes }) => readPacket(bytes));
            const loopback = address === "::1" ? "00000000000000000000000000000001" : address;
            const [near, far] = [`${loopback}:${local.port}`, `${loopback}:${remote.port}`];
            const opening = segments.slice(0, 3).map(({ from, flags }) => [from, flags]);
            assert.deepEqual(opening, [
                [near, 2],
                [far, 18],
                [near, 16],
            ]);
            assert.equal(reassemble(segments, near).toString(), sent);
            assert.equal(reassemble(segments, far).toString(), sent);
            assert.equal(segments.filter(({ flags }) => (flags & 1) !== 0).length, 2, "both sides end");
            for (const { comment, time } of packets) {
                assert.equal(comment, 'client.exe pid 4711 rule "through the relay"');
                assert.ok(Math.abs(Number(time / 1_000_000n) - Date.now()) < 120_000);
            }
            const tshark = spawnSync(
                "tshark",
                [
                    "-r",
                    file,
                    "-o",
                    "tcp.check_checksum:TRUE",
                    "-T",
                    "fields",
                    "-e",
                    "tcp.stream",
                    "-e",
                    "tcp.checksum.status",
                ],
                { encoding: "utf8" },
            );
            if (tshark.error === undefined) {
                assert.equal(tshark.status, 0, tshark.stderr);
                assert.equal(tshark.stdout.trim().split("\n").length, packets.length);
                assert.ok(
                    tshark.stdout
                        .trim()
                        .split("\n")
                        .every((line) => line === "0\t1"),
                    tshark.stdout,
                );
            }
        });
    }

    it("a reset reads as a reset", async () => {
        const file = temporary();
        const capture = await openCapture(file);
        const relay = await relayFor({ capture });
        const remote = await serve((socket) => socket.once("data", () => socket.resetAndDestroy()));
        const { client } = await connectThrough(relay, rule, remote);
        client.write("x");
        await once(client, "error");
        await relay.close();
        await capture.close();
        const segments = readPcapng(fs.readFileSync(file)).map(({ bytes }) => readPacket(bytes));
        assert.ok((segments.at(-1)!.flags & 4) !== 0);
    });

    it("datagrams read as UDP", async () => {
        const file = temporary();
        const capture = await openCapture(file);
        const relay = await relayFor({ capture });
        const { socket: server, local: remote } = await udpSocket();
        server.on("message", (bytes, from) => server.send(`re: ${bytes.toString()}`, from.port, from.address));
        const { socket, local } = await udpSocket();
        const answer = await relay.admit(callOf(rule, local, remote, { protocol: "udp", call: "WSPSendTo" }));
        assert.ok(answer.action === "redirect");
        const answered = once(socket, "message");
        socket.send("ask", answer.to.port, answer.to.address);
        await answered;
        await capture.close();
        const segments = readPcapng(fs.readFileSync(file)).map(({ bytes }) => readPacket(bytes));
        const [near, far] = [`127.0.0.1:${local.port}`, `127.0.0.1:${remote.port}`];
        assert.deepEqual(
            segments.map(({ protocol, from, to, payload }) => [protocol, from, to, payload.toString()]),
            [
                [17, near, far, "ask"],
                [17, far, near, "re: ask"],
            ],
        );
    });

    it("only what rules say is captured", async () => {
        const file = temporary();
        const capture = await openCapture(file);
        const relay = await relayFor({ capture });
        const { client } = await connectThrough(relay, ruleOf({}), await serve(echo));
        await exchange(client, "private");
        await capture.close();
        assert.deepEqual(readPcapng(fs.readFileSync(file)), []);
    });

    it("captures what a program says whose hook rewrites it", async () => {
        const file = temporary();
        const capture = await openCapture(file);
        const relay = await relayFor({
            capture,
            onStream: ({ client, server }) => {
                client.on("data", (bytes: Buffer) => server.write(bytes.toString().toUpperCase()));
                client.on("end", () => server.end());
                server.pipe(client);
            },
        });
        const both = ruleOf({ capture: true, rewrite: true });
        const { local, socket } = await boundSocket();
        const call = callOf(both, local, await serve(echo), { policy: policyOf(both) });
        assert.equal(await exchange(await follow(socket, await relay.admit(call)), "quiet"), "QUIET");
        await relay.close();
        await capture.close();
        const segments = readPcapng(fs.readFileSync(file)).map(({ bytes }) => readPacket(bytes));
        assert.equal(reassemble(segments, `127.0.0.1:${local.port}`).toString(), "quiet");
    });

    it("a file that cannot be made is told at once", async () => {
        await assert.rejects(openCapture(path.join(temporary(), "no", "folder")), { code: "ENOENT" });
    });
});
