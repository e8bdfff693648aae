// Every transport: a reliable stream to one process, whose id is proved, for as long as both want it.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import * as path from "node:path";
import type { Duplex } from "node:stream";
import { setTimeout as pause } from "node:timers/promises";
import { WinsockError } from "#lib/errors.js";
import { spawnWithChannel } from "#lib/share/transports/anonymous-pipe.js";
import type { Channel, ChannelListener, TransportName } from "#lib/share/transports/channel.js";
import { channelIdSize, chunkKinds, encodeChunk } from "#lib/share/transports/chunks.js";
import { transport } from "#lib/share/transports/index.js";
import { Port } from "#lib/share/transports/port.js";
import type { PortKind } from "#lib/native/transports.js";
import { bareProgram, nodes, project } from "../support/windows.js";
import { combinations } from "./acceptance-support.js";
import { LineProgram } from "./watch-support.js";

const scenario = path.join(project, "test", "windows", "scenarios", "share-channel.mjs");

/** The transports whose listeners are found by an address that others know. */
const names = ["pipe", "tcp", "shared-memory", "mailslot", "copydata", "dde", "atoms"] as const;
const ports = ["mailslot", "copydata", "dde", "atoms"] as const satisfies readonly PortKind[];

/** Bytes of the big transfer: the small messages of atoms and mailslots take their time. */
const bigSize: Record<string, number> = { atoms: 60_000, mailslot: 200_000, dde: 500_000 };

let last = 0;
const freshAddress = (name: TransportName): string => (name === "tcp" ? "0" : `test-${process.pid}-${(last += 1)}`);

const open = new Set<{ close(): unknown }>();
afterEach(async () => {
    await Promise.all([...open].map((one) => one.close()));
    open.clear();
});

function track(channel: Channel): Channel {
    open.add({ close: () => channel.stream.destroy() });
    channel.stream.on("error", () => undefined);
    return channel;
}

interface Listening {
    listener: ChannelListener;
    next(): Promise<Channel>;
    errors: unknown[];
    /** Resolves at the next error. */
    failed(): Promise<unknown>;
}

async function listen(name: TransportName, address = freshAddress(name), timeout = 10_000): Promise<Listening> {
    const errors: unknown[] = [];
    let wake: ((error: unknown) => void) | undefined;
    const onError = (error: unknown): void => {
        errors.push(error);
        wake?.(error);
    };
    const listener = await (await transport(name)).listen(address, { timeout, onError });
    open.add(listener);
    const iterator = listener[Symbol.asyncIterator]();
    return {
        listener,
        errors,
        next: async () => {
            const { value, done } = await iterator.next();
            assert.ok(done !== true);
            return track(value);
        },
        failed: () => new Promise((resolve) => (wake = resolve)),
    };
}

async function connect(name: TransportName, address: string): Promise<Channel> {
    return track(await (await transport(name)).connect(address));
}

/** A channel of this process with itself. */
async function pair(name: TransportName): Promise<{ server: Channel; client: Channel; listening: Listening }> {
    const listening = await listen(name);
    const [server, client] = await Promise.all([listening.next(), connect(name, listening.listener.address)]);
    return { server, client, listening };
}

/** Another process with one end of a channel. */
function start(role: string, ...args: readonly string[]): LineProgram {
    const child = spawn(process.execPath, [scenario, role, ...args], { stdio: ["pipe", "pipe", "inherit"] });
    open.add({ close: () => child.kill() });
    return new LineProgram(child);
}

const parse = async (program: LineProgram): Promise<Record<string, unknown>> =>
    JSON.parse(await program.line()) as Record<string, unknown>;

/** Sends bytes and reads as many back; the other end sends what it gets. */
async function echoed(stream: Duplex, bytes: Buffer): Promise<Buffer> {
    const got: Buffer[] = [];
    let size = 0;
    const enough = new Promise<void>((resolve, reject) => {
        const onData = (data: Buffer): void => {
            got.push(data);
            size += data.length;
            if (size >= bytes.length) {
                stream.off("data", onData);
                stream.pause();
                resolve();
            }
        };
        stream.on("data", onData);
        stream.once("error", reject);
        stream.once("close", () => reject(new Error("the channel closed")));
    });
    stream.write(bytes);
    await enough;
    return Buffer.concat(got);
}

const codeOf = (error: unknown): string | undefined => (error instanceof WinsockError ? error.code : String(error));

async function rejection(promise: Promise<unknown>): Promise<string | undefined> {
    return promise.then(() => "nothing", codeOf);
}

for (const name of names) {
    describe(`share transports: ${name}`, function () {
        this.timeout(60_000);

        it("gives both ends the other's process id and every byte in order, both ways at once", async () => {
            const listening = await listen(name);
            const peer = start("echo", name, listening.listener.address);
            const channel = await listening.next();
            assert.equal(channel.transport, name);
            assert.equal(channel.peerPid, peer.pid);
            assert.deepEqual(await parse(peer), { peerPid: process.pid });
            const bytes = randomBytes(bigSize[name] ?? 2_000_000);
            assert.ok((await echoed(channel.stream, bytes)).equals(bytes));
            const closed = once(channel.stream, "close");
            channel.stream.end();
            assert.deepEqual(await parse(peer), { closed: true });
            await closed;
        });

        it("connects to a process that listens", async () => {
            const peer = start("listen", name, freshAddress(name));
            const { address } = await parse(peer);
            const channel = await connect(name, address as string);
            assert.equal(channel.peerPid, peer.pid);
            assert.deepEqual(await parse(peer), { peerPid: process.pid });
            assert.equal((await echoed(channel.stream, Buffer.from("hello"))).toString(), "hello");
        });

        it("ends within a second or two when the other process is killed, after all that it sent", async () => {
            const listening = await listen(name);
            const peer = start("echo", name, listening.listener.address);
            const channel = await listening.next();
            await parse(peer);
            assert.equal((await echoed(channel.stream, Buffer.alloc(3000, 5))).length, 3000);
            const began = performance.now();
            peer.child.kill();
            channel.stream.resume();
            if (!channel.stream.destroyed) {
                await once(channel.stream, "close");
            }
            assert.ok(performance.now() - began < 3000, `${performance.now() - began} ms`);
        });

        it("fails a write, or ends, when the other process was killed in the middle of a transfer", async () => {
            const listening = await listen(name);
            const peer = start("echo", name, listening.listener.address);
            const channel = await listening.next();
            await parse(peer);
            // Nobody reads here, so that after a while nothing goes any more.
            const written = new Promise<void>((resolve) => channel.stream.once("close", resolve));
            channel.stream.write(Buffer.alloc(4_000_000), () => undefined);
            await pause(20); // in the middle, or not: either way it must end
            peer.child.kill();
            channel.stream.resume();
            await written;
        });

        it("does not take more than its buffers from a writer whose reader does not read", async () => {
            const { server, client } = await pair(name);
            let accepted = 0;
            let stuck = false;
            const piece = Buffer.alloc(16 * 1024, 1);
            const write = (): void =>
                void client.stream.write(piece, () => {
                    accepted += piece.length;
                    if (!stuck && accepted < 50_000_000) {
                        write();
                    }
                });
            write();
            let before = -1;
            while (before !== accepted) {
                // until nothing has been accepted for half a second
                before = accepted;
                await pause(500);
            }
            stuck = true;
            // tcp: as much as the system buffers.
            assert.ok(accepted < (name === "tcp" || name === "pipe" ? 20_000_000 : 1_500_000), `${accepted} bytes`);
            let got = 0;
            server.stream.on("data", (data: Buffer) => (got += data.length));
            client.stream.end();
            await once(server.stream, "end");
            assert.equal(got, accepted);
        });

        it("carries many channels of one listener at once", async () => {
            const listening = await listen(name);
            const count = 12;
            const servers = (async () => {
                for (let index = 0; index < count; index += 1) {
                    const { stream } = await listening.next();
                    stream.pipe(stream);
                }
            })();
            const clients = await Promise.all(
                Array.from({ length: count }, () => connect(name, listening.listener.address)),
            );
            await servers;
            await Promise.all(
                clients.map(async ({ stream }, index) => {
                    const bytes = Buffer.alloc(3000, index);
                    assert.ok((await echoed(stream, bytes)).equals(bytes));
                }),
            );
        });

        it("refuses an address that is taken, and has it free when the listener is closed", async () => {
            const first = await listen(name);
            const { address } = first.listener;
            if (name !== "pipe" || bareProgram === undefined) {
                // Wine lets anybody add an instance to a pipe
                assert.equal(await rejection(listen(name, address)), "ERR_ADDRESS_IN_USE");
            }
            await first.listener.close();
            await first.listener.close();
            let again: Listening | undefined;
            for (let tries = 0; again === undefined; tries += 1) {
                // the system may take a moment
                again = await listen(name, address).catch(async (error: unknown) => {
                    assert.ok(tries < 100, String(error));
                    await pause(10);
                    return undefined;
                });
            }
            const [server, client] = await Promise.all([again.next(), connect(name, address)]);
            client.stream.end("x");
            assert.equal((await server.stream.toArray()).toString(), "x");
        });

        it("says that nobody listens", async () => {
            const address = name === "tcp" ? "1" : freshAddress(name);
            assert.equal(await rejection(connect(name, address)), "ERR_NO_LISTENER");
        });

        it("leaves channels open when the listener is closed", async () => {
            const { server, client, listening } = await pair(name);
            await listening.listener.close();
            server.stream.pipe(server.stream);
            assert.equal((await echoed(client.stream, Buffer.from("still there"))).toString(), "still there");
        });

        it("ends the listener with the signal's reason", async () => {
            const controller = new AbortController();
            const listener = await (await transport(name)).listen(freshAddress(name), { signal: controller.signal });
            const ended = rejection(listener[Symbol.asyncIterator]().next());
            controller.abort(new WinsockError("enough", { code: "ERR_ENOUGH" }));
            assert.equal(await ended, "ERR_ENOUGH");
        });

        it("takes misuse for a TypeError", async () => {
            const found = await transport(name);
            await assert.rejects(found.connect(17 as never), TypeError);
            await assert.rejects(found.connect("a\\b/c\0"), TypeError);
            await assert.rejects(found.listen("x y\0", {}), TypeError);
            await assert.rejects(found.listen("fine", { timeouts: 5 } as never), TypeError);
        });

        it("goes with a worker thread that is terminated", async () => {
            const peer = start("worker", name);
            if (name === "tcp") {
                return; // its address is a port: the role makes names
            }
            assert.deepEqual(await parse(peer), { message: "from a worker" });
            assert.deepEqual(await parse(peer), { terminated: true });
            const [code] = (await once(peer.child, "exit")) as [number];
            assert.equal(code, 0);
        });
    });
}

describe("share transports: who is there", function () {
    this.timeout(60_000);

    for (const name of [...ports, "shared-memory"] as const) {
        it(`${name}: a process that claims to be another is refused, and the listener goes on`, async () => {
            const listening = await listen(name);
            const liar = start("lie", name, listening.listener.address, String(process.ppid));
            assert.match(
                String((await parse(liar))["failed"]),
                /^ERR_(BAD_PEER|CHANNEL_CLOSED|PEER_RIGHTS|PEER_GONE)$/,
            );
            const unborn = start("lie", name, listening.listener.address, "4");
            assert.match(
                String((await parse(unborn))["failed"]),
                /^ERR_(BAD_PEER|CHANNEL_CLOSED|PEER_RIGHTS|PEER_GONE)$/,
            );
            assert.ok(listening.errors.length > 0);
            const [server] = await Promise.all([listening.next(), connect(name, listening.listener.address)]);
            assert.equal(server.peerPid, process.pid);
        });
    }

    for (const kind of ports) {
        it(`${kind}: garbage and greetings of nobody do not keep others out`, async () => {
            const listening = await listen(kind, freshAddress(kind), 2000);
            const { address } = listening.listener;
            const port = await Port.open(kind, freshAddress(kind), "", {
                message: () => undefined,
                settled: () => undefined,
                failed: () => undefined,
                broken: () => undefined,
            });
            open.add(port);
            const greeting = (from: string): Buffer =>
                encodeChunk({
                    kind: chunkKinds.hello,
                    channel: randomBytes(channelIdSize).toString("hex"),
                    sequence: 0,
                    acknowledged: 0,
                    limit: 8,
                    data: Buffer.from(from),
                });
            // A DDE conversation is begun with every window of the desktop, also to learn that there is nobody.
            for (let index = 0; index < (kind === "dde" ? 10 : 150); index += 1) {
                port.send(address, randomBytes(1 + (index % 400)));
                port.send(address, greeting("no such port"));
                port.send(address, greeting(`nobody-${index}`));
                port.send(address, greeting("..\\..\\pipe\\x"));
            }
            const failed = listening.failed();
            const [server, client] = await Promise.all([listening.next(), connect(kind, address)]);
            server.stream.pipe(server.stream);
            assert.equal((await echoed(client.stream, Buffer.from("me"))).toString(), "me");
            await failed;
            assert.ok(
                listening.errors.every((error) => /^ERR_(CHANNEL_CLOSED|TIMEOUT|PEER_GONE)$/.test(codeOf(error)!)),
            );
        });

        it(`${kind}: a greeting without more is given up after the time-out`, async () => {
            const listening = await listen(kind, freshAddress(kind), 300);
            const own = freshAddress(kind);
            const port = await Port.open(kind, own, "", {
                message: () => undefined,
                settled: () => undefined,
                failed: () => undefined,
                broken: () => undefined,
            });
            open.add(port);
            const failed = listening.failed();
            port.send(
                listening.listener.address,
                encodeChunk({
                    kind: chunkKinds.hello,
                    channel: randomBytes(channelIdSize).toString("hex"),
                    sequence: 0,
                    acknowledged: 0,
                    limit: 8,
                    data: Buffer.from(own),
                }),
            );
            assert.equal(codeOf(await failed), "ERR_TIMEOUT");
        });
    }
});

describe("share transports: anonymous-pipe", function () {
    this.timeout(60_000);

    for (const [name, node] of Object.entries(nodes)) {
        it(`connects this process and a child in ${name}, which exits when the channel ends`, async () => {
            const { channel, pid, exited } = await spawnWithChannel(node, [scenario, "child"]);
            track(channel);
            assert.equal(channel.peerPid, pid);
            const bytes = randomBytes(500_000);
            assert.ok((await echoed(channel.stream, bytes)).equals(bytes));
            channel.stream.end();
            channel.stream.resume();
            assert.equal(await exited, 0);
        });
    }

    it("ends when the child is killed, and says so when there is none", async () => {
        const { channel, exited, kill } = await spawnWithChannel(process.execPath, [scenario, "child"]);
        track(channel);
        kill();
        channel.stream.resume();
        assert.equal(await exited, 1);
        await once(channel.stream, "close");
        assert.equal(await rejection(spawnWithChannel("C:\\no\\such\\program.exe")), "ERROR_PATH_NOT_FOUND");
        assert.equal(await rejection(connect("anonymous-pipe", "parent")), "ERR_NO_LISTENER");
        await assert.rejects(connect("anonymous-pipe", "elsewhere"), TypeError);
    });

    it("gives up a program that does not ask for its channel", async () => {
        const idle = spawnWithChannel(process.execPath, ["-e", "setInterval(() => 0, 1000)"], { timeout: 500 });
        assert.equal(await rejection(idle), "ERR_TIMEOUT");
        assert.equal(await rejection(spawnWithChannel(process.execPath, ["-e", "0"])), "ERR_CHANNEL_CLOSED");
    });
});

/** A process with streams of nobody's: libuv gives a 32-bit child of a 64-bit Node no working ones. */
function startSilent(node: string, ...args: readonly string[]): number {
    const child = spawn(node, [scenario, ...args], { stdio: "ignore" });
    open.add({ close: () => child.kill() });
    return child.pid!;
}

/** An address where nobody listens yet. */
async function addressToBe(name: TransportName): Promise<string> {
    if (name !== "tcp") {
        return freshAddress(name);
    }
    const { listener } = await listen(name);
    await listener.close();
    return listener.address;
}

async function connectSoon(name: TransportName, address: string): Promise<Channel> {
    for (;;) {
        try {
            return await connect(name, address);
        } catch (error) {
            assert.equal(codeOf(error), "ERR_NO_LISTENER");
            await pause(50);
        }
    }
}

describe("share transports: every Node", function () {
    this.timeout(120_000);

    for (const [[node, file], name] of combinations(Object.entries(nodes), names)) {
        it(`${name}: ${node} connects here and is connected to`, async () => {
            const listening = await listen(name);
            const pid = startSilent(file, "echo", name, listening.listener.address);
            const channel = await listening.next();
            assert.equal(channel.peerPid, pid);
            assert.equal((await echoed(channel.stream, Buffer.alloc(5000, 9))).length, 5000);

            const address = await addressToBe(name);
            const otherPid = startSilent(file, "listen", name, address);
            const other = await connectSoon(name, address);
            assert.equal(other.peerPid, otherPid);
            assert.equal((await echoed(other.stream, Buffer.alloc(5000, 9))).length, 5000);
        });
    }
});
