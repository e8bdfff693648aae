// The systemfd protocol as bytes and words.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { protocolInfoSize } from "#lib/catalog/protocol-info.js";
import { WinsockError } from "#lib/errors.js";
import {
    AnswerParser,
    RequestParser,
    encodeRequest,
    longestRequest,
    mostSockets,
    readEnvironment,
    sameSecret,
    writeEnvironment,
} from "#lib/share/transports/systemfd-format.js";
import { counts } from "../support/counts.js";
import { Random, newSeed } from "./catalogs.js";

const secret = "59fb60fe-2634-4ec8-aa81-038793888c8e";
const isProtocolError = (error: unknown): boolean =>
    error instanceof WinsockError && error.code === "ERR_SYSTEMFD_PROTOCOL";

/** What the parser makes of these bytes, given to it in pieces of any size. */
function parseRequest(bytes: Uint8Array, random: Random): { secret: string; pid: number } | undefined {
    const parser = new RequestParser();
    try {
        for (let at = 0; at < bytes.byteLength;) {
            const size = 1 + random.below(bytes.byteLength - at);
            parser.push(bytes.subarray(at, at + size));
            at += size;
        }
        return parser.end();
    } catch (error) {
        assert.ok(isProtocolError(error), String(error));
        return undefined;
    }
}

describe("share: systemfd, the environment", () => {
    it("says where the giver is, as the listenfd crate writes and reads it", () => {
        const address = { host: "127.0.0.1", port: 52011, secret };
        assert.deepEqual(writeEnvironment(address), {
            SYSTEMFD_SOCKET_SERVER: "127.0.0.1:52011",
            SYSTEMFD_SOCKET_SECRET: secret,
        });
        assert.deepEqual(readEnvironment(writeEnvironment(address)), address);
        const six = { ...address, host: "::1" };
        assert.equal(writeEnvironment(six)["SYSTEMFD_SOCKET_SERVER"], "[::1]:52011");
        assert.deepEqual(readEnvironment(writeEnvironment(six)), six);
    });

    it("is absent where a variable is missing", () => {
        assert.equal(readEnvironment({}), undefined);
        assert.equal(readEnvironment({ SYSTEMFD_SOCKET_SERVER: "127.0.0.1:1" }), undefined);
        assert.equal(readEnvironment({ SYSTEMFD_SOCKET_SECRET: secret }), undefined);
    });

    it("is refused where it makes no sense, or would send the secret to another machine", () => {
        const servers = [
            "",
            "127.0.0.1",
            "127.0.0.1:",
            "127.0.0.1:0",
            "127.0.0.1:65536",
            "127.0.0.1:1x",
            ":1",
            "localhost:1",
            "::1:1",
            "[::1]",
            "[127.0.0.1]:1",
            "10.0.0.1:1",
            "[fe80::1]:1",
            "8.8.8.8:53",
            "127.1:1",
            "127.0.0.1:1\n",
        ];
        for (const server of servers) {
            assert.throws(
                () => readEnvironment({ SYSTEMFD_SOCKET_SERVER: server, SYSTEMFD_SOCKET_SECRET: secret }),
                { name: "WinsockError", code: "ERR_SYSTEMFD_ENVIRONMENT" },
                server,
            );
        }
        for (const bad of ["", "x", `${secret}0`, secret.replaceAll("-", "")]) {
            assert.throws(
                () => readEnvironment({ SYSTEMFD_SOCKET_SERVER: "127.0.0.1:1", SYSTEMFD_SOCKET_SECRET: bad }),
                { code: "ERR_SYSTEMFD_ENVIRONMENT" },
                bad,
            );
        }
    });
});

describe("share: systemfd, the request", () => {
    const seed = newSeed();

    it("is SECRET|PID", () => {
        const random = new Random(1);
        assert.equal(encodeRequest({ secret, pid: 4711 }).toString(), `${secret}|4711`);
        for (const pid of [1, 4, 4711, 0xffff_ffff]) {
            assert.deepEqual(parseRequest(encodeRequest({ secret, pid }), random), { secret, pid });
        }
        assert.deepEqual(
            parseRequest(Buffer.from(`${secret.toUpperCase()}|5`), random),
            { secret, pid: 5 },
            "case does not matter",
        );
    });

    it("is refused in any other form", () => {
        const random = new Random(2);
        const texts = [
            "",
            "|",
            secret,
            `${secret}|`,
            `${secret}|0`,
            `${secret}|-1`,
            `${secret}|+1`,
            `${secret}|1.0`,
            `${secret}|4294967296`,
            `${secret}|1\n`,
            `${secret}|01`,
            `${secret} |1`,
            `${secret}||1`,
            `${secret}|1|`,
            `{${secret}}|1`,
            `${secret.replaceAll("-", "")}|1`,
            `${secret}|0x10`,
            `${secret}|1e3`,
            "1".repeat(10_000),
        ];
        for (const text of texts) {
            assert.equal(parseRequest(Buffer.from(text), random), undefined, text);
        }
    });

    it("is refused as soon as it is too long, however it comes", () => {
        const parser = new RequestParser();
        parser.push(Buffer.alloc(longestRequest));
        assert.throws(() => parser.push(Buffer.alloc(1)), isProtocolError);
    });

    it(`survives ${counts.parserInputs} mutated requests (seed ${seed})`, function () {
        this.timeout(0);
        const random = new Random(seed);
        for (let round = 0; round < counts.parserInputs; round += 1) {
            const pid = 1 + random.below(0xffff_ffff);
            const bytes = Buffer.from(encodeRequest({ secret, pid }));
            const original = Buffer.from(bytes);
            for (let change = random.below(3); change > 0; change -= 1) {
                bytes[random.below(bytes.byteLength)] = random.below(256);
            }
            const cut = random.chance(20) ? bytes.subarray(0, random.below(bytes.byteLength + 1)) : bytes;
            const input = random.chance(10) ? Buffer.concat([cut, random.bytes(random.below(80))]) : cut;
            const request = parseRequest(input, random);
            if (input.equals(original)) {
                assert.deepEqual(request, { secret, pid });
            } else if (request !== undefined) {
                // Whatever is accepted says the same when it is written again.
                assert.equal(encodeRequest(request).toString(), input.toString("latin1").toLowerCase());
            }
        }
    });

    it("has a secret that is compared as a whole", () => {
        assert.ok(sameSecret(secret, secret));
        assert.ok(sameSecret(secret, secret.toUpperCase()));
        assert.ok(!sameSecret(secret, randomUUID()));
        assert.ok(!sameSecret(secret, secret.slice(0, -1)));
        assert.ok(!sameSecret(secret, ""));
    });
});

describe("share: systemfd, the answer", () => {
    const seed = newSeed();

    it(`is cut into infos the same way in whatever pieces it comes (seed ${seed})`, () => {
        const random = new Random(seed);
        for (let round = 0; round < 200; round += 1) {
            const bytes = random.bytes(random.below(protocolInfoSize * 5));
            const parser = new AnswerParser();
            for (let at = 0; at < bytes.byteLength;) {
                const size = 1 + random.below(1500);
                parser.push(bytes.subarray(at, at + size));
                at += size;
            }
            const { infos, cut } = parser.end();
            assert.equal(infos.length, Math.floor(bytes.byteLength / protocolInfoSize));
            assert.equal(cut, bytes.byteLength % protocolInfoSize !== 0);
            const whole = Buffer.concat(infos);
            assert.ok(whole.equals(bytes.subarray(0, whole.byteLength)));
        }
    });

    it("is refused as soon as it holds too much", () => {
        const parser = new AnswerParser();
        for (let count = 0; count < mostSockets; count += 1) {
            parser.push(Buffer.alloc(protocolInfoSize));
        }
        assert.throws(() => parser.push(Buffer.alloc(1)), isProtocolError);
        assert.throws(() => new AnswerParser(1).push(Buffer.alloc(protocolInfoSize + 1)), isProtocolError);
    });

    it("keeps its own copy of what came", () => {
        const parser = new AnswerParser();
        const chunk = Buffer.alloc(protocolInfoSize, 1);
        parser.push(chunk);
        chunk.fill(2);
        assert.equal(parser.end().infos[0]?.[0], 1);
    });
});
