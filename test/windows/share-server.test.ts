// Listeners that are shared and handed over: adoptServer, listen, serverFromRaw, acceptRaw.
import assert from "node:assert/strict";
import { once } from "node:events";
import * as http from "node:http";
import * as net from "node:net";
import { text } from "node:stream/consumers";
import { WinsockError } from "#lib/errors.js";
import { native } from "#lib/native.js";
import { acceptRaw } from "#lib/share/accept-raw.js";
import { adoptedPath, adoptRaw } from "#lib/share/adopt.js";
import { adoptServer, serverFromRaw } from "#lib/share/adopt-server.js";
import { duplicateSocket } from "#lib/share/duplicate.js";
import { listen } from "#lib/share/listen.js";
import { openDatagram, openListener, RawSocket } from "#lib/share/raw-socket.js";
import { socketOf, tcpClass } from "#lib/share/socket-handle.js";
import { counts } from "../support/counts.js";
import { nodes } from "../support/windows.js";
import { ask, runScenario, startPeer, toBytes } from "./share-peers.js";

const portOf = (server: net.Server): number => (server.address() as net.AddressInfo).port;

/** A listener of this process, duplicated to itself. */
function adoptOwn<S extends net.Server = net.Server>(server?: S): { raw: RawSocket; server: S } {
    const raw = openListener({ host: "127.0.0.1" });
    const info = duplicateSocket(raw, process.pid);
    return { raw, server: server === undefined ? adoptServer<S>(info) : adoptServer(info, { server }) };
}

async function closed(server: net.Server): Promise<void> {
    server.close();
    await once(server, "close");
}

describe("share server: a net.Server on an adopted listener", function () {
    this.timeout(60_000);

    it("is one of Node's own, with its address, and serves streams", async () => {
        const { raw, server } = adoptOwn();
        assert.ok(server instanceof net.Server);
        assert.ok((server as unknown as { _handle: unknown })._handle instanceof tcpClass());
        assert.equal(adoptedPath(server), "emulated");
        await once(server, "listening");
        assert.ok(server.listening);
        assert.deepEqual(server.address(), raw.state.local);
        server.on("connection", (socket) => socket.pipe(socket));
        const client = net.connect(portOf(server), "127.0.0.1");
        client.end("echo".repeat(50_000));
        assert.equal(await text(client), "echo".repeat(50_000));
        raw.close();
        await closed(server);
        assert.equal(server.address(), null);
    });

    it("gives connections that libuv waits for with its completion port, as it does for its own", async () => {
        const modes: number[] = [];
        const own = (): net.Server => net.createServer().listen(0, "127.0.0.1");
        const ours = (): net.Server => listen(net.createServer(), { host: "127.0.0.1" });
        for (const start of [own, ours]) {
            const server = start();
            await once(server, "listening");
            const client = net.connect(portOf(server), "127.0.0.1");
            const [socket] = (await once(server, "connection")) as [net.Socket];
            modes.push(native().completionModes(socketOf(socket)));
            client.destroy();
            socket.destroy();
            await closed(server);
        }
        assert.notEqual(modes[0], 0); // libuv sets them where its port has the socket, and only there
        assert.equal(modes[1], modes[0]);
    });

    it("works over IPv6", async () => {
        const raw = openListener({ host: "::1" });
        const server = adoptServer(duplicateSocket(raw, process.pid)).on("connection", (socket) => socket.end("six"));
        await once(server, "listening");
        assert.equal((server.address() as net.AddressInfo).family, "IPv6");
        assert.equal(await ask(portOf(server), "::1"), "six");
        raw.close();
        await closed(server);
    });

    it("serves HTTP with keep-alive in a server of the caller's", async () => {
        const { raw, server } = adoptOwn(http.createServer((request, response) => response.end(request.url)));
        raw.close();
        await once(server, "listening");
        const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
        for (const url of ["/1", "/2", "/3"]) {
            const request = http.get({ port: portOf(server), host: "127.0.0.1", path: url, agent });
            const [response] = (await once(request, "response")) as [http.IncomingMessage];
            assert.equal(await text(response), url);
        }
        agent.destroy();
        await closed(server);
    });

    it("obeys maxConnections", async () => {
        const { raw, server } = adoptOwn();
        raw.close();
        server.maxConnections = 1;
        const dropped = once(server, "drop");
        server.on("connection", (socket) => socket.resume().on("error", () => undefined));
        const first = net.connect(portOf(server), "127.0.0.1");
        await once(server, "connection");
        const second = net
            .connect(portOf(server), "127.0.0.1")
            .on("error", () => undefined)
            .resume();
        await Promise.all([dropped, once(second, "close")]);
        first.end();
        await once(first.resume(), "close");
        await closed(server);
    });

    it("goes on after a listener of the user's has thrown, which is an uncaught exception", async () => {
        const { raw, server } = adoptOwn();
        raw.close();
        const others = process.listeners("uncaughtException");
        process.removeAllListeners("uncaughtException");
        try {
            const caught = new Promise((resolve) => process.once("uncaughtException", resolve));
            server.once("connection", (socket) => {
                socket.destroy();
                throw new Error("thrown in the listener");
            });
            await ask(portOf(server));
            assert.equal(((await caught) as Error).message, "thrown in the listener");
        } finally {
            others.forEach((listener) => process.on("uncaughtException", listener as (error: Error) => void));
        }
        server.on("connection", (socket) => socket.end("still there"));
        assert.equal(await ask(portOf(server)), "still there");
        await closed(server);
    });

    it("runs what a listener has put off before the next connection is given", async () => {
        const raw = openListener({ host: "127.0.0.1" });
        const { port } = raw.state.local!;
        const order: string[] = [];
        const clients = Array.from({ length: 5 }, () => net.connect(port, "127.0.0.1"));
        await Promise.all(clients.map((client) => once(client, "connect"))); // all wait in the queue
        const server = serverFromRaw(raw);
        server.on("connection", (socket) => {
            order.push("connection");
            process.nextTick(() => order.push("tick"));
            void Promise.resolve().then(() => order.push("promise"));
            socket.end();
        });
        await Promise.all(clients.map((client) => text(client)));
        assert.deepEqual(
            order,
            clients.flatMap(() => ["connection", "tick", "promise"]),
        );
        await closed(server);
    });

    it("closes when its signal is aborted", async () => {
        const raw = openListener({ host: "127.0.0.1" });
        const controller = new AbortController();
        const server = serverFromRaw(raw, { signal: controller.signal });
        await once(server, "listening");
        controller.abort();
        await once(server, "close");
    });

    it("does not take a connection or a UDP socket, a server that listens, or a socket that is closed", async () => {
        const udp = openDatagram({ host: "127.0.0.1" });
        assert.throws(() => serverFromRaw(udp), { code: "ERR_SOCKET_KIND", message: /adoptDatagram/ });
        assert.ok(udp.closed);
        const { raw, server } = adoptOwn();
        assert.throws(() => serverFromRaw(raw, { server }), TypeError);
        assert.throws(() => serverFromRaw({} as RawSocket), TypeError);
        assert.throws(() => adoptServer(new Uint8Array(628), { backlog: 0 }), TypeError);
        assert.throws(() => adoptServer(new Uint8Array(628), { mode: "steal" as "move" }), TypeError);
        raw.close();
        assert.throws(() => serverFromRaw(raw), WinsockError);
        await closed(server);
    });

    it("lets its socket be found, duplicated and closed at once", async () => {
        const { raw, server } = adoptOwn();
        raw.close();
        await once(server, "listening");
        assert.equal(typeof socketOf(server), "bigint");
        const copy = adoptServer(duplicateSocket(server, process.pid));
        copy.on("connection", (socket) => socket.end("copy"));
        const port = portOf(server);
        await closed(server);
        assert.equal(await ask(port), "copy");
        await closed(copy);
        const again = net.createServer().listen(port, "127.0.0.1");
        await once(again, "listening");
        await closed(again);
    });
});

describe("share server: several processes on one listener", function () {
    this.timeout(120_000);

    it("all get their part of the connections", async () => {
        const peers = await Promise.all([startPeer(), startPeer(), startPeer()]);
        const raw = openListener({ host: "127.0.0.1" });
        const { port } = raw.state.local!;
        await Promise.all(
            peers.map((peer) =>
                peer.ask("adopt", { info: Buffer.from(duplicateSocket(raw, peer.pid).bytes).toString("base64") }),
            ),
        );
        raw.close();
        const counts = new Map<string, number>();
        const connections = 240;
        await Promise.all(
            Array.from({ length: 12 }, async () => {
                for (let index = 0; index < connections / 12; index++) {
                    const pid = await ask(port);
                    counts.set(pid, (counts.get(pid) ?? 0) + 1);
                }
            }),
        );
        assert.equal(
            [...counts.values()].reduce((sum, count) => sum + count, 0),
            connections,
        );
        for (const { pid } of peers) {
            const count = counts.get(String(pid)) ?? 0;
            assert.ok(count >= connections / 20, `process ${pid} got ${count} of ${connections}`);
        }
    });

    it("lose no connection when one of them closes or ends while clients connect", async function () {
        this.timeout(60_000 + 10_000 * counts.listenerHandovers);
        const first = await startPeer();
        const { port, info } = await first.ask("listen", { pid: process.pid });
        // This process only passes the listener on: what it would accept is left to the others.
        const listener = adoptRaw(toBytes(info));
        let ended = false;
        const asked = Array.from({ length: 8 }, async () => {
            const answers: string[] = [];
            while (!ended) {
                answers.push(await ask(port));
            }
            return answers;
        });
        let holder = first;
        for (let round = 0; round < counts.listenerHandovers; round++) {
            const next = await startPeer();
            const given = Buffer.from(duplicateSocket(listener, next.pid).bytes).toString("base64");
            await next.ask("adopt", { info: given });
            await (round % 2 === 0 ? holder.ask("close") : holder.end());
            holder = next;
        }
        ended = true;
        const answers = (await Promise.all(asked)).flat();
        assert.ok(answers.length > 0);
        assert.ok(
            answers.every((answer) => /^\d+$/.test(answer)),
            "every connection was answered",
        );
        listener.close();
    });

    for (const [name, node] of Object.entries(nodes)) {
        it(`share a listener of ${name}'s own, which goes on accepting`, async () => {
            const peer = await startPeer(node);
            const { port, info } = await peer.ask("own", { pid: process.pid });
            const server = adoptServer(toBytes(info)).on("connection", (socket) => socket.end(String(process.pid)));
            await once(server, "listening");
            const answered = new Set<string>();
            // Its pending accepts come first; once it has ended, what comes is ours.
            answered.add(await ask(port));
            await peer.ask("close");
            answered.add(await ask(port));
            assert.deepEqual([...answered].sort(), [String(process.pid), String(peer.pid)].sort());
            await closed(server);
        });

        it(`hand a listener over between this Node and ${name}, both ways`, async () => {
            const peer = await startPeer(node);
            const opened = await peer.ask("open", { pid: process.pid });
            const server = adoptServer(toBytes(opened.info)).on("connection", (socket) => socket.end("here"));
            assert.equal(await ask(opened.port), "here");
            const info = Buffer.from(duplicateSocket(server, peer.pid).bytes).toString("base64");
            assert.deepEqual(await peer.ask("adopt", { info }), { path: "emulated", port: opened.port });
            await closed(server);
            assert.equal(await ask(opened.port), String(peer.pid));
        });
    }
});

describe("share server: listen", function () {
    this.timeout(60_000);

    it("is server.listen: address, name, port and the listening event", async () => {
        for (const host of [undefined, "127.0.0.1", "::1", "localhost"]) {
            const server = listen(
                net.createServer((socket) => socket.end("hello")),
                host === undefined ? {} : { host },
            );
            await once(server, "listening");
            assert.equal(await ask(portOf(server), host ?? "127.0.0.1"), "hello");
            await closed(server);
        }
    });

    it("emits the error of the system", async () => {
        const first = listen(net.createServer(), { host: "127.0.0.1", exclusive: true });
        await once(first, "listening");
        const second = listen(net.createServer(), { host: "127.0.0.1", port: portOf(first), exclusive: true });
        const [error] = (await once(second, "error")) as [WinsockError];
        assert.ok(["WSAEADDRINUSE", "WSAEACCES"].includes(error.code), error.code);
        await closed(first);
    });

    it("refuses what makes no sense", () => {
        assert.throws(() => listen({} as net.Server), TypeError);
        assert.throws(() => listen(net.createServer(), { port: 70_000 }), TypeError);
        assert.throws(() => listen(net.createServer(), { host: "localhost", port: -1 }), TypeError);
        assert.throws(() => listen(net.createServer(), { path: "x" } as object), TypeError);
    });
});

describe("share server: acceptRaw", function () {
    this.timeout(60_000);

    it("gives every connection once, as it is asked for, and leaves the rest to others", async () => {
        const listener = openListener({ host: "127.0.0.1" });
        const { port } = listener.state.local!;
        const clients = Array.from({ length: 20 }, () => net.connect(port, "127.0.0.1").on("error", () => undefined));
        const ports = await Promise.all(
            clients.map(async (client) => {
                await once(client, "connect");
                return client.localPort;
            }),
        );
        const seen: (number | undefined)[] = [];
        for await (const raw of acceptRaw(listener)) {
            assert.equal(raw.state.kind, "connected");
            seen.push(raw.state.remote?.port);
            raw.close();
            if (seen.length === 15) {
                break;
            }
        }
        const server = serverFromRaw(listener);
        server.on("connection", (socket) => {
            seen.push(socket.remotePort);
            socket.destroy();
        });
        const open = clients.filter((client) => !client.resume().closed);
        await Promise.all(open.map((client) => once(client, "close")));
        assert.deepEqual(seen.sort(), ports.sort());
        await closed(server);
    });

    it("ends with its signal's reason and leaves the listener open", async () => {
        const listener = openListener({ host: "127.0.0.1" });
        const controller = new AbortController();
        const accepting = (async () => {
            for await (const raw of acceptRaw(listener, { signal: controller.signal })) {
                raw.close();
                controller.abort(new Error("enough"));
            }
        })();
        net.connect(listener.state.local!.port, "127.0.0.1").on("error", () => undefined);
        await assert.rejects(accepting, /enough/);
        assert.equal(listener.state.listening, true);
        listener.close();
    });

    it("refuses what is no listener", () => {
        const udp = openDatagram({ host: "127.0.0.1" });
        assert.throws(() => acceptRaw(udp), { code: "ERR_SOCKET_KIND" });
        udp.close();
        assert.throws(() => acceptRaw({} as RawSocket), TypeError);
    });
});

describe("share server: every Node", function () {
    this.timeout(120_000);

    for (const [name, node] of Object.entries(nodes)) {
        for (const task of ["server", "worker", "unref"]) {
            it(`${task} in ${name}`, async () => {
                assert.equal(await runScenario(node, "share-node.mjs", [task]), 0);
            });
        }

        it(`process.exit in ${name} while sockets of two threads are busy`, async () => {
            assert.equal(await runScenario(node, "share-node.mjs", ["exit"]), 7);
        });
    }
});

describe("share server: Node's permission model", function () {
    this.timeout(60_000);

    for (const [name, flags] of Object.entries({ node24: [], node26: ["--allow-net"] })) {
        it(`is no hindrance in ${name} where addons are allowed`, async function () {
            const node = nodes[name];
            if (node === undefined) {
                this.skip();
            }
            const allowed = ["--permission", "--allow-addons", "--allow-fs-read=*", "--no-warnings", ...flags];
            assert.equal(await runScenario(node, "share-node.mjs", ["server"], allowed), 0);
        });
    }
});
