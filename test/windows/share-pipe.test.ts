// sendSocket, receiveSockets, offers: the whole scenario over the named pipe.
import assert from "node:assert/strict";
import * as dgram from "node:dgram";
import { once } from "node:events";
import * as net from "node:net";
import {
    type PeerCheck, type ReceivedSocket, connectSender, lostExports, offerSocket, openListener, receiveSockets, sendSocket,
    takeSocket, transport,
} from "#lib/index.js";
import { nodes } from "../support/windows.js";
import { type Pair, Runner, connectedPair, readExactly } from "./share-process.js";

const runners = new Set<Runner>();
afterEach(async () => {
    await Promise.all([...runners].map((runner) => runner.close()));
    runners.clear();
});

async function start(node?: string): Promise<Runner> {
    const runner = await Runner.start(node);
    runners.add(runner);
    return runner;
}

/** Where the protocol's modules are, for tests that break it. */
const wire = new URL("./share/wire/", import.meta.resolve("#lib/index.js")).href;

let addresses = 0;
const newAddress = (): string => `test-${process.pid}-${++addresses}`;

/** What a target does with each connection: "<pid>:" and what comes, back. `kept.got` tells what it received. */
const echo = `
    kept.got = [];
    kept.receiver = lib.receiveSockets({ at: args.at, ...args.options, onError: (error) => kept.got.push({ error: error.code }) });
    await kept.receiver.listening;
    (async () => {
        for await (const { socket, ...rest } of kept.receiver) {
            kept.got.push(rest);
            kept.last = socket;
            if (rest.kind === "connected") {
                socket.on("error", () => undefined);
                socket.on("data", (data) => socket.write(process.pid + ":" + data));
            } else if (rest.kind === "listening") {
                socket.on("connection", (each) => each.end("served by " + process.pid));
            } else {
                socket.on("message", (data, from) => socket.send(process.pid + ":" + data, from.port, from.address));
            }
        }
    })();`;

async function startEcho(options: object = {}, node?: string): Promise<{ target: Runner; at: string }> {
    const target = await start(node);
    const at = newAddress();
    await target.run(echo, { at, options });
    return { target, at };
}

const got = (target: Runner): Promise<(Omit<ReceivedSocket, "socket"> & { error?: string })[]> => target.run("return kept.got");

function end({ client, server }: Pair): void {
    client.destroy();
    server.destroy();
}

describe("share: a hand-over over the named pipe", function () {
    this.timeout(30_000);

    it("moves a connection to a process that is no relative; both ends go on talking when the source has closed", async () => {
        const { target, at } = await startEcho();
        const { client, server } = await connectedPair();
        const closed = once(server, "close");
        const sent = await sendSocket(server, { to: at, message: { greeting: "hello" } });
        await closed;
        assert.equal(sent.pid, target.pid);
        assert.equal(sent.mode, "move");
        client.write("one");
        assert.equal(await readExactly(client, `${target.pid}:one`.length), `${target.pid}:one`);
        const [received] = await got(target);
        assert.equal(received!.path, sent.path);
        assert.equal(received!.kind, "connected");
        assert.deepEqual(received!.message, { greeting: "hello" });
        assert.equal(received!.peer.pid, process.pid);
        assert.equal(received!.peer.program.toLowerCase(), process.execPath.toLowerCase());
        assert.match(received!.peer.user, /^S-1-5-/);
        const ended = once(client, "end");
        client.resume();
        await target.run("kept.last.end()");
        await ended;
        client.destroy();
    });

    it("takes what the source's stream had read along, before what comes later", async () => {
        const { target, at } = await startEcho();
        const { client, server } = await connectedPair();
        client.write("read already,");
        server.read(0);
        await once(server, "readable");
        assert.ok(server.readableLength > 0);
        client.write("not read,");
        await sendSocket(server, { to: at });
        client.write("written later");
        const all = "read already,not read,written later";
        let text = "";
        while (text.replaceAll(`${target.pid}:`, "").length < all.length) {
            text += await readExactly(client, 1);
        }
        assert.equal(text.replaceAll(`${target.pid}:`, ""), all);
        end({ client, server });
    });

    it("writes out first what the source had written", async () => {
        const { target, at } = await startEcho();
        const { client, server } = await connectedPair();
        const block = Buffer.alloc(1024 * 1024, "x");
        let blocks = 1;
        while (server.write(block)) {
            blocks++;
            await new Promise((resolve) => setImmediate(resolve));
        }
        assert.ok(server.writableLength > 0);
        const sending = sendSocket(server, { to: at });
        let left = blocks * block.length;
        while (left > 0) {
            left -= (await readExactly(client, Math.min(left, 65_536))).length;
        }
        await sending;
        client.write("now");
        assert.equal(await readExactly(client, `${target.pid}:now`.length), `${target.pid}:now`);
        end({ client, server });
    });

    it("shares a connection: the source keeps it and can still write", async () => {
        const { target, at } = await startEcho();
        const { client, server } = await connectedPair();
        const { mode, path } = await sendSocket(server, { to: at, mode: "share" });
        assert.deepEqual([mode, path], ["share", "emulated"]);
        server.write("from the source;");
        assert.equal(await readExactly(client, 16), "from the source;");
        client.write("x");
        assert.equal(await readExactly(client, `${target.pid}:x`.length), `${target.pid}:x`);
        end({ client, server });
    });

    it("hands over a listener and a UDP socket", async () => {
        const { target, at } = await startEcho();
        const listener = openListener({ host: "127.0.0.1" });
        const { port } = listener.state.local!;
        await sendSocket(listener, { to: at });
        assert.ok(listener.closed);
        const client = net.connect(port, "127.0.0.1");
        assert.equal(await readExactly(client, `served by ${target.pid}`.length), `served by ${target.pid}`);
        client.destroy();
        const datagram = dgram.createSocket("udp4").bind(0, "127.0.0.1");
        await once(datagram, "listening");
        const address = datagram.address();
        await sendSocket(datagram, { to: at });
        const asking = dgram.createSocket("udp4");
        asking.send("who", address.port, "127.0.0.1");
        const [answer] = (await once(asking, "message")) as [Buffer];
        assert.equal(answer.toString(), `${target.pid}:who`);
        asking.close();
        assert.deepEqual((await got(target)).map(({ kind }) => kind), ["listening", "datagram"]);
    });

    it("moves 500 connections that are on their way at the same time, each with its bytes", async () => {
        const { target, at } = await startEcho();
        const pairs: Pair[] = [];
        for (let index = 0; index < 500; index++) {
            pairs.push(await connectedPair());
        }
        await Promise.all(pairs.map(({ server }, index) => sendSocket(server, { to: at, message: index, timeout: 60_000 })));
        assert.deepEqual(
            (await got(target)).map(({ message }) => message).sort((a, b) => Number(a) - Number(b)), pairs.map((_, index) => index),
        );
        await Promise.all(pairs.map(async ({ client }, index) => {
            const expected = `${target.pid}:${index}`;
            client.write(String(index));
            assert.equal(await readExactly(client, expected.length), expected);
            client.destroy();
        }));
        assert.equal(lostExports(), 0);
    });

    for (const [name, node] of Object.entries(nodes)) {
        it(`works to and from ${name}`, async () => {
            const { target, at } = await startEcho({}, node);
            const { client, server } = await connectedPair();
            await sendSocket(server, { to: at });
            client.write("x");
            assert.equal(await readExactly(client, `${target.pid}:x`.length), `${target.pid}:x`);
            // And back again.
            const back = newAddress();
            const receiver = receiveSockets({ at: back });
            await receiver.listening;
            const next = receiver.next();
            await target.run("await lib.sendSocket(kept.last, { to: args })", back);
            const { socket, peer } = (await next).value!;
            assert.equal(peer.pid, target.pid);
            client.write("home");
            assert.equal(await readExactly(socket as net.Socket, 4), "home");
            await receiver.close();
            (socket as net.Socket).destroy();
            client.destroy();
        });
    }

    it("works in worker threads", async () => {
        const target = await start();
        const value = await target.run<string>(`
            const { Worker } = await import("node:worker_threads");
            const worker = new Worker(\`
                const { parentPort } = require("node:worker_threads");
                import("winsock-spi").then(async ({ receiveSockets }) => {
                    const receiver = receiveSockets({ at: \${JSON.stringify(args)} });
                    await receiver.listening;
                    parentPort.postMessage("ready");
                    for await (const { socket } of receiver) { socket.end("from a worker"); break; }
                });\`, { eval: true });
            await kept.once(worker, "message");
            const server = kept.net.createServer({ pauseOnConnect: true }).listen(0, "127.0.0.1");
            await kept.once(server, "listening");
            const client = kept.net.connect(server.address().port, "127.0.0.1");
            const [socket] = await kept.once(server, "connection");
            await lib.sendSocket(socket, { to: args });
            const [data] = await kept.once(client, "data");
            client.destroy();
            server.close();
            await worker.terminate();
            return String(data);`, newAddress());
        assert.equal(value, "from a worker");
    });
});

describe("share: who is at the other end of the pipe", function () {
    this.timeout(30_000);

    const others: Record<string, PeerCheck> = {
        "another program": { program: "C:\\Windows\\System32\\svchost.exe" },
        "another user": { sid: "S-1-5-18" },
    };
    for (const [what, peer] of Object.entries(others)) {
        it(`a source that wants ${what} keeps its socket`, async () => {
            const { at } = await startEcho();
            const { client, server } = await connectedPair();
            await assert.rejects(sendSocket(server, { to: at, peer }), { name: "WinsockError", code: "ERR_PEER_REFUSED" });
            server.write("still here");
            assert.equal(await readExactly(client, 10), "still here");
            end({ client, server });
        });

        it(`a target that wants ${what} takes nothing, says so, and reports it`, async () => {
            const { target, at } = await startEcho({ peer });
            const { client, server } = await connectedPair();
            await assert.rejects(sendSocket(server, { to: at }), { name: "WinsockError", code: "ERR_PEER_REFUSED" });
            assert.deepEqual([...new Set((await got(target)).map(({ error }) => error))], ["ERR_PEER_REFUSED"]);
            server.write("still here");
            assert.equal(await readExactly(client, 10), "still here");
            end({ client, server });
        });
    }

    it("the program and user that are there are accepted, however they are spelt", async () => {
        const { at } = await startEcho();
        const { client, server } = await connectedPair();
        const sender = await connectSender({ to: at });
        const { program, user } = sender.peer;
        await sender.close();
        await sendSocket(server, { to: at, peer: { program: program.toUpperCase(), sid: user.toLowerCase() } });
        end({ client, server });
    });

    it("nobody is there", async () => {
        const { client, server } = await connectedPair();
        await assert.rejects(sendSocket(server, { to: newAddress() }), { code: "ERR_NO_LISTENER" });
        server.write("still here");
        assert.equal(await readExactly(client, 10), "still here");
        end({ client, server });
    });

    it("two that want the same are told so", async () => {
        const pipe = await transport("pipe");
        const address = newAddress();
        const listener = await pipe.listen(address);
        const accepting = listener[Symbol.asyncIterator]().next();
        const sender = await connectSender({ to: address });
        const { value: channel } = await accepting;
        const other = await connectSender({ to: channel });
        const { client, server } = await connectedPair();
        await assert.rejects(other.send(server), { code: "ERR_SAME_ROLE" });
        await Promise.all([sender.close(), other.close(), listener.close()]);
        end({ client, server });
    });
});

describe("share: a hand-over that comes to nothing", function () {
    this.timeout(30_000);

    /** A target that says HELLO, grants and then nothing more: a peer that never answers. */
    async function silentTarget(): Promise<{ at: string; close(): Promise<void> }> {
        const { encodeGrant, encodeHello } = await import("#lib/share/wire/messages.js");
        const at = newAddress();
        const listener = await (await transport("pipe")).listen(at);
        void (async () => {
            for await (const { stream } of listener) {
                stream.on("error", () => undefined).resume();
                stream.write(Buffer.concat([encodeHello({ role: "target" }), encodeGrant(Buffer.alloc(16 * 20, 1))]));
            }
        })();
        return { at, close: () => listener.close() };
    }

    for (const [what, options, error] of [
        ["the time is up", { timeout: 300 }, { code: "ERR_TIMEOUT" }],
        ["it is aborted", { signal: AbortSignal.timeout(1) }, { name: "TimeoutError" }],
    ] as const) {
        it(`leaves the socket as it was when ${what}`, async () => {
            const { at, close } = await silentTarget();
            const { client, server } = await connectedPair();
            client.write("before;");
            server.read(0);
            await once(server, "readable");
            const sender = await connectSender({ to: at });
            const signal = "signal" in options ? { signal: AbortSignal.timeout(200) } : options;
            await assert.rejects(sender.send(server, signal), error);
            client.write("after");
            assert.equal(await readExactly(server, 12), "before;after");
            server.write("there");
            assert.equal(await readExactly(client, 5), "there");
            await sender.close();
            await close();
            end({ client, server });
        });
    }

    it("leaves a flowing socket flowing", async () => {
        const { at, close } = await silentTarget();
        const { client, server } = await connectedPair();
        let text = "";
        server.on("data", (data) => (text += String(data))).resume();
        const sender = await connectSender({ to: at });
        const sending = assert.rejects(sender.send(server, { timeout: 300 }), { code: "ERR_TIMEOUT" });
        client.write("while it is on its way;");
        server.write("kept back;");
        await sending;
        assert.equal(await readExactly(client, 10), "kept back;");
        while (text !== "while it is on its way;") {
            await once(server, "data");
        }
        await sender.close();
        await close();
        end({ client, server });
    });

    it("counts what may be open in the target for ever", async () => {
        const { at, close } = await silentTarget();
        const before = lostExports();
        const { client, server } = await connectedPair();
        const sender = await connectSender({ to: at });
        await assert.rejects(sender.send(server, { timeout: 100 }), { code: "ERR_TIMEOUT" });
        await sender.close();
        while (lostExports() === before) {
            await new Promise((resolve) => setTimeout(resolve, 20));
        }
        assert.equal(lostExports(), before + 1);
        await close();
        end({ client, server });
    });

    it("is refused where it makes no sense", async () => {
        const { client, server } = await connectedPair();
        const misuse = async (options: object): Promise<void> =>
            assert.rejects(sendSocket(server, { to: "x", ...options }), { name: "TypeError" });
        await misuse({ to: "" });
        await misuse({ to: 5 });
        await misuse({ to: "a\\b" });
        await misuse({ to: "\\\\server\\pipe\\x" });
        await misuse({ mode: "lend" });
        await misuse({ transport: "pigeon" });
        await misuse({ unknown: 1 });
        await misuse({ timeout: 0 });
        await misuse({ signal: {} });
        await misuse({ peer: { user: "me" } });
        assert.throws(() => receiveSockets({ at: "x", window: 0 }), TypeError);
        assert.throws(() => receiveSockets({} as never), TypeError);
        end({ client, server });
    });
});

describe("share: a hand-over whose source or target ends in the middle", function () {
    this.timeout(30_000);

    /** A source that sends its socket as the protocol says and never says GO. */
    const halfSource = `
        const wire = await import(args.wire + "messages.js");
        const { FrameParser } = await import(args.wire + "frames.js");
        const server = kept.net.createServer({ pauseOnConnect: true }).listen(0, "127.0.0.1");
        await kept.once(server, "listening");
        kept.client = kept.net.connect(args.port, "127.0.0.1");
        await kept.once(kept.client, "connect");
        const channel = await (await lib.transport("pipe")).connect(args.at);
        const info = lib.duplicateSocket(kept.client, channel.peerPid);
        channel.stream.on("error", () => undefined);
        await new Promise((resolve) => {
            const parser = new FrameParser((type, payload) => {
                if (type === wire.messageType.grant) {
                    channel.stream.write(wire.encodeInfo({
                        id: 1, kind: "connected", mode: "move", ticket: payload.subarray(0, 16), info: info.bytes,
                        data: Buffer.from("read by the source;"),
                    }));
                } else if (type === wire.messageType.taken) {
                    resolve();
                }
            });
            channel.stream.on("data", (chunk) => parser.push(chunk));
            channel.stream.write(wire.encodeHello({ role: "source" }));
        });
        kept.channel = channel;
        server.close();`;

    async function halfWay(): Promise<{ source: Runner; other: net.Socket; next: Promise<IteratorResult<ReceivedSocket>>; close(): Promise<unknown> }> {
        const at = newAddress();
        const receiver = receiveSockets({ at });
        await receiver.listening;
        const next = receiver.next();
        const listener = net.createServer().listen(0, "127.0.0.1");
        await once(listener, "listening");
        const source = await start();
        const accepted = once(listener, "connection") as Promise<[net.Socket]>;
        await source.run(halfSource, { at, wire, port: (listener.address() as net.AddressInfo).port });
        const [other] = await accepted;
        listener.close();
        return { source, other, next, close: () => receiver.close() };
    }

    it("belongs to the target when the source was killed", async () => {
        const { source, other, next, close } = await halfWay();
        await source.kill();
        const { socket, peer } = (await next).value as ReceivedSocket;
        assert.equal(peer.pid, source.pid);
        other.write("sent to the new owner");
        assert.equal(await readExactly(socket as net.Socket, 40), "read by the source;sent to the new owner");
        (socket as net.Socket).write("back");
        assert.equal(await readExactly(other, 4), "back");
        await close();
        end({ client: other, server: socket as net.Socket });
    });

    it("stays the source's when only the channel broke", async () => {
        const { source, other, next, close } = await halfWay();
        await source.run("kept.channel.stream.destroy()");
        await close(); // after it has seen that the source lives
        assert.equal((await next).done, true);
        const [text] = await Promise.all([readExactly(other, 5), source.run("kept.client.write('alive')")]);
        assert.equal(text, "alive");
        // Only the source has it: when it closes, the connection ends.
        const ended = once(other.resume(), "end");
        await source.run("kept.client.end()");
        await ended;
        other.destroy();
    });

    it("stays the source's when the target was killed before it had taken it", async () => {
        const target = await start();
        const at = newAddress();
        await target.run(`
            const wire = await import(args.wire + "messages.js");
            const listener = await (await lib.transport("pipe")).listen(args.at);
            (async () => {
                for await (const { stream } of listener) {
                    stream.on("error", () => undefined).resume();
                    stream.write(Buffer.concat([wire.encodeHello({ role: "target" }), wire.encodeGrant(Buffer.alloc(16, 1))]));
                }
            })();`, { at, wire });
        const { client, server } = await connectedPair();
        client.write("before;");
        server.read(0);
        await once(server, "readable");
        const before = lostExports();
        const sender = await connectSender({ to: at });
        const sending = assert.rejects(sender.send(server), { code: "ERR_CHANNEL_CLOSED" });
        while (server.readableLength > 0) {
            await new Promise((resolve) => setImmediate(resolve)); // until the socket is on its way
        }
        await target.kill();
        await sending;
        client.write("after");
        assert.equal(await readExactly(server, 12), "before;after");
        assert.equal(lostExports(), before);
        end({ client, server });
    });

    it("of a target that closes goes back, and what was taken is delivered", async () => {
        const at = newAddress();
        const receiver = receiveSockets({ at });
        await receiver.listening;
        const { client, server } = await connectedPair();
        const sender = await connectSender({ to: at });
        const sending = sender.send(server);
        sending.catch(() => undefined);
        const { value } = await receiver.next();
        await sending;
        const another = await connectedPair();
        const closing = receiver.close();
        await assert.rejects(sender.send(another.server), (error: { code?: string }) =>
            ["ERR_RECEIVER_CLOSED", "ERR_CHANNEL_CLOSED"].includes(error.code ?? ""));
        await closing;
        another.server.write("kept");
        assert.equal(await readExactly(another.client, 4), "kept");
        assert.equal((await receiver.next()).done, true);
        (value!.socket as net.Socket).destroy();
        end(another);
        client.destroy();
    });
});

describe("share: an offer with a ticket", function () {
    this.timeout(30_000);

    it("is taken once, by whoever has the ticket", async () => {
        const target = await start();
        const { client, server } = await connectedPair();
        const offer = await offerSocket(server, { message: ["for you"] });
        assert.match(offer.ticket, /^\S+$/);
        server.write("still the source's;");
        const text = await target.run(
            `const { socket, message } = await lib.takeSocket(args);
             kept.socket = socket;
             socket.write("taken");
             return JSON.stringify(message);`,
            offer.ticket,
        );
        assert.equal(text, '["for you"]');
        const { pid } = await offer.taken;
        assert.equal(pid, target.pid);
        assert.equal(await readExactly(client, 24), "still the source's;taken");
        await assert.rejects(takeSocket(offer.ticket), { code: "ERR_NO_LISTENER" });
        client.destroy();
    });

    it("is refused to a wrong secret, and stays there for the right one", async () => {
        const { client, server } = await connectedPair();
        const errors: unknown[] = [];
        const offer = await offerSocket(server, { onError: (error) => errors.push(error) });
        const [scheme, name, , address] = offer.ticket.split(":");
        const wrong = [scheme, name, Buffer.alloc(16, 7).toString("base64url"), address].join(":");
        await assert.rejects(takeSocket(wrong), { code: "ERR_BAD_TICKET" });
        const { socket, peer } = await takeSocket(offer.ticket);
        assert.equal(peer.pid, process.pid);
        client.write("hello");
        assert.equal(await readExactly(socket as net.Socket, 5), "hello");
        await offer.taken;
        end({ client, server: socket as net.Socket });
    });

    it("can be withdrawn", async () => {
        const { client, server } = await connectedPair();
        const offer = await offerSocket(server);
        await offer.close();
        await assert.rejects(offer.taken, { code: "ERR_WITHDRAWN" });
        await assert.rejects(takeSocket(offer.ticket), { code: "ERR_NO_LISTENER" });
        const aborted = await offerSocket(server, { signal: AbortSignal.timeout(50) });
        await assert.rejects(aborted.taken, { name: "TimeoutError" });
        server.write("mine");
        assert.equal(await readExactly(client, 4), "mine");
        for (const ticket of ["", "x", "winsock-spi-ticket:pipe:AA:AA", 5 as never]) {
            await assert.rejects(takeSocket(ticket), TypeError);
        }
        end({ client, server });
    });
});
