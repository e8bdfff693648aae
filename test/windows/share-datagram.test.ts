// UDP sockets that are shared and handed over: adoptDatagram, datagramFromRaw.
import assert from "node:assert/strict";
import * as dgram from "node:dgram";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { adoptDatagram, datagramFromRaw, type AdoptDatagramOptions } from "#lib/share/adopt-datagram.js";
import { adoptedPath } from "#lib/share/adopt.js";
import { duplicateSocket } from "#lib/share/duplicate.js";
import { openDatagram, openListener, RawSocket } from "#lib/share/raw-socket.js";
import { socketOf } from "#lib/share/socket-handle.js";
import { nodes } from "../support/windows.js";
import { askDatagram, runScenario, startPeer, toBytes } from "./share-peers.js";

const loopback = { udp4: "127.0.0.1", udp6: "::1" } as const;
const sockets = new Set<dgram.Socket>();

/** A socket that is closed when the test ends. */
function kept(socket: dgram.Socket): dgram.Socket {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    return socket;
}

afterEach(() => {
    sockets.forEach((socket) => socket.close());
});

/** A bound socket of the library's that was never one of Node's, and a bound client. */
async function pair(
    options: AdoptDatagramOptions = {},
    family: "udp4" | "udp6" = "udp4",
): Promise<{ socket: dgram.Socket; client: dgram.Socket; to: AddressInfo }> {
    const socket = kept(datagramFromRaw(openDatagram({ host: loopback[family] }), options));
    const client = kept(dgram.createSocket(family)).bind(0, loopback[family]);
    await once(client, "listening");
    return { socket, client, to: socket.address() };
}

const send = (socket: dgram.Socket, message: Parameters<dgram.Socket["send"]>[0], to?: AddressInfo): Promise<number> =>
    new Promise((resolve, reject) => {
        const done = (error: Error | null, bytes: number): void => (error === null ? resolve(bytes) : reject(error));
        if (to === undefined) {
            socket.send(message as Buffer, done);
        } else {
            socket.send(message as Buffer, to.port, to.address, done);
        }
    });

async function received(socket: dgram.Socket): Promise<string> {
    const [data] = (await once(socket, "message")) as [Buffer];
    return data.toString();
}

describe("share datagram: a dgram.Socket without a completion port", function () {
    this.timeout(60_000);

    for (const family of ["udp4", "udp6"] as const) {
        it(`sends and receives (${family})`, async () => {
            const { socket, client, to } = await pair({}, family);
            assert.equal(adoptedPath(socket), "emulated");
            const got = once(socket, "message") as Promise<[Buffer, dgram.RemoteInfo]>;
            assert.equal(await send(client, Buffer.from("question"), to), 8);
            const [data, from] = await got;
            assert.equal(data.toString(), "question");
            assert.deepEqual(from, { ...client.address(), size: 8 });
            const answered = received(client);
            assert.equal(
                await send(
                    socket,
                    [Buffer.from("an"), new Uint8Array([0x73, 0x77]), Buffer.from("er")] as never,
                    from as unknown as AddressInfo,
                ),
                6,
            );
            assert.equal(await answered, "answer");
        });
    }

    it("receives many in the order in which they came, with promises between them", async () => {
        const { socket, client, to } = await pair();
        socket.setRecvBufferSize(1_000_000);
        const order: string[] = [];
        const done = new Promise<void>((resolve) => {
            socket.on("message", (data) => {
                order.push(`message ${data.toString()}`);
                void Promise.resolve().then(() => {
                    order.push(`promise ${data.toString()}`);
                    if (order.length === 200) {
                        resolve();
                    }
                });
            });
        });
        for (let index = 0; index < 100; index++) {
            await send(client, Buffer.from(String(index)), to);
        }
        await done;
        assert.deepEqual(
            order,
            Array.from({ length: 100 }, (_, index) => [`message ${index}`, `promise ${index}`]).flat(),
        );
    });

    it("carries empty and large datagrams, and says which are too large", async () => {
        const { socket, client, to } = await pair();
        for (const length of [0, 1, 1500, 60_000]) {
            const got = once(client, "message") as Promise<[Buffer]>;
            assert.equal(await send(socket, Buffer.alloc(length, 7), client.address()), length);
            assert.deepEqual((await got)[0], Buffer.alloc(length, 7));
        }
        await assert.rejects(send(socket, Buffer.alloc(70_000), client.address()), {
            code: "EMSGSIZE",
            syscall: "send",
        });
        assert.equal(to.family, "IPv4");
    });

    it("connects, disconnects and is connected if it was", async () => {
        const { socket, client } = await pair();
        const connected = once(socket, "connect");
        socket.connect(client.address().port, "127.0.0.1");
        await connected;
        assert.deepEqual(socket.remoteAddress(), client.address());
        const got = received(client);
        assert.equal(await send(socket, Buffer.from("to you")), 6);
        assert.equal(await got, "to you");
        const copy = kept(adoptDatagram(duplicateSocket(socket, process.pid)));
        assert.deepEqual(copy.remoteAddress(), client.address());
        const more = received(client);
        await send(copy, Buffer.from("from the copy"));
        assert.equal(await more, "from the copy");
        copy.close();
        socket.disconnect();
        assert.throws(() => socket.remoteAddress(), { code: "ERR_SOCKET_DGRAM_NOT_CONNECTED" });
        const last = received(client);
        await send(socket, Buffer.from("with address"), client.address());
        assert.equal(await last, "with address");
    });

    it("is not stopped by answers to datagrams that did not arrive", async () => {
        const { socket, client, to } = await pair();
        const gone = dgram.createSocket("udp4").bind(0, "127.0.0.1");
        await once(gone, "listening");
        const nowhere = gone.address();
        gone.close();
        await once(gone, "close");
        socket.on("error", (error) => assert.fail(error));
        for (let index = 0; index < 3; index++) {
            await send(socket, Buffer.from("into nothing"), nowhere);
        }
        const got = received(socket);
        await send(client, Buffer.from("still there"), to);
        assert.equal(await got, "still there");
    });

    it("has the options of a dgram.Socket", async () => {
        const { socket } = await pair();
        assert.equal(socket.setTTL(9), 9);
        assert.throws(() => socket.setTTL(0), { code: "EINVAL" });
        socket.setBroadcast(true);
        assert.equal(socket.setMulticastTTL(3), 3);
        assert.throws(() => socket.setMulticastTTL(256), { code: "EINVAL" });
        assert.equal(socket.setMulticastLoopback(true), true);
        socket.setMulticastInterface("127.0.0.1");
        assert.throws(() => socket.setMulticastInterface("nonsense"), { code: "EINVAL" });
        socket.setRecvBufferSize(100_000);
        socket.setSendBufferSize(90_000);
        assert.ok(socket.getRecvBufferSize() >= 100_000);
        assert.ok(socket.getSendBufferSize() >= 90_000);
        assert.equal(socket.getSendQueueSize(), 0);
        assert.equal(socket.getSendQueueCount(), 0);
        assert.throws(() => socket.addMembership("10.0.0.1"), { code: /^E/ });
    });

    it("joins and leaves multicast groups", async () => {
        const socket = kept(datagramFromRaw(openDatagram({ host: "0.0.0.0" })));
        const client = kept(dgram.createSocket("udp4")).bind(0, "127.0.0.1");
        await once(client, "listening");
        const group = "239.255.17.9";
        client.setMulticastInterface("127.0.0.1");
        client.setMulticastLoopback(true);
        socket.addMembership(group, "127.0.0.1");
        const got = received(socket);
        await send(client, Buffer.from("to all"), { ...socket.address(), address: group });
        assert.equal(await got, "to all");
        socket.dropMembership(group, "127.0.0.1");
        assert.throws(() => socket.dropMembership(group, "127.0.0.1"), { code: /^E/ }); // Wine's number is another
    });

    it("closes at once, by signal too, and its port is free", async () => {
        const { socket, to } = await pair();
        socket.close();
        await once(socket, "close");
        assert.throws(() => socketOf(socket), { code: "ERR_SOCKET_CLOSED" });
        const again = kept(dgram.createSocket("udp4")).bind(to.port, "127.0.0.1");
        await once(again, "listening");
        const controller = new AbortController();
        const { socket: aborted } = await pair({ signal: controller.signal });
        controller.abort();
        await once(aborted, "close");
    });

    it("does not take TCP sockets or what is closed", () => {
        const listener = openListener({ host: "127.0.0.1" });
        assert.throws(() => datagramFromRaw(listener), { code: "ERR_SOCKET_KIND", message: /adoptServer/ });
        assert.ok(listener.closed);
        assert.throws(() => datagramFromRaw(listener), { code: "ERR_SOCKET_CLOSED" });
        assert.throws(() => datagramFromRaw({} as RawSocket), TypeError);
        assert.throws(() => adoptDatagram(new Uint8Array(628), { mode: "steal" as "move" }), TypeError);
        assert.throws(() => adoptDatagram(new Uint8Array(628), { port: 1 } as object), TypeError);
    });
});

describe("share datagram: modes", function () {
    this.timeout(60_000);

    it("gives a socket that was on no completion port to libuv in mode move", async () => {
        const { socket, client, to } = await pair({ mode: "move" });
        assert.equal(adoptedPath(socket), "native");
        socket.on("message", (data) => socket.send(`got ${data.toString()}`, client.address().port, "127.0.0.1"));
        assert.equal(await askDatagram(client, "x", to.port, to.address), "got x");
    });

    it("uses events all the same where that is asked for", async () => {
        const { socket } = await pair({ mode: "move", emulate: true });
        assert.equal(adoptedPath(socket), "emulated");
    });
});

describe("share datagram: between processes", function () {
    this.timeout(120_000);

    for (const [name, node] of Object.entries(nodes)) {
        for (const family of ["udp4", "udp6"] as const) {
            it(`a ${family} socket of ${name}'s own is shared with this Node, and goes back`, async () => {
                const peer = await startPeer(node);
                const address = loopback[family];
                const { port, info } = await peer.ask("ownDatagram", { pid: process.pid, address });
                const socket = kept(adoptDatagram(toBytes(info)));
                assert.equal(socket.address().port, port);
                const client = kept(dgram.createSocket(family)).bind(0, address);
                await once(client, "listening");
                // Both send from the same port.
                const fromHere = received(client);
                await send(socket, Buffer.from("from here"), client.address());
                assert.equal(await fromHere, "from here");
                // Once the other has closed, all comes here.
                await peer.ask("closeDatagram");
                socket.on("message", (data, from) => socket.send(`here:${data.toString()}`, from.port, from.address));
                assert.equal(await askDatagram(client, "x", port, address), "here:x");
                const back = Buffer.from(duplicateSocket(socket, peer.pid).bytes).toString("base64");
                const adopted = await peer.ask("adoptDatagram", { info: back, options: { mode: "move" } });
                assert.deepEqual(adopted.address, socket.address());
                socket.close();
                await once(socket, "close");
                assert.equal(await askDatagram(client, "x", port, address), `${peer.pid}:x`);
            });
        }
    }

    it("each datagram goes to exactly one of those who share", async () => {
        const peers = await Promise.all([startPeer(), startPeer()]);
        const raw = openDatagram({ host: "127.0.0.1" });
        const { port } = raw.state.local!;
        for (const peer of peers) {
            const info = Buffer.from(duplicateSocket(raw, peer.pid).bytes).toString("base64");
            await peer.ask("adoptDatagram", { info });
        }
        raw.close();
        const client = kept(dgram.createSocket("udp4")).bind(0, "127.0.0.1");
        await once(client, "listening");
        const answers: string[] = [];
        for (let index = 0; index < 100; index++) {
            answers.push(await askDatagram(client, String(index), port, "127.0.0.1"));
        }
        assert.deepEqual(
            answers.map((answer) => answer.split(":")[1]),
            Array.from({ length: 100 }, (_, index) => `${index}`),
        );
        const pids = new Set(answers.map((answer) => answer.split(":")[0]));
        assert.ok([...pids].every((pid) => peers.some((peer) => String(peer.pid) === pid)));
    });
});

describe("share datagram: every Node", function () {
    this.timeout(120_000);

    for (const [name, node] of Object.entries(nodes)) {
        for (const task of ["datagram", "datagram6"]) {
            it(`${task} in ${name}`, async () => {
                assert.equal(await runScenario(node, "share-node.mjs", [task]), 0);
            });
        }
    }
});
