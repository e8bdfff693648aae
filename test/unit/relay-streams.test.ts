// Streams through the relay: what passes, how it ends, and who is let in.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import * as net from "node:net";
import { networkInterfaces } from "node:os";
import { setTimeout as pause } from "node:timers/promises";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { RelayNotice } from "#lib/relay/relay.js";
import { counts } from "../support/counts.js";
import {
    boundSocket,
    callOf,
    closedPort,
    connectThrough,
    echo,
    exchange,
    failure,
    follow,
    later,
    program,
    readAll,
    relayFor,
    ruleOf,
    serve,
} from "./relay-support.js";

const plain = ruleOf({});

describe("relay: streams", function () {
    this.timeout(60_000);

    for (const address of ["127.0.0.1", "::1"]) {
        it(`carries both ways and both ends, ${address}`, async () => {
            const relay = await relayFor();
            const { client } = await connectThrough(relay, plain, await serve(echo, address));
            assert.equal(await exchange(client, "there and back"), "there and back");
        });
    }

    it("carries a half-close: the other direction goes on", async () => {
        const relay = await relayFor();
        const remote = await serve((socket) => {
            void readAll(socket).then((all) => socket.end(`got ${all.length}`));
        });
        const { client } = await connectThrough(relay, plain, remote);
        assert.equal(await exchange(client, "x".repeat(1000)), "got 1000");
    });

    it("carries a half-close of the server: the client goes on", async () => {
        const relay = await relayFor();
        let got: Promise<Buffer> | undefined;
        const remote = await serve((socket) => {
            socket.end("that is all");
            got = readAll(socket);
        });
        const { client } = await connectThrough(relay, plain, remote);
        assert.equal((await readAll(client)).toString(), "that is all");
        client.end("and now me");
        assert.equal((await got!).toString(), "and now me");
    });

    it("meets a program at the address that it has bound", async function () {
        const addresses = Object.values(networkInterfaces()).flat();
        const own = addresses.find((each) => each?.family === "IPv4" && !each.internal)?.address;
        if (own === undefined) {
            this.skip();
        }
        const relay = await relayFor();
        const { local, socket } = await boundSocket(own);
        const answer = await relay.admit(callOf(plain, local, await serve(echo)));
        assert.ok(answer.action === "redirect");
        assert.equal(answer.to.address, own);
        assert.equal(await exchange(await follow(socket, answer), "from outside"), "from outside");
    });

    it("a local address that nobody can listen on takes the rule's otherwise", async () => {
        const relay = await relayFor();
        const local = { address: "192.0.2.77", port: 4711 };
        assert.deepEqual(await relay.admit(callOf(plain, local, await serve(echo))), { action: "allow" });
    });

    it("delivers what the server says first", async () => {
        const relay = await relayFor();
        const { client } = await connectThrough(relay, plain, await serve((socket) => socket.end("220 hello")));
        assert.equal((await readAll(client)).toString(), "220 hello");
    });

    it("carries a reset from the server to the client", async () => {
        const relay = await relayFor();
        const remote = await serve((socket) => socket.once("data", () => socket.resetAndDestroy()));
        const { client } = await connectThrough(relay, plain, remote);
        client.write("x");
        assert.equal(await failure(client), "ECONNRESET");
    });

    it("carries a reset from the client to the server", async () => {
        const relay = await relayFor();
        let failed: (code: string | undefined) => void;
        const code = new Promise<string | undefined>((resolve) => (failed = resolve));
        const remote = await serve((socket) => {
            socket.write("x");
            void failure(socket).then((how) => failed(how));
        });
        const { client } = await connectThrough(relay, plain, remote);
        await once(client, "data");
        client.resetAndDestroy();
        assert.equal(await code, "ECONNRESET");
    });

    it("says what the destination says: refused is refused, for every rule's otherwise", async () => {
        const relay = await relayFor();
        const { local } = await boundSocket();
        assert.deepEqual(await relay.admit(callOf(plain, local, await closedPort())), {
            action: "deny",
            error: "WSAECONNREFUSED",
        });
    });

    it("holds a fast sender back for a slow reader", async () => {
        const relay = await relayFor();
        const sent = randomBytes(48 * 1024 * 1024);
        let written = 0;
        const remote = await serve((socket) => {
            const write = (): void => {
                while (written < sent.length) {
                    const more = socket.write(sent.subarray(written, written + 65_536));
                    written += 65_536;
                    if (!more) {
                        socket.once("drain", write);
                        return;
                    }
                }
                socket.end();
            };
            write();
        });
        const { client } = await connectThrough(relay, plain, remote);
        // Nobody reads: what is under way is what kernels and streams take, not what the sender has.
        let before = -1;
        while (written !== before) {
            before = written;
            await pause(200);
        }
        assert.ok(written < sent.length, `${written} of ${sent.length} bytes were taken from the sender`);
        assert.ok((await readAll(client)).equals(sent));
    });

    it(`carries ${counts.relayStreams} streams at once`, async () => {
        const relay = await relayFor();
        const remote = await serve(echo);
        const streams = await Promise.all(
            Array.from({ length: counts.relayStreams }, () => connectThrough(relay, plain, remote)),
        );
        const answers = await Promise.all(streams.map(({ client }, index) => exchange(client, `stream ${index}`)));
        answers.forEach((answer, index) => assert.equal(answer, `stream ${index}`));
    });
});

describe("relay: who is let in", function () {
    this.timeout(60_000);

    it("resets a connection that nobody announced, unread", async () => {
        const notices: RelayNotice[] = [];
        const relay = await relayFor({ onNotice: (notice) => notices.push(notice) });
        const { local } = await boundSocket();
        const answer = await relay.admit(callOf(plain, local, await serve(echo)));
        assert.ok(answer.action === "redirect");
        const stranger = net.connect({ host: answer.to.address, port: answer.to.port });
        later(() => stranger.destroy());
        stranger.on("connect", () => stranger.write("let me in"));
        assert.match((await failure(stranger))!, /ECONNRESET|EPIPE/);
        assert.equal(notices[0]?.code, "ERR_STRANGER");
    });

    it("resets the announced connection of another process, after no more than a second", async () => {
        const relay = await relayFor({}, { ownersOf: () => [program.pid + 1] });
        const { local, socket } = await boundSocket();
        await follow(socket, await relay.admit(callOf(plain, local, await serve(echo))));
        const begin = performance.now();
        assert.match((await failure(socket))!, /ECONNRESET/);
        assert.ok(performance.now() - begin < 10_000);
    });

    it("tells two processes apart that announce the same end", async () => {
        const remotes = [await serve((socket) => socket.end("one")), await serve((socket) => socket.end("other"))];
        const relay = await relayFor({}, { ownersOf: () => [program.pid + 1] });
        const { local, socket } = await boundSocket();
        await relay.admit(callOf(plain, local, remotes[0]!));
        const answer = await relay.admit(callOf(plain, local, remotes[1]!, { pid: program.pid + 1 }));
        assert.equal((await readAll(await follow(socket, answer))).toString(), "other");
    });

    it("waits until the system knows the owner", async () => {
        let asked = 0;
        const relay = await relayFor({}, { ownersOf: () => (++asked < 5 ? [] : [program.pid]) });
        const { client } = await connectThrough(relay, plain, await serve(echo));
        assert.equal(await exchange(client, "late"), "late");
    });

    it("gives a ticket up that is not used, and closes its way", async () => {
        let closed: Promise<unknown> | undefined;
        const remote = await serve((socket) => {
            closed = new Promise((resolve) => socket.resume().once("close", resolve));
        });
        const relay = await relayFor({}, { ticketPatience: 20 });
        const { local } = await boundSocket();
        await relay.admit(callOf(plain, local, remote));
        while (closed === undefined) {
            await pause(5);
        }
        await closed;
    });

    it("refuses a ticket whose rule cannot have decided the call", async () => {
        const relay = await relayFor();
        const { local } = await boundSocket();
        const remote = await serve(echo);
        const others = [
            ruleOf({}, { program: ["other.exe"] }),
            ruleOf({}, { to: [{ range: { first: "10.0.0.0", last: "10.0.0.9" } }] }),
            ruleOf({}, { protocol: ["udp"] }),
            { name: "x", match: {}, then: { kind: "allow" } as const },
        ];
        for (const rule of others) {
            assert.deepEqual(await relay.admit(callOf(rule, local, remote)), { action: "deny", error: "WSAEACCES" });
        }
    });

    it("does nothing more for a call that was given up", async () => {
        const relay = await relayFor();
        const { local } = await boundSocket();
        const stop = new AbortController();
        const never = await serve(() => undefined);
        const rule = ruleOf({ proxy: [{ kind: "socks5", host: never.address, port: never.port }] });
        const answer = relay.admit(callOf(rule, local, never, { signal: stop.signal }));
        stop.abort();
        assert.equal((await answer).action, "deny");
    });

    it("after close() everything is reset and calls take their otherwise", async () => {
        const relay = await relayFor();
        const remote = await serve(echo);
        const { client, local } = await connectThrough(relay, plain, remote);
        client.write("x");
        await once(client, "data");
        await relay.close();
        await relay.close();
        assert.match((await failure(client))!, /ECONNRESET|EPIPE/);
        assert.deepEqual(await relay.admit(callOf(plain, local, remote)), { action: "allow" });
    });

    it("takes no option that does not exist", async () => {
        await assert.rejects(relayFor({ onSteam: 1 } as object), TypeError);
        await assert.rejects(relayFor({ onStream: 1 } as object), TypeError);
    });
});

describe("relay: onStream", function () {
    this.timeout(60_000);
    const rule = ruleOf({ rewrite: true });
    const upper = (): Transform =>
        new Transform({
            transform: (chunk: Buffer, _encoding, done) => done(null, chunk.toString().toUpperCase()),
        });

    it("rewrites one direction; the other one is carried as it is", async () => {
        const relay = await relayFor({ onStream: ({ client, server }) => pipeline(client, upper(), server) });
        const { client } = await connectThrough(relay, rule, await serve(echo));
        assert.equal(await exchange(client, "quiet"), "QUIET");
    });

    it("rewrites both directions, and knows the call", async () => {
        const calls: string[] = [];
        const relay = await relayFor({
            onStream: async ({ call, client, server }) => {
                calls.push(`${call.pid} ${call.call} ${call.rule?.name}`);
                await Promise.all([
                    pipeline(client, upper(), server),
                    pipeline(
                        server,
                        async function* (source: AsyncIterable<Buffer>) {
                            for await (const chunk of source) {
                                yield `<${chunk.toString()}>`;
                            }
                        },
                        client,
                    ),
                ]);
            },
        });
        const { client } = await connectThrough(relay, rule, await serve(echo));
        assert.equal(await exchange(client, "both"), "<BOTH>");
        assert.deepEqual(calls, [`${program.pid} WSPConnect through the relay`]);
    });

    it("a hook that throws resets the stream", async () => {
        const notices: RelayNotice[] = [];
        const relay = await relayFor({
            onStream: async ({ client, server }) => {
                const failing = new Transform({ transform: (_chunk, _encoding, done) => done(new Error("no")) });
                await pipeline(client, failing, server);
            },
            onNotice: (notice) => notices.push(notice),
        });
        const { client } = await connectThrough(relay, rule, await serve(echo));
        client.write("x");
        assert.equal(await failure(client), "ECONNRESET");
        assert.equal(notices[0]?.code, "ERR_HOOK_FAILED");
    });

    it("without a hook the rule's otherwise holds", async () => {
        const relay = await relayFor();
        const { local } = await boundSocket();
        assert.deepEqual(await relay.admit(callOf(rule, local, await serve(echo))), { action: "allow" });
        const closed = ruleOf({ rewrite: true, otherwise: { kind: "deny", error: "WSAENETDOWN" } });
        assert.deepEqual(await relay.admit(callOf(closed, local, await serve(echo))), {
            action: "deny",
            error: "WSAENETDOWN",
        });
    });
});
