// sendSocket, receiveSockets, offers: the whole scenario over the named pipe.
import assert from "node:assert/strict";
import * as dgram from "node:dgram";
import { once } from "node:events";
import * as net from "node:net";
import {
    type PeerCheck,
    type ReceivedSocket,
    connectSender,
    lostExports,
    offerSocket,
    openListener,
    receiveSockets,
    sendSocket,
    takeSocket,
    transport,
} from "#lib/index.js";
import { nodes } from "../support/windows.js";
import { type Pair, type Runner, connectedPair, readExactly, testRunners } from "./share-process.js";

const { start, newAddress } = testRunners();

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

const got = (target: Runner): Promise<(Omit<ReceivedSocket, "socket"> & { error?: string })[]> =>
    target.run("return kept.got");

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
        assert.deepEqual(
            (await got(target)).map(({ kind }) => kind),
            ["listening", "datagram"],
        );
    });

    it("moves 500 connections that are on their way at the same time, each with its bytes", async () => {
        const { target, at } = await startEcho();
        const pairs: Pair[] = [];
        for (let index = 0; index < 500; index++) {
            pairs.push(await connectedPair());
        }
        await Promise.all(
            pairs.map(({ server }, index) => sendSocket(server, { to: at, message: index, timeout: 60_000 })),
        );
        assert.deepEqual(
            (await got(target)).map(({ message }) => message).sort((a, b) => Number(a) - Number(b)),
            pairs.map((_, index) => index),
        );
        await Promise.all(
            pairs.map(async ({ client }, index) => {
                const expected = `${target.pid}:${index}`;
                client.write(String(index));
                assert.equal(await readExactly(client, expected.length), expected);
                client.destroy();
            }),
        );
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
        const value = await target.run<string>(
            `
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
            return String(data);`,
            newAddress(),
        );
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
            await assert.rejects(sendSocket(server, { to: at, peer }), {
                name: "WinsockError",
                code: "ERR_PEER_REFUSED",
            });
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
