// The sharp edges of sharing sockets: what Windows and libuv do that nobody expects.
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
    adoptRaw,
    adoptSocket,
    adoptedPath,
    duplicateSocket,
    openListener,
    releaseSocket,
    resumeSocket,
    socketFromRaw,
    socketOf,
    suspendSocket,
    takeBuffered,
} from "winsock-spi";
import { type Bits, builds, nodes } from "../support/windows.js";
import { Runner, connectedPair, encoded, readExactly } from "./share-process.js";

const peerProgram = (bits: Bits = 64): string => path.join(builds[bits], "programs", "share_peer.exe");

/** Waits for a program that said something on neither stream; its code. */
async function exitOf(program: ReturnType<typeof spawn>): Promise<number> {
    const [code] = (await once(program, "close")) as [number];
    return code;
}

interface Given {
    info: Buffer;
    accepted: net.Socket;
    /** Lets the program end: its exit code. */
    done: () => Promise<number>;
}

/** A connection that a program without Node has made and gives to this process. */
async function given(kind: "tcp4" | "tcp6", bits: Bits = 64): Promise<Given> {
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
        program.once("close", () => {
            reject(new Error("the program ended before it gave 628 bytes"));
        });
    });
    return {
        info,
        accepted,
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
            it(`a ${bits}-bit program gives a ${kind} connection, which no port has: a move is fast`, async () => {
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
            [{ mode: "move" }, "native"],
            [{ mode: "move", emulate: true }, "emulated"],
            [{ mode: "share" }, "emulated"],
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
