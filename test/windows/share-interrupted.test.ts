// Hand-overs over the named pipe that come to nothing, or whose source or target ends in the middle.
import assert from "node:assert/strict";
import { once } from "node:events";
import * as net from "node:net";
import { type ReceivedSocket, connectSender, lostExports, receiveSockets, sendSocket, transport } from "#lib/index.js";
import { type Pair, type Runner, connectedPair, readExactly, testRunners } from "./share-process.js";

const { start, newAddress } = testRunners();

/** Where the protocol's modules are, for tests that break it. */
const wire = new URL("./share/wire/", import.meta.resolve("#lib/index.js")).href;

function end({ client, server }: Pair): void {
    client.destroy();
    server.destroy();
}

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

    async function halfWay(): Promise<{
        source: Runner;
        other: net.Socket;
        next: Promise<IteratorResult<ReceivedSocket>>;
        close(): Promise<unknown>;
    }> {
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
        await target.run(
            `
            const wire = await import(args.wire + "messages.js");
            const listener = await (await lib.transport("pipe")).listen(args.at);
            (async () => {
                for await (const { stream } of listener) {
                    stream.on("error", () => undefined).resume();
                    stream.write(Buffer.concat([wire.encodeHello({ role: "target" }), wire.encodeGrant(Buffer.alloc(16, 1))]));
                }
            })();`,
            { at, wire },
        );
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
            ["ERR_RECEIVER_CLOSED", "ERR_CHANNEL_CLOSED"].includes(error.code ?? ""),
        );
        await closing;
        another.server.write("kept");
        assert.equal(await readExactly(another.client, 4), "kept");
        assert.equal((await receiver.next()).done, true);
        (value!.socket as net.Socket).destroy();
        end(another);
        client.destroy();
    });

    it("leaves nothing open in the target that the source was killed too early to tell of", async () => {
        const at = newAddress();
        const receiver = receiveSockets({ at });
        await receiver.listening;
        const listener = net.createServer().listen(0, "127.0.0.1");
        await once(listener, "listening");
        const accepted = once(listener, "connection") as Promise<[net.Socket]>;
        const source = await start();
        await source.run(
            `const { Peer } = await import(args.share + "peer.js");
             const wire = await import(args.share + "wire/messages.js");
             kept.client = kept.net.connect(args.port, "127.0.0.1");
             await kept.once(kept.client, "connect");
             const channel = await (await lib.transport("pipe")).connect(args.at);
             const peer = new Peer(channel, {}, true);
             const ledgerKey = Buffer.alloc(16, 5);
             channel.stream.write(wire.encodeHello({ role: "source", ledger: peer.makeLedger(ledgerKey), ledgerKey }));
             await kept.once(channel.stream, "data"); // its tickets
             peer.duplicate(lib.socketOf(kept.client), 1); // and nothing is said of it`,
            { at, share: new URL("..", wire).href, port: (listener.address() as net.AddressInfo).port },
        );
        const [other] = await accepted;
        other.on("error", () => undefined);
        const closed = once(other.resume(), "close"); // only if nobody has the other end any more
        await source.kill();
        await closed;
        await receiver.close();
        listener.close();
    });
});
