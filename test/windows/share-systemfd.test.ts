// The systemfd protocol between Node, plain C++ programs and hostile ones.
import assert from "node:assert/strict";
import * as dgram from "node:dgram";
import { once } from "node:events";
import * as net from "node:net";
import * as path from "node:path";
import { text } from "node:stream/consumers";
import type { WinsockError } from "#lib/errors.js";
import { type RawSocket, openDatagram, openListener } from "#lib/share/raw-socket.js";
import {
    type ServeSystemfdOptions,
    type SystemfdServer,
    type SystemfdTaker,
    serveSystemfd,
    takeSystemfdSockets,
} from "#lib/share/transports/systemfd.js";
import { encodeRequest, readEnvironment } from "#lib/share/transports/systemfd-format.js";
import { nodes } from "../support/windows.js";
import { scenario, start, systemfdPeer } from "./share-programs.js";

/** What a TCP server answers to a message and an end. */
async function exchange(port: number, message: string, host = "127.0.0.1"): Promise<string> {
    const socket = net.connect({ port, host });
    socket.end(message);
    return text(socket);
}

/** What a UDP socket answers to a datagram. */
async function exchangeDatagram(port: number, message: string): Promise<string> {
    const socket = dgram.createSocket("udp4");
    try {
        const answer = once(socket, "message") as Promise<[Buffer]>;
        socket.send(message, port, "127.0.0.1");
        const [bytes] = await answer;
        return bytes.toString();
    } finally {
        socket.close();
    }
}

const portOf = ({ state }: RawSocket): number => state.local!.port;

describe("share: systemfd, giving", function () {
    this.timeout(30_000);
    let listener: RawSocket;
    let datagrams: RawSocket;
    let taken: SystemfdTaker[];
    let refused: WinsockError[];
    let onRefused: () => void;
    const servers = new Set<SystemfdServer>();

    beforeEach(() => {
        listener = openListener({ host: "127.0.0.1", port: 0 });
        datagrams = openDatagram({ host: "127.0.0.1", port: 0 });
        taken = [];
        refused = [];
        onRefused = () => undefined;
    });
    afterEach(async () => {
        await Promise.all([...servers].map((server) => server.close()));
        servers.clear();
        listener.close();
        datagrams.close();
    });

    async function serve(more: Partial<ServeSystemfdOptions> = {}): Promise<SystemfdServer> {
        const server = await serveSystemfd({
            sockets: [listener, datagrams],
            onTaken: (taker) => taken.push(taker),
            onRefused: (error) => {
                refused.push(error as WinsockError);
                onRefused();
            },
            ...more,
        });
        servers.add(server);
        return server;
    }

    /** Resolves when that many were refused. */
    async function refusals(count: number): Promise<string[]> {
        while (refused.length < count) {
            await new Promise<void>((resolve) => {
                onRefused = resolve;
            });
        }
        return refused.map(({ code }) => code);
    }

    /** Sends bytes to the server as they are, and gives what it answers. */
    async function raw(server: SystemfdServer, request: string | Uint8Array): Promise<Buffer> {
        const { port, host } = readEnvironment(server.environment)!;
        const socket = net.connect({ port, host });
        const chunks: Buffer[] = [];
        socket.on("data", (chunk: Buffer) => chunks.push(chunk)).on("error", () => undefined);
        socket.end(request);
        await new Promise((resolve) => socket.on("close", resolve)); // after an error too
        return Buffer.concat(chunks);
    }

    for (const bits of [64, 32] as const) {
        it(`gives a listener and a UDP socket to a ${bits}-bit program that knows only Winsock`, async () => {
            const server = await serve();
            const program = start(systemfdPeer(bits), ["take", "2", "7"], { environment: server.environment });
            assert.equal(await program.line(), "taken 2");
            assert.equal(await exchange(portOf(listener), "over TCP"), "socket 0: over TCP");
            assert.equal(await exchangeDatagram(portOf(datagrams), "over UDP"), "socket 1: over UDP");
            assert.deepEqual(await program.ended, [7, null]);
            assert.deepEqual(
                taken.map(({ pid, descends }) => [pid, descends]),
                [[program.pid, true]],
            );
            assert.equal(path.win32.basename(taken[0]!.program).toLowerCase(), "systemfd_peer.exe");
            assert.deepEqual(refused, []);
        });
    }

    it("gives the same sockets again to the next program, and what waits in between is answered", async () => {
        const server = await serve({ sockets: [listener] });
        for (let round = 0; round < 3; round += 1) {
            const early = exchange(portOf(listener), `round ${round}`); // before anybody accepts
            const program = start(systemfdPeer(64), ["take", "1", "0"], { environment: server.environment });
            assert.equal(await early, `socket 0: round ${round}`);
            await program.ended;
        }
        assert.equal(taken.length, 3);
    });

    it("gives nothing for a wrong secret", async () => {
        const server = await serve();
        const wrong = "59fb60fe-2634-4ec8-aa81-038793888c8e";
        assert.equal((await raw(server, encodeRequest({ secret: wrong, pid: process.pid }))).length, 0);
        assert.deepEqual(await refusals(1), ["ERR_SYSTEMFD_SECRET"]);
    });

    it("gives nothing into another process than the one that asks, whatever it knows", async () => {
        const server = await serve();
        const { secret } = readEnvironment(server.environment)!;
        const victim = start(systemfdPeer(64), ["take", "1", "0"], { environment: server.environment });
        await victim.line();
        assert.equal((await raw(server, encodeRequest({ secret, pid: victim.pid }))).length, 0);
        assert.deepEqual(await refusals(1), ["ERR_SYSTEMFD_PID"]);
        assert.equal(taken.length, 1);
    });

    it("gives nothing to a process that this one did not start, unless that is allowed", async () => {
        const server = await serve();
        const { secret } = readEnvironment(server.environment)!;
        // This process itself is not its own descendant.
        assert.equal((await raw(server, encodeRequest({ secret, pid: process.pid }))).length, 0);
        assert.deepEqual(await refusals(1), ["ERR_SYSTEMFD_NOT_ALLOWED"]);

        const anyone = await serve({ allow: "anyone" });
        const sockets = await takeSystemfdSockets({ environment: { ...anyone.environment } });
        assert.deepEqual(
            sockets?.map(({ state }) => state.kind),
            ["listening", "datagram"],
        );
        sockets?.forEach((socket) => socket.close());

        const asked: SystemfdTaker[] = [];
        const asks = await serve({ allow: (taker) => asked.push(taker) > 1 });
        await assert.rejects(takeSystemfdSockets({ environment: { ...asks.environment } }), {
            name: "WinsockError",
            code: "ERR_SYSTEMFD_REFUSED",
        });
        (await takeSystemfdSockets({ environment: { ...asks.environment } }))?.forEach((socket) => socket.close());
        assert.deepEqual(
            asked.map(({ pid, descends }) => [pid, descends]),
            [
                [process.pid, false],
                [process.pid, false],
            ],
        );
    });

    it("gives to what the started program starts", async () => {
        const server = await serve();
        const program = start(process.env["ComSpec"] ?? "cmd.exe", ["/d", "/c", systemfdPeer(64), "take", "1", "3"], {
            environment: server.environment,
        });
        assert.equal(await program.line(), "taken 2");
        assert.notEqual(taken[0]?.pid, program.pid);
        assert.equal(await exchange(portOf(listener), "x"), "socket 0: x");
        assert.deepEqual(await program.ended, [3, null]);
    });

    it("closes a connection that says nonsense or too much, and serves others", async () => {
        const server = await serve();
        const nonsense = ["", "hello", "|", `${"x".repeat(36)}|1`, Buffer.alloc(100_000, 0x41), Buffer.alloc(48)];
        for (const request of nonsense) {
            assert.equal((await raw(server, request)).length, 0);
        }
        const codes = await refusals(nonsense.length);
        assert.ok(
            codes.every((code) => ["ERR_SYSTEMFD_PROTOCOL", "ECONNRESET"].includes(code)),
            codes.join(" "),
        );
        const program = start(systemfdPeer(64), ["take", "0", "0"], { environment: server.environment });
        assert.equal(await program.line(), "taken 2");
    });

    it("closes a connection that stalls in the middle of its request", async () => {
        const server = await serve({ timeout: 300 });
        const { port, host, secret } = readEnvironment(server.environment)!;
        const socket = net.connect({ port, host }).on("error", () => undefined);
        socket.write(secret.slice(0, 10));
        await new Promise((resolve) => socket.on("close", resolve));
        assert.deepEqual(await refusals(1), ["ERR_TIMEOUT"]);
    });

    it("serves others while many connections ask for nothing", async () => {
        const server = await serve();
        const { port, host } = readEnvironment(server.environment)!;
        const idle: net.Socket[] = [];
        for (let count = 0; count < 300; count += 1) {
            const socket = net.connect({ port, host }).on("error", () => undefined);
            idle.push(socket);
            await once(socket, "connect");
        }
        try {
            const program = start(systemfdPeer(64), ["take", "0", "0"], { environment: server.environment });
            assert.equal(await program.line(), "taken 2");
            assert.ok((await refusals(1)).every((code) => code === "ERR_SYSTEMFD_CROWDED"));
        } finally {
            idle.forEach((socket) => socket.destroy());
        }
    });

    it("tells of a socket that cannot be given, and gives none of the others", async () => {
        const server = await serve();
        datagrams.close();
        const program = start(systemfdPeer(64), ["take", "0", "0"], { environment: server.environment });
        assert.equal(await program.line(), "taken 0");
        assert.equal((await refusals(1)).length, 1);
        assert.deepEqual(taken, []);
    });

    it("stops when it is closed, more than once, or its signal says so", async () => {
        const server = await serve();
        await server.close();
        await server.close();
        await assert.rejects(takeSystemfdSockets({ environment: { ...server.environment } }), {
            name: "WinsockError",
            code: "ERR_SYSTEMFD_GONE",
        });
        const abort = new AbortController();
        const other = await serve({ signal: abort.signal });
        abort.abort();
        await assert.rejects(takeSystemfdSockets({ environment: { ...other.environment } }), {
            code: "ERR_SYSTEMFD_GONE",
        });
        await assert.rejects(serve({ signal: abort.signal }), { name: "AbortError" });
    });

    it("refuses misuse", async () => {
        for (const options of [
            undefined,
            {},
            { sockets: [] },
            { sockets: [listener], allow: "everyone" },
            { sockets: [listener], time: 1 },
            { sockets: [listener], timeout: 0 },
            { sockets: [listener], signal: {} },
        ]) {
            await assert.rejects(serveSystemfd(options as unknown as ServeSystemfdOptions), TypeError);
        }
    });
});

describe("share: systemfd, taking", function () {
    this.timeout(30_000);

    for (const [name, node] of Object.entries(nodes)) {
        it(`takes what a program that knows only Winsock gives, in ${name}`, async () => {
            const program = start(systemfdPeer(64), ["give", node, scenario("systemfd-take.mjs")]);
            const [tcp, udp] = (await program.line()).split(" ").map(Number);
            assert.deepEqual(JSON.parse(await program.line()), {
                kinds: ["listening", "datagram"],
                ports: [tcp, udp],
                left: [],
            });
            assert.equal(await exchange(tcp!, "hello"), "node: hello");
            assert.equal(await exchangeDatagram(udp!, "hello"), "node: hello");
            assert.deepEqual(await program.ended, [0, null]);
        });
    }

    it("is undefined where nobody gives anything", async () => {
        assert.equal(await takeSystemfdSockets({ environment: {} }), undefined);
    });

    it("fails with a clear code when the giver says nonsense, stalls or is gone", async () => {
        let behave: (socket: net.Socket) => void = () => undefined;
        const open = new Set<net.Socket>();
        const giver = net.createServer({ allowHalfOpen: true }, (socket) => {
            open.add(socket);
            behave(socket.on("error", () => undefined).resume());
        });
        giver.listen(0, "127.0.0.1");
        await once(giver, "listening");
        const { port } = giver.address() as net.AddressInfo;
        const environment = {
            SYSTEMFD_SOCKET_SERVER: `127.0.0.1:${port}`,
            SYSTEMFD_SOCKET_SECRET: "59fb60fe-2634-4ec8-aa81-038793888c8e",
        };
        const take = (timeout?: number): Promise<unknown> =>
            takeSystemfdSockets({ environment: { ...environment }, ...(timeout !== undefined && { timeout }) });
        behave = (socket) => socket.end();
        await assert.rejects(take(), { name: "WinsockError", code: "ERR_SYSTEMFD_REFUSED" });
        behave = (socket) => socket.end(Buffer.alloc(100));
        await assert.rejects(take(), { name: "WinsockError", code: "ERR_SYSTEMFD_PROTOCOL" });
        behave = (socket) => socket.end(Buffer.alloc(628 * 300));
        await assert.rejects(take(), { name: "WinsockError", code: "ERR_SYSTEMFD_PROTOCOL" });
        behave = (socket) => socket.end(Buffer.alloc(628));
        await assert.rejects(take(), { name: "WinsockError" });
        behave = () => undefined;
        await assert.rejects(take(300), { name: "WinsockError", code: "ERR_TIMEOUT" });
        const abort = new AbortController();
        behave = () => abort.abort();
        await assert.rejects(takeSystemfdSockets({ environment: { ...environment }, signal: abort.signal }), {
            name: "AbortError",
        });
        giver.close();
        open.forEach((socket) => socket.destroy());
        await once(giver, "close");
        await assert.rejects(take(), { name: "WinsockError", code: "ERR_SYSTEMFD_GONE" });
    });
});
