// The sharp edges of sharing sockets: what Windows and libuv do that nobody expects, and input that is wrong.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import * as http from "node:http";
import * as net from "node:net";
import * as path from "node:path";
import { buffer } from "node:stream/consumers";
import * as tls from "node:tls";
import { Worker } from "node:worker_threads";
import { native } from "#lib/native.js";
import {
    RawSocket, type WinsockError, adoptRaw, adoptSocket, adoptedPath, decodeProtocolInfo, duplicateSocket, openListener,
    releaseSocket, resumeSocket, socketFromRaw, socketOf, suspendSocket, takeBuffered,
} from "winsock-spi";
import { type Bits, builds, nodes } from "../support/windows.js";
import { Runner, connectedPair, encoded, readExactly } from "./share-process.js";

const peerProgram = (bits: Bits = 64): string => path.join(builds[bits], "programs", "share_peer.exe");

/** Waits for a program that said something on neither stream; its code. */
async function exitOf(program: ReturnType<typeof spawn>): Promise<number> {
    const [code] = (await once(program, "close")) as [number];
    return code;
}

/** A connection that a program without Node has made and gives to this process. */
async function given(kind: "tcp4" | "tcp6", bits: Bits = 64): Promise<{ info: Buffer; accepted: net.Socket; done: () => Promise<number> }> {
    const host = kind === "tcp6" ? "::1" : "127.0.0.1";
    const listener = net.createServer().listen(0, host);
    await once(listener, "listening");
    const { port } = listener.address() as net.AddressInfo;
    const program = spawn(peerProgram(bits), ["give", String(process.pid), kind, String(port)], {
        stdio: ["pipe", "pipe", "inherit"],
    });
    const [accepted] = (await once(listener, "connection")) as [net.Socket];
    listener.close();
    accepted.write("first");
    const info = await new Promise<Buffer>((resolve, reject) => {
        let bytes = Buffer.alloc(0);
        program.stdout.on("data", (chunk: Buffer) => {
            bytes = Buffer.concat([bytes, chunk]);
            if (bytes.length >= 628) {
                resolve(bytes);
            }
        });
        program.once("close", () => { reject(new Error("the program ended before it gave 628 bytes")); });
    });
    return {
        info, accepted,
        done: async () => {
            const exit = exitOf(program);
            program.stdin.end();
            return exit;
        },
    };
}

describe("share edges: with a program that has no Node", function () {
    this.timeout(20_000);

    for (const bits of [64, 32] as const) {
        for (const kind of ["tcp4", "tcp6"] as const) {
            it(`a ${bits}-bit program gives a ${kind} connection: no port was tied to it, so a move takes the fast path`, async () => {
                const { info, accepted, done } = await given(kind, bits);
                assert.equal(info.length, 628);
                const socket = adoptSocket(info, { mode: "move" });
                assert.equal(adoptedPath(socket), "native");
                socket.write("from Node");
                assert.equal(await readExactly(accepted, 9), "from Node");
                assert.equal(await done(), 0); // it sent with its own descriptor, and closed that
                assert.equal(await readExactly(accepted, 4), "more");
                accepted.write("for Node");
                assert.equal(await readExactly(socket, 8), "for Node");
                socket.destroy();
                accepted.destroy();
            });
        }

        it(`a ${bits}-bit program takes a connection from Node, and goes on when Node has released it`, async () => {
            const { client, server } = await connectedPair();
            const program = spawn(peerProgram(bits), ["take"], { stdio: ["pipe", "inherit", "inherit"] });
            const exit = exitOf(program);
            await suspendSocket(server);
            program.stdin.write(duplicateSocket(server, program.pid!).bytes);
            await releaseSocket(server);
            client.write("words");
            assert.equal(await readExactly(client, 5), "WORDS");
            client.end();
            assert.equal(await readExactly(client, 3), "bye");
            assert.equal(await exit, 0);
            client.destroy();
        });
    }
});

describe("share edges: handles", function () {
    this.timeout(20_000);

    it("an adopted socket is not inherited by the programs that Node starts", async () => {
        const { client, server } = await connectedPair();
        const raw = adoptRaw(duplicateSocket(server, process.pid));
        const program = spawn(peerProgram(), ["inherit", String(raw.socket)], { stdio: "inherit" });
        assert.equal(await exitOf(program), 3);
        raw.close();
        client.destroy();
        server.destroy();
    });

    it("nothing is left of a thousand exports, adoptions and revocations", async () => {
        const { client, server } = await connectedPair();
        const probe = (): bigint => {
            using raw = openListener({ host: "127.0.0.1" });
            return raw.socket;
        };
        const before = probe(); // Windows gives out the lowest free number
        for (let round = 0; round < 1000; ++round) {
            adoptRaw(duplicateSocket(server, process.pid)).close();
        }
        const after = probe();
        assert.ok(after - before < 200n, `handles: ${before} before, ${after} after`);
        client.destroy();
        server.destroy();
    });

    it("takes a socket that had been on a completion port off it, or says that it is emulated", async () => {
        const { client, server } = await connectedPair();
        assert.equal(native().completionModes(socketOf(server)), 3); // libuv's, and the socket's for good
        const initialData = await suspendSocket(server);
        const raw = adoptRaw(duplicateSocket(server, process.pid));
        assert.equal(native().completionModes(raw.socket), 3);
        await releaseSocket(server);
        const detaches = native().detachSocket(raw.socket);
        const socket = socketFromRaw(raw, { mode: "move", initialData });
        assert.equal(adoptedPath(socket), detaches ? "native" : "emulated");
        socket.write("works");
        assert.equal(await readExactly(client, 5), "works");
        client.write("too");
        assert.equal(await readExactly(socket, 3), "too");
        socket.destroy();
        client.destroy();
    });

    it("events are used where they are asked for", async () => {
        for (const [options, expected] of [
            [{ mode: "move" }, "native"], [{ mode: "move", emulate: true }, "emulated"], [{ mode: "share" }, "emulated"],
            [{}, "emulated"],
        ] as const) {
            const { info, accepted, done } = await given("tcp4");
            const socket = adoptSocket(info, options);
            assert.equal(adoptedPath(socket), expected);
            accepted.write("through");
            assert.equal(await readExactly(socket, 7), "through");
            await done();
            socket.destroy();
            accepted.destroy();
        }
    });
});

describe("share edges: what the source has read", function () {
    this.timeout(20_000);

    it("comes out once, in order, without an event", async () => {
        const { client, server } = await connectedPair();
        client.write("0123456789");
        await once(server, "readable");
        assert.equal(server.read(3)?.toString(), "012");
        let events = 0;
        for (const name of ["data", "end", "close"]) {
            server.prependListener(name, () => ++events);
        }
        assert.equal(takeBuffered(server).toString(), "3456789");
        assert.equal(takeBuffered(server).length, 0);
        assert.equal(events, 0);
        client.write("abc");
        await resumeSocket(server, Buffer.from("3456789"), { flowing: false });
        server.removeAllListeners("data");
        assert.equal(await readExactly(server, 10), "3456789abc");
        server.destroy();
        client.destroy();
    });

    it("comes before what is still in the socket, also where the end has come already", async () => {
        const { client, server } = await connectedPair();
        client.end("all of it");
        await once(server, "readable");
        const initialData = await suspendSocket(server);
        const adopted = adoptSocket(duplicateSocket(server, process.pid), { mode: "move", initialData });
        await releaseSocket(server);
        assert.equal((await buffer(adopted)).toString(), "all of it");
        adopted.end();
        await once(client.resume(), "close");
    });

    it("is refused where it has become text, and for TLS", async () => {
        const { client, server } = await connectedPair();
        server.setEncoding("utf8");
        takeBuffered(server); // nothing there: nothing lost
        server.resume().pause();
        server.read(0);
        client.write("text");
        await once(server, "readable");
        assert.throws(() => takeBuffered(server), { code: "ERR_STREAM_ENCODED" });
        const secure = new tls.TLSSocket(client);
        secure.on("error", () => undefined);
        assert.throws(() => takeBuffered(secure), { code: "ERR_TLS_STATE" });
        assert.equal(socketOf(secure), socketOf(client));
        secure.destroy();
        client.destroy();
        server.destroy();
    });

    it("what was written goes out before a socket is suspended or released", async () => {
        const { client, server } = await connectedPair();
        const bytes = 8 * 1024 * 1024;
        server.write(Buffer.alloc(bytes, "w"));
        const received = (async () => {
            let count = 0;
            for await (const chunk of client) {
                count += (chunk as Buffer).length;
            }
            return count;
        })();
        await suspendSocket(server);
        const adopted = adoptSocket(duplicateSocket(server, process.pid));
        await releaseSocket(server);
        adopted.end("end");
        assert.equal(await received, bytes + 3);
    });

    it("a suspension that is given up leaves the socket as it was", async () => {
        const { client, server } = await connectedPair();
        server.cork();
        server.write("later"); // which does not come to an end
        const controller = new AbortController();
        const suspended = suspendSocket(server, { signal: controller.signal });
        controller.abort(new Error("enough"));
        await assert.rejects(suspended, /enough/);
        client.write("still read");
        assert.equal(await readExactly(server, 10), "still read");
        server.uncork();
        assert.equal(await readExactly(client, 5), "later");
        client.destroy();
        server.destroy();
    });
});

describe("share edges: adopted sockets carry what Node builds on sockets", function () {
    this.timeout(20_000);

    it("HTTP and TLS", async () => {
        const { client, server } = await connectedPair();
        const adopted = adoptSocket(duplicateSocket(server, process.pid));
        await releaseSocket(server);
        const app = http.createServer((request, response) => response.end(`hello ${request.url}`));
        app.emit("connection", adopted);
        client.write("GET /there HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        assert.match((await buffer(client)).toString(), /hello \/there$/);
        client.destroy();
    });

    it("a thread of its own: a worker finds and adopts sockets of its loop", async () => {
        const { client, server } = await connectedPair();
        const worker = new Worker(
            `const { parentPort, workerData } = require("node:worker_threads");
             const { createServer } = require("node:net");
             import("winsock-spi").then((lib) => {
                 const server = createServer().listen(0, "127.0.0.1", () => {
                     const own = new lib.RawSocket(lib.socketOf(server)).state.local.port === server.address().port;
                     const socket = lib.adoptSocket(workerData);
                     socket.end("from the worker " + own);
                     socket.on("close", () => server.close());
                 });
             });`,
            { eval: true, workerData: Uint8Array.from(duplicateSocket(server, process.pid).bytes) },
        );
        const exit = once(worker, "exit");
        await releaseSocket(server);
        assert.equal((await buffer(client)).toString(), "from the worker true");
        assert.deepEqual(await exit, [0]);
    });

    for (const name of ["node24", "node26"]) {
        it(`Node's permission model: ${name}`, async function () {
            const node = nodes[name];
            if (node === undefined) {
                this.skip();
            }
            const allowed = ["--permission", "--allow-fs-read=*", "--allow-addons", "--no-warnings"];
            const target = await Runner.start(node, name === "node26" ? [...allowed, "--allow-net"] : allowed);
            const { client, server } = await connectedPair();
            const info = encoded(duplicateSocket(server, target.pid).bytes);
            await releaseSocket(server);
            await target.run(`lib.adoptSocket(Buffer.from(args, "base64")).end("permitted");`, info);
            assert.equal((await buffer(client)).toString(), "permitted");
            await target.close();
        });
    }
});

describe("share edges: bad input", function () {
    this.timeout(20_000);

    it("no process, or not one that this user may touch", async () => {
        const { client, server } = await connectedPair();
        const gone = spawn(process.execPath, ["-e", ""]);
        await once(gone, "exit");
        for (const pid of [0, 3, gone.pid!, 0xffff_fffc]) {
            assert.throws(() => duplicateSocket(server, pid), { code: "ERR_NO_PROCESS" }, String(pid));
        }
        for (const pid of [-1, 1.5, Number.NaN, 2 ** 32, "4" as unknown as number]) {
            assert.throws(() => duplicateSocket(server, pid), TypeError);
        }
        try {
            duplicateSocket(server, 4); // the system itself
        } catch (error) {
            assert.ok(["ERR_PROCESS_RIGHTS", "ERR_NO_PROCESS"].includes((error as WinsockError).code));
        }
        client.destroy();
        server.destroy();
    });

    it("a socket that is closed, not open yet, or none", async () => {
        const { client, server } = await connectedPair();
        server.destroy();
        client.destroy();
        assert.throws(() => duplicateSocket(server, process.pid), { code: "ERR_SOCKET_CLOSED" });
        assert.throws(() => duplicateSocket(net.createServer(), process.pid), { code: "ERR_SOCKET_CLOSED" });
        assert.throws(() => duplicateSocket(new net.Socket(), process.pid), { code: "ERR_SOCKET_CLOSED" });
        assert.throws(() => duplicateSocket(0x7ff4n, process.pid), { code: "WSAENOTSOCK" });
        assert.throws(() => duplicateSocket(2n ** 60n, process.pid), { code: "WSAENOTSOCK" });
        assert.throws(() => duplicateSocket({} as net.Socket, process.pid), TypeError);
        const raw = openListener({ host: "127.0.0.1" });
        raw.close();
        raw.close();
        assert.throws(() => duplicateSocket(raw, process.pid), { code: "ERR_SOCKET_CLOSED" });
        const pipe = net.createServer().listen(`\\\\.\\pipe\\winsock-spi-test-${process.pid}`);
        await once(pipe, "listening");
        assert.throws(() => socketOf(pipe), { code: "ERR_NO_SOCKET" });
        pipe.close();
    });

    it("a buffer of another size, and one that is nothing", () => {
        for (const size of [0, 1, 372, 627, 629, 65536]) {
            assert.throws(() => adoptSocket(new Uint8Array(size)), { code: "ERR_INFO_SIZE" });
        }
        assert.throws(() => adoptSocket(new Uint8Array(628)), { code: "ERR_INFO_DAMAGED" });
        for (const info of [undefined, null, 1, "x".repeat(628), {}, [], new Uint16Array(314)]) {
            assert.throws(() => adoptSocket(info as unknown as Uint8Array), TypeError);
        }
    });

    it("flipped bytes: an error, or the socket as it was, and the process lives on", async () => {
        const { client, server } = await connectedPair();
        for (let byte = 0; byte < 628; byte += byte < 120 ? 1 : 31) {
            const info = duplicateSocket(server, process.pid);
            const bytes = Uint8Array.from(info.bytes);
            bytes[byte]! ^= 0xff;
            if (byte >= 112 && byte < 116) {
                continue; // the number of the handle: any other one of this process might be hit
            }
            try {
                adoptRaw(bytes).close();
            } catch (error) {
                const { code } = error as WinsockError;
                assert.match(code, /^(ERR_INFO_DAMAGED|ERR_NO_PROVIDER|ERR_INFO_SPENT|WSAE[A-Z]+)$/, `byte ${byte}`);
                adoptRaw(info).close();
            }
        }
        server.write("unharmed");
        assert.equal(await readExactly(client, 8), "unharmed");
        client.destroy();
        server.destroy();
    });

    it("an info names its provider as the catalog of the target's bitness does, and is understood with a number of another", async () => {
        const { client, server } = await connectedPair();
        const foreign = duplicateSocket(server, process.pid);
        const bytes = Uint8Array.from(foreign.bytes);
        new DataView(bytes.buffer).setUint32(36, 0x7fff_0000, true); // dwCatalogEntryId
        const raw = adoptRaw(bytes);
        assert.equal(raw.state.remote?.port, client.localPort);
        raw.close();
        for (const [name, bits] of [["node", 64], ["node-x86", 32]] as const) {
            if (nodes[name] === undefined) {
                continue;
            }
            const target = await Runner.start(nodes[name]);
            const info = duplicateSocket(server, target.pid);
            const entry = native()
                .enumProtocols(bits)
                .map((item) => decodeProtocolInfo(item.info))
                .find(({ catalogEntryId }) => catalogEntryId === info.catalogEntryId);
            const { providerId, addressFamily, socketType, protocol } = info;
            assert.deepEqual({ providerId, addressFamily, socketType, protocol }, {
                providerId: entry?.providerId, addressFamily: entry?.addressFamily, socketType: entry?.socketType,
                protocol: entry?.protocol,
            });
            await target.run(`lib.adoptRaw(Buffer.from(args, "base64")).close();`, encoded(info.bytes));
            await target.close();
        }
        client.destroy();
        server.destroy();
    });

    it("an info that was used, or was made for another process", async () => {
        const { client, server } = await connectedPair();
        const target = await Runner.start();
        const info = duplicateSocket(server, target.pid);
        assert.throws(() => adoptSocket(info), { code: "ERR_OTHER_PROCESS" });
        const bytes = encoded(info.bytes);
        await target.run(`kept.raw = lib.adoptRaw(Buffer.from(args, "base64"));`, bytes);
        const again = target.run(`lib.adoptRaw(Buffer.from(args, "base64"));`, bytes);
        await assert.rejects(again, { code: "ERR_INFO_USED" });
        await target.run(`kept.raw.close();`);
        await assert.rejects(target.run(`lib.adoptRaw(Buffer.from(args, "base64"));`, bytes), { code: "ERR_INFO_USED" });
        const other = await Runner.start();
        const third = encoded(duplicateSocket(server, target.pid).bytes);
        await assert.rejects(other.run(`lib.adoptRaw(Buffer.from(args, "base64"));`, third), { code: "ERR_INFO_SPENT" });
        await Promise.all([target.close(), other.close()]);
        client.destroy();
        server.destroy();
    });

    it("a listener or UDP socket where a connection is wanted is told which function takes it", () => {
        const raw = openListener({ host: "127.0.0.1" });
        assert.throws(() => adoptSocket(duplicateSocket(raw, process.pid)), { code: "ERR_SOCKET_KIND", message: /adoptServer/ });
        assert.equal(raw.closed, false);
        raw.close();
        assert.throws(() => new RawSocket(5 as unknown as bigint), TypeError);
        assert.throws(() => openListener({ host: "localhost" }), TypeError);
        assert.throws(() => openListener({ port: 70_000 }), TypeError);
        assert.throws(() => adoptSocket(new Uint8Array(628), { mode: "steal" as "move" }), TypeError);
    });
});
