// duplicateSocket, adoptSocket, adoptRaw, revoke, releaseSocket between real Windows processes.
import assert from "node:assert/strict";
import * as dgram from "node:dgram";
import { once } from "node:events";
import * as net from "node:net";
import {
    RawSocket,
    adoptRaw,
    adoptSocket,
    adoptedPath,
    duplicateSocket,
    listSockets,
    openDatagram,
    openListener,
    releaseSocket,
    revoke,
    socketFromRaw,
    socketOf,
    suspendSocket,
} from "winsock-spi";
import { nodes } from "../support/windows.js";
import { Runner, connectedPair, encoded, readExactly } from "./share-process.js";

const adopt = `
    kept.socket = lib.adoptSocket(Buffer.from(args.info, "base64"), args.options);
    const { remotePort, localPort } = kept.socket;
    return { path: lib.adoptedPath(kept.socket), remotePort, localPort };`;

interface Adopted {
    path: string;
    remotePort: number;
    localPort: number;
}

describe("share primitives: between processes", function () {
    this.timeout(20_000);
    const runners: Runner[] = [];

    async function start(node?: string): Promise<Runner> {
        const runner = await Runner.start(node);
        runners.push(runner);
        return runner;
    }

    afterEach(async () => {
        await Promise.all(runners.splice(0).map((runner) => runner.close()));
    });

    for (const [name, node] of Object.entries(nodes)) {
        it(`a connection goes to ${name}, shared: both descriptors work, and neither's end ends it`, async () => {
            const target = await start(node);
            const { client, server } = await connectedPair();
            const info = duplicateSocket(server, target.pid);
            assert.equal(info.pid, target.pid);
            assert.deepEqual(info.state, {
                kind: "connected",
                listening: false,
                nonBlocking: true,
                family: "IPv4",
                local: { address: "127.0.0.1", family: "IPv4", port: server.localPort },
                remote: { address: "127.0.0.1", family: "IPv4", port: client.localPort },
            });
            const options = { pauseOnCreate: true };
            const adopted = await target.run<Adopted>(adopt, { info: encoded(info.bytes), options });
            assert.deepEqual(adopted, { path: "emulated", remotePort: client.localPort, localPort: server.localPort });
            server.write("from the source;");
            assert.equal(await readExactly(client, 16), "from the source;");
            await target.run(`kept.socket.write("from the target;");`);
            assert.equal(await readExactly(client, 16), "from the target;");
            await releaseSocket(server);
            client.write("for the target");
            assert.equal(await target.run(`return kept.read(kept.socket, 14);`), "for the target");
            await target.run(`kept.socket.write("still there"); kept.socket.end();`);
            assert.equal(await readExactly(client, 11), "still there");
            client.resume().end();
            await once(client, "close");
        });

        it(`a connection moves to ${name}, and from there back, while bytes flow in both directions`, async () => {
            const target = await start(node);
            const { client, server } = await connectedPair();
            client.write("read by the source|left for the target|");
            assert.equal(await readExactly(server, 19), "read by the source|");
            const initialData = await suspendSocket(server);
            const info = duplicateSocket(server, target.pid);
            await target.run(
                `const socket = lib.socketFromRaw(lib.adoptRaw(Buffer.from(args.info, "base64")), {
                     mode: "move", initialData: Buffer.from(args.data, "base64") });
                 kept.socket = socket; return lib.adoptedPath(socket);`,
                { info: encoded(info.bytes), data: encoded(initialData) },
            );
            await releaseSocket(server);
            assert.ok(server.destroyed);
            assert.equal(await target.run(`return kept.read(kept.socket, 20);`), "left for the target|");
            client.write("x".repeat(100_000) + "|");
            assert.equal((await target.run<string>(`return kept.read(kept.socket, 100_001);`)).length, 100_001);
            await target.run(`kept.socket.write("y".repeat(100_000));`);
            const back = await target.run<{ info: string; data: string }>(
                `const data = await lib.suspendSocket(kept.socket);
                 const info = lib.duplicateSocket(kept.socket, args);
                 return { info: Buffer.from(info.bytes).toString("base64"), data: data.toString("base64") };`,
                process.pid,
            );
            assert.equal(back.data, "");
            const again = adoptSocket(Buffer.from(back.info, "base64"), { mode: "move" });
            await target.run(`await lib.releaseSocket(kept.socket);`);
            assert.equal(await readExactly(client, 100_000), "y".repeat(100_000));
            again.write("and back");
            assert.equal(await readExactly(client, 8), "and back");
            client.write("yes");
            assert.equal(await readExactly(again, 3), "yes");
            again.end();
            client.resume().end();
            await Promise.all([once(client, "close"), once(again, "close")]);
        });
    }

    it("takes IPv6 connections as well", async () => {
        const target = await start();
        const { client, server } = await connectedPair("::1");
        const info = duplicateSocket(server, target.pid);
        assert.equal(info.state.family, "IPv6");
        assert.deepEqual(info.state.remote, { address: "::1", family: "IPv6", port: client.localPort });
        await target.run(adopt, { info: encoded(info.bytes), options: { mode: "share" } });
        await releaseSocket(server);
        await target.run(`kept.socket.end("six");`);
        assert.equal(await readExactly(client, 3), "six");
        client.destroy();
    });

    it("finds the SOCKET behind each kind of object, also of one that is not referenced", async () => {
        const { client, server } = await connectedPair();
        const other = await connectedPair();
        const listener = net.createServer().listen(0, "127.0.0.1");
        const datagram = dgram.createSocket("udp4").bind(0, "127.0.0.1");
        await Promise.all([once(listener, "listening"), once(datagram, "listening")]);
        client.unref();
        const raw = openDatagram({ host: "127.0.0.1" });
        const objects = [client, server, other.client, other.server, listener, datagram, raw];
        const sockets = objects.map((object) => socketOf(object));
        assert.equal(new Set(sockets).size, objects.length);
        const ports = sockets.map((socket) => new RawSocket(socket).state.local?.port);
        const { port } = listener.address() as net.AddressInfo;
        assert.deepEqual(ports, [
            client.localPort,
            server.localPort,
            other.client.localPort,
            other.server.localPort,
            port,
            datagram.address().port,
            raw.state.local?.port,
        ]);
        assert.equal((client as unknown as { _handle: { hasRef(): boolean } })._handle.hasRef(), false);
        assert.equal((server as unknown as { _handle: { hasRef(): boolean } })._handle.hasRef(), true);
        raw.close();
        datagram.close();
        listener.close();
        for (const socket of [client, server, other.client, other.server]) {
            socket.destroy();
        }
    });

    it("a listener and a UDP socket cross as RawSockets with what they are", async () => {
        const target = await start();
        const listener = openListener({ host: "127.0.0.1" });
        const datagram = openDatagram({ host: "::1" });
        for (const raw of [listener, datagram]) {
            const info = duplicateSocket(raw, target.pid);
            assert.deepEqual(info.state, raw.state);
            const { nonBlocking, ...state } = raw.state;
            assert.equal(nonBlocking, true);
            assert.deepEqual(
                await target.run(
                    `const raw = lib.adoptRaw(Buffer.from(args, "base64"));
                     const { state } = raw;
                     raw.close();
                     return state;`,
                    encoded(info.bytes),
                ),
                state,
            );
        }
        listener.close();
        datagram.close();
    });

    it("listSockets finds those that a process has got from others", async () => {
        const target = await start();
        const { client, server } = await connectedPair();
        const raw = openDatagram({ host: "::1" });
        await target.run(`kept.all = args.map((info) => lib.adoptRaw(Buffer.from(info, "base64")));`, [
            encoded(duplicateSocket(server, target.pid).bytes),
            encoded(duplicateSocket(raw, target.pid).bytes),
        ]);
        const listed = listSockets(target.pid);
        const connection = listed.find(({ local }) => local?.port === server.localPort);
        assert.deepEqual(connection, {
            handle: connection?.handle,
            protocol: 6,
            kind: "connected",
            listening: false,
            family: "IPv4",
            local: { address: "127.0.0.1", family: "IPv4", port: server.localPort },
            remote: { address: "127.0.0.1", family: "IPv4", port: client.localPort },
        });
        const { port } = raw.state.local!;
        assert.equal(listed.filter(({ kind, local }) => kind === "datagram" && local?.port === port).length, 1);
        assert.deepEqual(
            listed.map(({ handle }) => handle),
            listed.map(({ handle }) => handle).sort((a, b) => a - b),
        );
        await target.run(`kept.all.forEach((raw) => raw.close());`);
        assert.equal(
            listSockets(target.pid).find(({ local }) => local?.port === server.localPort),
            undefined,
        );
        assert.ok(listSockets(process.pid).some(({ handle }) => BigInt(handle) === raw.socket));
        assert.throws(() => listSockets(0), { code: "ERR_NO_PROCESS" });
        raw.close();
        client.destroy();
        server.destroy();
    });

    it("revoke closes an export that was kept, and no other", async () => {
        const target = await start();
        const { client, server } = await connectedPair();
        const kept = duplicateSocket(server, target.pid);
        revoke(kept);
        revoke(kept);
        await assert.rejects(target.run(adopt, { info: encoded(kept.bytes) }), { code: "ERR_INFO_SPENT" });
        const declined = duplicateSocket(server, target.pid);
        const late = encoded(declined.bytes);
        revoke(declined, { declined: true });
        await assert.rejects(target.run(adopt, { info: late }), { code: "ERR_INFO_SPENT" });
        const sent = duplicateSocket(server, target.pid);
        const text = encoded(sent.bytes);
        assert.throws(
            () => {
                revoke(sent);
            },
            { code: "ERR_ALREADY_SENT" },
        );
        await target.run(adopt, { info: text });
        assert.throws(() => {
            revoke({ ...sent });
        }, TypeError);
        server.destroy();
        await target.run(`kept.socket.end("open");`);
        assert.equal(await readExactly(client, 4), "open");
        client.destroy();
    });

    it("an export ends nothing when its process ends, and revoking it then is no error", async () => {
        const target = await start();
        const { client, server } = await connectedPair();
        const info = duplicateSocket(server, target.pid);
        await target.kill();
        revoke(info);
        server.write("alive");
        assert.equal(await readExactly(client, 5), "alive");
        client.destroy();
        server.destroy();
    });

    it("an adopted socket is a stream: backpressure, half-open, and ends in both directions", async () => {
        const target = await start();
        const { client, server } = await connectedPair();
        const info = duplicateSocket(server, target.pid);
        await target.run(adopt, { info: encoded(info.bytes), options: { allowHalfOpen: true } });
        await releaseSocket(server);
        client.end("last words");
        assert.equal(
            await target.run(`let text = ""; for await (const chunk of kept.socket) { text += chunk; } return text;`),
            "last words",
        );
        client.destroy();
    });

    it("adopts in its own process too", async () => {
        const { client, server } = await connectedPair();
        const info = duplicateSocket(server, process.pid);
        const second = adoptSocket(info);
        assert.equal(adoptedPath(second), "emulated");
        assert.equal(adoptedPath(server), undefined);
        assert.throws(
            () => {
                revoke(info);
            },
            { code: "ERR_ALREADY_TAKEN" },
        );
        assert.throws(() => adoptSocket(info), { code: "ERR_INFO_USED" });
        assert.throws(() => adoptRaw(Uint8Array.from(info.bytes)), { code: "ERR_INFO_USED" });
        await releaseSocket(server);
        second.write("own");
        assert.equal(await readExactly(client, 3), "own");
        second.destroy();
        client.destroy();
    });

    it("a SOCKET that was opened raw becomes a net.Socket that can connect", async () => {
        const server = net.createServer((socket) => socket.end("hello")).listen(0, "127.0.0.1");
        await once(server, "listening");
        const datagram = openDatagram({ host: "127.0.0.1" });
        assert.throws(() => socketFromRaw(datagram), { code: "ERR_SOCKET_KIND" });
        assert.ok(datagram.closed);
        server.close();
    });
});
