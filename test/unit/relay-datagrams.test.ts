// Datagrams through the relay: directly, through a SOCKS5 proxy's UDP ASSOCIATE, over bad lines.
import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import * as dgram from "node:dgram";
import { once } from "node:events";
import type * as net from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import type { Answer, HeldCall } from "#lib/policy/controller-model.js";
import type { Endpoint, Rule } from "#lib/policy/model.js";
import { encodeDatagram, encodeTarget, parseDatagram } from "#lib/relay/socks5.js";
import { counts } from "../support/counts.js";
import { program, callOf, closedPort, later, relayFor, ruleOf, serve, udpSocket } from "./relay-support.js";

const rule = ruleOf({});

async function udpEcho(address = "127.0.0.1"): Promise<Endpoint> {
    const { socket, local } = await udpSocket(address);
    socket.on("message", (bytes, from) => socket.send(bytes, from.port, from.address));
    return local;
}

function flow(
    relay: { admit(call: HeldCall): Promise<Answer> },
    local: Endpoint,
    remote: Endpoint,
    by: Rule = rule,
): Promise<Answer> {
    return relay.admit(callOf(by, local, remote, { protocol: "udp", call: "WSPSendTo" }));
}

function toOf(answer: Answer): Endpoint {
    assert.ok(answer.action === "redirect", JSON.stringify(answer));
    return answer.to;
}

interface Said {
    readonly text: string;
    readonly from: dgram.RemoteInfo;
}

async function ask(socket: dgram.Socket, to: Endpoint, text: string): Promise<Said> {
    const answered = once(socket, "message") as Promise<[Buffer, dgram.RemoteInfo]>;
    socket.send(text, to.port, to.address);
    const [bytes, from] = await answered;
    return { text: bytes.toString(), from };
}

/** A SOCKS5 proxy for datagrams, as RFC 1928 has it: none of the npm servers knows UDP ASSOCIATE. */
async function associating(): Promise<{ endpoint: Endpoint; control: () => net.Socket; targets: string[] }> {
    const targets: string[] = [];
    let control: net.Socket | undefined;
    const { socket: inside, local } = await udpSocket();
    const { socket: outside } = await udpSocket();
    let client: dgram.RemoteInfo | undefined;
    inside.on("message", (bytes, from) => {
        client = from;
        const parsed = parseDatagram(bytes)!;
        targets.push(`${parsed.from.host}:${parsed.from.port}`);
        outside.send(parsed.payload, parsed.from.port, parsed.from.host);
    });
    outside.on("message", (bytes, { address, port }) => {
        inside.send(encodeDatagram({ host: address, port }, bytes), client!.port, client!.address);
    });
    const endpoint = await serve((socket) => {
        control = socket;
        socket.once("data", () => {
            socket.write(Buffer.from([5, 0]));
            socket.once("data", (request: Buffer) => {
                assert.equal(request[1], 3);
                const bound = encodeTarget({ host: "0.0.0.0", port: local.port });
                socket.write(Buffer.concat([Buffer.from([5, 0, 0]), bound]));
            });
        });
    });
    return { endpoint, control: () => control!, targets };
}

describe("relay: datagrams", function () {
    this.timeout(60_000);

    it(`reads any datagram of a proxy or none, ${counts.parserInputs} inputs`, () => {
        const seeds = ["192.0.2.1", "2001:db8::1", "a.example"].map((host) =>
            encodeDatagram({ host, port: 53 }, Buffer.from("payload")),
        );
        for (let input = 0; input < counts.parserInputs; ++input) {
            const bytes = Buffer.from(seeds[input % seeds.length]!);
            for (let damage = randomInt(0, 4); damage > 0; --damage) {
                bytes[randomInt(bytes.length)] = randomInt(256);
            }
            const parsed = parseDatagram(bytes.subarray(0, randomInt(bytes.length + 1)));
            assert.ok(parsed === undefined || (parsed.from.port < 65_536 && parsed.payload.length < bytes.length));
        }
        seeds.forEach((bytes) => assert.equal(parseDatagram(bytes)!.payload.toString(), "payload"));
    });

    for (const address of ["127.0.0.1", "::1"]) {
        it(`go there and come back from the same port, ${address}`, async () => {
            const relay = await relayFor();
            const { socket, local } = await udpSocket(address);
            const to = toOf(await flow(relay, local, await udpEcho(address)));
            for (const text of ["one", "two", "x".repeat(9000)]) {
                const answer = await ask(socket, to, text);
                assert.equal(answer.text, text);
                assert.deepEqual([answer.from.address, answer.from.port], [to.address, to.port]);
            }
        });
    }

    it("each destination has a port of its own", async () => {
        const relay = await relayFor();
        const { socket, local } = await udpSocket();
        const one = toOf(await flow(relay, local, await udpEcho()));
        const other = toOf(await flow(relay, local, await udpEcho()));
        assert.notEqual(one.port, other.port);
        assert.equal((await ask(socket, one, "1")).text, "1");
        assert.equal((await ask(socket, other, "2")).text, "2");
    });

    it("nobody else may use it", async () => {
        const relay = await relayFor();
        const got: string[] = [];
        const { socket: server, local: remote } = await udpSocket();
        server.on("message", (bytes, from) => {
            got.push(bytes.toString());
            server.send(bytes, from.port, from.address);
        });
        const { socket, local } = await udpSocket();
        const to = toOf(await flow(relay, local, remote));
        const { socket: stranger } = await udpSocket();
        await new Promise((resolve) => stranger.send("let me in", to.port, to.address, resolve));
        await ask(socket, to, "mine");
        assert.deepEqual(got, ["mine"]);
    });

    it("socks5: UDP ASSOCIATE, as long as its connection stands", async () => {
        const { endpoint, control, targets } = await associating();
        const relay = await relayFor();
        const remote = await udpEcho();
        const { socket, local } = await udpSocket();
        const proxied = ruleOf({ proxy: [{ kind: "socks5", host: endpoint.address, port: endpoint.port }] });
        const to = toOf(await flow(relay, local, remote, proxied));
        assert.equal((await ask(socket, to, "by proxy")).text, "by proxy");
        assert.deepEqual(targets, [`${remote.address}:${remote.port}`]);
        const ended = once(control(), "end");
        await relay.close();
        await ended;
    });

    it("what datagrams cannot go through takes the rule's otherwise", async () => {
        const relay = await relayFor();
        const { local } = await udpSocket();
        const down = await closedPort();
        const socks5 = { kind: "socks5", host: down.address, port: down.port } as const;
        const remote = await udpEcho();
        const denied = { action: "deny", error: "WSAEACCES" };
        assert.deepEqual(await flow(relay, local, remote, ruleOf({ proxy: [socks5] })), denied);
        assert.deepEqual(await flow(relay, local, remote, ruleOf({ proxy: [{ ...socks5, kind: "http" }] })), denied);
        assert.deepEqual(await flow(relay, local, remote, ruleOf({ proxy: [socks5, socks5] })), denied);
        assert.deepEqual(await flow(relay, local, { address: "239.1.2.3", port: 5 }), { action: "allow" });
        assert.deepEqual(await flow(relay, local, { address: "ff02::1", port: 5 }), { action: "allow" });
    });

    it("loss: the share that the rule says, each way", async () => {
        let next = 0;
        const relay = await relayFor({}, { random: () => (next++ % 4 === 0 ? 0 : 0.9) });
        let arrived = 0;
        const { socket: server, local: remote } = await udpSocket();
        let wake: () => void = () => undefined;
        server.on("message", () => {
            arrived += 1;
            wake();
        });
        const { socket, local } = await udpSocket();
        const to = toOf(await flow(relay, local, remote, ruleOf({ loss: 0.25 })));
        for (let count = 0; count < 40; ++count) {
            await new Promise((resolve) => socket.send("x", to.port, to.address, resolve));
        }
        while (arrived < 30) {
            await new Promise<void>((resolve) => (wake = resolve));
        }
        await pause(50);
        assert.equal(arrived, 30);
    });

    it("delay: each way", async () => {
        const relay = await relayFor();
        const { socket, local } = await udpSocket();
        const to = toOf(await flow(relay, local, await udpEcho(), ruleOf({ delay: 40 })));
        const begin = performance.now();
        await ask(socket, to, "x");
        assert.ok(performance.now() - begin >= 78);
    });

    it("a flow ends with the program's socket, not before", async () => {
        let owners: number[] = [program.pid];
        let asked = 0;
        const relay = await relayFor(
            {},
            {
                flowIdle: 10,
                ownersOf: () => {
                    asked += 1;
                    return owners;
                },
            },
        );
        const remote = await udpEcho();
        const { socket, local } = await udpSocket();
        const to = toOf(await flow(relay, local, remote));
        while (asked < 3) {
            await pause(5);
        }
        assert.equal((await ask(socket, to, "still there")).text, "still there");
        owners = [];
        // The port is free again.
        for (let free = false; !free;) {
            await pause(10);
            const probe = dgram.createSocket("udp4");
            free = await new Promise<boolean>((resolve) => {
                probe.once("error", () => resolve(false));
                probe.bind({ port: to.port, address: "127.0.0.1", exclusive: true }, () => resolve(true));
            });
            if (free) {
                later(() => probe.close());
            }
        }
    });
});
