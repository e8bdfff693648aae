// Host names from the first bytes, and what they change.
import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { once } from "node:events";
import * as net from "node:net";
import * as tls from "node:tls";
import type { Policy, Rule } from "#lib/policy/model.js";
import { mostFirstBytes, nameIn } from "#lib/relay/names.js";
import { counts } from "../support/counts.js";
import {
    boundSocket,
    callOf,
    echo,
    exchange,
    failure,
    follow,
    later,
    policyOf,
    readAll,
    relayFor,
    ruleOf,
    serve,
} from "./relay-support.js";

/** What a TLS client of Node says first. */
async function clientHello(servername: string | undefined): Promise<Buffer> {
    let first: (bytes: Buffer) => void;
    const hello = new Promise<Buffer>((resolve) => (first = resolve));
    const { address, port } = await serve((socket) => socket.once("data", first));
    const client = tls.connect({ host: address, port, ...(servername !== undefined && { servername }) });
    client.on("error", () => undefined);
    later(() => client.destroy());
    return hello;
}

/** The same handshake message in records of at most so many bytes. */
function fragmented(hello: Buffer, most: number): Buffer {
    const message = hello.subarray(5);
    const records: Buffer[] = [];
    for (let at = 0; at < message.length; at += most) {
        const part = message.subarray(at, at + most);
        records.push(Buffer.from([22, 3, 1, part.length >> 8, part.length & 0xff]), part);
    }
    return Buffer.concat(records);
}

const known = (name: string): object => ({ state: "known", name });

describe("relay: names in first bytes", function () {
    this.timeout(60_000);

    it("TLS: the server name, however the bytes come", async () => {
        const hello = await clientHello("Www.Example.COM");
        assert.deepEqual(nameIn(hello), known("www.example.com"));
        for (let length = 0; length < hello.length; ++length) {
            assert.deepEqual(nameIn(hello.subarray(0, length)), { state: "more" }, `after ${length} bytes`);
        }
        for (const most of [1, 7, 100]) {
            assert.deepEqual(nameIn(fragmented(hello, most)), known("www.example.com"), `records of ${most}`);
        }
    });

    it("TLS without a server name has none", async () => {
        assert.deepEqual(nameIn(await clientHello(undefined)), { state: "none" });
    });

    const requests: [string, string | undefined][] = [
        ["GET / HTTP/1.1\r\nHost: example.com\r\n\r\n", "example.com"],
        ["GET / HTTP/1.1\r\nAccept: */*\r\nhOsT:\tExample.com:8080\r\n", "example.com"],
        ["GET http://other.test:80/x HTTP/1.1\r\nHost: example.com\r\n\r\n", "other.test"],
        ["CONNECT tunnel.test:443 HTTP/1.1\r\nHost: example.com\r\n\r\n", "tunnel.test"],
        ["GET / HTTP/1.1\r\nHost: example.com.\r\n\r\n", "example.com"],
        ["GET / HTTP/1.1\r\nHost: 127.0.0.1:80\r\n\r\n", undefined],
        ["GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", undefined],
        ["GET / HTTP/1.1\r\nHost: a b\r\n\r\n", undefined],
        ["GET / HTTP/1.1\r\nHost: ../etc\r\n\r\n", undefined],
        ["GET / HTTP/1.1\r\n\r\n", undefined],
        ["GET / HTTP/2.0\r\nHost: example.com\r\n\r\n", undefined],
        ["EHLO example.com\r\n", undefined],
        ["\0\0\0\x2d binary", undefined],
        ["SSH-2.0-OpenSSH\r\n", undefined],
        ["no name here\n", undefined],
        ["x", undefined],
        ["PING", undefined],
        ["GETX", undefined],
        ["BREW /pot HTTP/1.1\r\nHost: tea.test\r\n\r\n", "tea.test"],
    ];
    for (const [text, name] of requests) {
        it(`${JSON.stringify(text)}: ${name ?? "none"}`, () => {
            assert.deepEqual(nameIn(Buffer.from(text, "latin1")), name === undefined ? { state: "none" } : known(name));
        });
    }

    it("waits for the rest of a head, and no longer than is bounded", () => {
        for (const text of ["G", "GET", "GET ", "GET / HT", "CONNECT exam"]) {
            assert.deepEqual(nameIn(Buffer.from(text)), { state: "more" });
        }
        assert.deepEqual(nameIn(Buffer.from("GET / HTTP/1.1\r\nHost: exam")), { state: "more" });
        const endless = Buffer.from(`GET / HTTP/1.1\r\n${"X: y\r\n".repeat(mostFirstBytes)}`);
        assert.deepEqual(nameIn(endless.subarray(0, mostFirstBytes)), { state: "none" });
    });

    it(`ends whatever the bytes, ${counts.parserInputs} inputs`, async () => {
        const seeds = [await clientHello("a.example"), Buffer.from(requests[0]![0])];
        for (let input = 0; input < counts.parserInputs; ++input) {
            const bytes = Buffer.from(seeds[input % seeds.length]!.subarray(0, 600));
            for (let damage = randomInt(1, 6); damage > 0; --damage) {
                bytes[randomInt(bytes.length)] = randomInt(256);
            }
            const found = nameIn(bytes.subarray(0, randomInt(1, bytes.length + 1)));
            assert.ok(found.state !== "known" || /^[a-z0-9._-]{1,253}$/.test(found.name));
        }
    });
});

const get = (host: string): string => `GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`;

describe("relay: what names change", function () {
    this.timeout(60_000);
    const last = ruleOf({});
    const named = (host: string, then: Rule["then"]): Rule => ({ name: host, match: { to: [{ host }] }, then });

    async function through(policy: Policy, remote = serve(echo), internals = {}): Promise<net.Socket> {
        const relay = await relayFor({}, internals);
        const { local, socket } = await boundSocket();
        return follow(socket, await relay.admit(callOf(last, local, await remote, { policy })));
    }

    it("a name that a rule denies is reset; others pass", async () => {
        const policy = policyOf(named("*.evil.test", { kind: "deny", error: "WSAEACCES" }), last);
        const denied = await through(policy);
        denied.write(get("www.evil.test"));
        assert.equal(await failure(denied), "ECONNRESET");
        assert.equal(await exchange(await through(policy), get("good.test")), get("good.test"));
        for (const text of ["no name here\n", "PING", "X"]) {
            assert.equal(await exchange(await through(policy), text), text);
        }
    });

    it("a name that a rule redirects goes there", async () => {
        const other = await serve((socket) => socket.end("the other one"));
        const policy = policyOf(
            named("www.test", { kind: "redirect", to: [other], otherwise: { kind: "allow" } }),
            last,
        );
        const client = await through(policy);
        client.write(get("www.test"));
        assert.equal((await readAll(client)).toString(), "the other one");
    });

    it("only rules in front of the one that decided can change it", async () => {
        const policy = policyOf(last, named("www.test", { kind: "deny", error: "WSAEACCES" }));
        assert.equal(await exchange(await through(policy), get("www.test")), get("www.test"));
    });

    it("a server that speaks first is let speak; a name that comes later still decides", async () => {
        const policy = policyOf(named("evil.test", { kind: "deny", error: "WSAEACCES" }), last);
        for (const [name, passes] of [
            ["good.test", true],
            ["evil.test", false],
        ] as const) {
            const got: Buffer[] = [];
            const client = await through(
                policy,
                serve((socket) => {
                    socket.write("220 hello");
                    socket.on("data", (bytes: Buffer) => got.push(bytes));
                    socket.on("end", () => socket.end());
                }),
                { silence: 20 },
            );
            const [greeting] = (await once(client, "data")) as [Buffer];
            assert.equal(greeting.toString(), "220 hello");
            if (passes) {
                client.end(get(name));
                await readAll(client);
                assert.equal(Buffer.concat(got).toString(), get(name));
            } else {
                client.write(get(name));
                assert.equal(await failure(client), "ECONNRESET");
                assert.equal(got.length, 0, "nothing of what it said reached the server");
            }
        }
    });

    it("a client that says all and ends at once", async () => {
        const policy = policyOf(named("evil.test", { kind: "deny", error: "WSAEACCES" }), last);
        for (let count = 0; count < 20; ++count) {
            assert.equal(await exchange(await through(policy), get("good.test")), get("good.test"));
        }
    });

    it("a client that begins to tell a name and does not finish is reset", async () => {
        const policy = policyOf(named("evil.test", { kind: "deny", error: "WSAEACCES" }), last);
        const client = await through(policy, serve(echo), { namePatience: 50 });
        client.write("GET / HTTP/1.1\r\nHos");
        assert.equal(await failure(client), "ECONNRESET");
    });
});
