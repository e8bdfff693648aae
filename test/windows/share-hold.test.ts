// `winsock-spi hold` and `winsock-spi sockets`.
import assert from "node:assert/strict";
import { once } from "node:events";
import * as fs from "node:fs";
import * as net from "node:net";
import * as os from "node:os";
import * as path from "node:path";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { packageRoot } from "#lib/native.js";
import { type StartedProgram, scenario, start, systemfdPeer } from "./share-programs.js";

const main = path.join(packageRoot, "dist", "cli", "main.js");
const peer = systemfdPeer(64);

function cli(args: readonly string[]): StartedProgram & { notes: AsyncIterator<string> } {
    const program = start(process.execPath, [main, ...args], { stderr: "pipe" });
    const notes = createInterface({ input: program.child.stderr! })[Symbol.asyncIterator]();
    return Object.assign(program, { notes });
}

async function note(program: { notes: AsyncIterator<string> }): Promise<string> {
    return String((await program.notes.next()).value);
}

/** The port in `hold: socket 0 is tcp 127.0.0.1:1234`. */
async function portIn(program: { notes: AsyncIterator<string> }): Promise<number> {
    const line = await note(program);
    const [, port] = /^hold: socket \d+ is (?:tcp|udp) \S+:(\d+)$/.exec(line) ?? [];
    assert.ok(port !== undefined, line);
    return Number(port);
}

async function exchange(port: number, message: string, host = "127.0.0.1"): Promise<string> {
    const socket = net.connect({ port, host });
    socket.end(message);
    return text(socket);
}

describe("share: hold", function () {
    this.timeout(30_000);
    let file: string;
    beforeEach(() => {
        file = path.join(os.tmpdir(), `winsock-spi-held-${process.pid}-${Math.random()}`);
    });
    afterEach(() => fs.rmSync(file, { force: true }));

    it("keeps listening while its program is started again, and ends with its program's exit code", async () => {
        const held = cli(["hold", "--listen", "0", "--", process.execPath, scenario("held-server.mjs"), file]);
        const port = await portIn(held);
        assert.equal(await held.line(), "run 1");
        assert.equal(await exchange(port, "hello"), "1: hello");
        assert.equal(await exchange(port, "exit 9"), "1: exit 9");
        const waiting = exchange(port, "meanwhile"); // perhaps before the first has ended, surely before the second listens
        assert.match(await note(held), /ended with exit code 9 and is started again in 100 ms/);
        assert.equal(await held.line(), "run 2");
        await waiting;
        assert.equal(await exchange(port, "hello"), "2: hello");
        await exchange(port, "exit 0");
        assert.deepEqual(await held.ended, [0, null]);
        await assert.rejects(exchange(port, "too late"), { code: "ECONNREFUSED" });
    });

    it("gives several sockets in the order of the command line to a program that knows nothing of Node", async () => {
        const held = cli([
            "hold",
            "--udp",
            "0",
            "--listen",
            "[::1]:0",
            "--listen",
            "127.0.0.1:0",
            "--restart",
            "never",
            "--",
            peer,
            "take",
            "2",
            "7",
        ]);
        const [, six, four] = [await portIn(held), await portIn(held), await portIn(held)];
        assert.equal(await held.line(), "taken 3");
        assert.equal(await exchange(six, "six", "::1"), "socket 1: six");
        assert.equal(await exchange(four, "four"), "socket 2: four");
        assert.deepEqual(await held.ended, [7, null]);
    });

    it("starts the program again after success too, if it is told so", async () => {
        const held = cli(["hold", "--listen", "0", "--restart", "always", "--", peer, "take", "1", "0"]);
        const port = await portIn(held);
        for (let round = 0; round < 3; round += 1) {
            assert.equal(await exchange(port, String(round)), `socket 0: ${round}`);
        }
    });

    it("gives blocking sockets to each run, whatever the one before made of them", async () => {
        const held = cli(["hold", "--listen", "0", "--restart", "always", "--", peer, "block", "1", "0"]);
        const port = await portIn(held);
        for (let round = 0; round < 2; round += 1) {
            assert.equal(await held.line(), "taken 1");
            assert.equal(await exchange(port, String(round)), `socket 0: ${round}`);
        }
    });

    it("ends its program when it is killed itself", async () => {
        const held = cli(["hold", "--listen", "0", "--", process.execPath, scenario("held-server.mjs"), file]);
        const port = await portIn(held);
        assert.equal(await held.line(), "run 1");
        const open = net.connect(port, "127.0.0.1").on("error", () => undefined);
        await once(open, "connect");
        const closed = new Promise((resolve) => open.resume().once("close", resolve)); // by FIN or by RST
        await held.kill();
        await closed; // the connection ends with the program that had it
        await assert.rejects(exchange(port, "x"), { code: "ECONNREFUSED" });
    });

    it("says what is wrong with its arguments, its addresses and its program", async () => {
        const cases: [number, RegExp, string[]][] = [
            [64, /--listen or --udp/, ["--", peer]],
            [64, /PORT, ADDRESS:PORT/, ["--listen", "nowhere", "--", peer]],
            [64, /missing required argument/, ["--listen", "0"]],
            [64, /Allowed choices are always, on-failure, never/, ["--listen", "0", "--restart", "often", "--", peer]],
            [2, /ERR_FILE_NOT_FOUND/, ["--listen", "0", "--", "no-such-program"]],
            [2, /WSAEADDRNOTAVAIL/, ["--listen", "192.0.2.1:0", "--", peer]],
        ];
        for (const [code, pattern, args] of cases) {
            const program = start(process.execPath, [main, "hold", ...args], { stderr: "pipe" });
            const [notes, [ended]] = await Promise.all([text(program.child.stderr!), program.ended]);
            assert.match(notes, pattern);
            assert.equal(ended, code, notes);
        }
    });
});

describe("share: sockets", function () {
    this.timeout(60_000);

    it("lists what a process has, and what it got from another", async () => {
        const held = cli(["hold", "--listen", "0", "--udp", "0", "--", peer, "take", "1", "0"]);
        const [tcp, udp] = [await portIn(held), await portIn(held)];
        assert.equal(await held.line(), "taken 2");
        const listing = start(process.execPath, [main, "sockets", "--pid", String(held.pid), "--json"]);
        const sockets = JSON.parse(await listing.line()) as {
            kind: string;
            protocol: number;
            local?: { port: number };
        }[];
        const found = (kind: string, port: number | undefined): unknown =>
            sockets.find((socket) => socket.kind === kind && socket.local?.port === port);
        assert.ok(found("listening", tcp), JSON.stringify(sockets));
        assert.ok(found("datagram", udp), JSON.stringify(sockets));
        assert.deepEqual(await listing.ended, [0, null]);
    });

    it("says what is wrong with the process", async () => {
        for (const [code, args] of [
            [64, []],
            [64, ["--pid", "0"]],
            [64, ["--pid", "x"]],
            [2, ["--pid", "4294967292"]],
        ]) {
            const program = start(process.execPath, [main, "sockets", ...(args as string[])], { stderr: "pipe" });
            const [notes, [ended]] = await Promise.all([text(program.child.stderr!), program.ended]);
            assert.equal(ended, code, notes);
        }
    });
});
