// `watch -- PROGRAM` and watch() on real programs, with the provider installed.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { text } from "node:stream/consumers";
import { readCatalog } from "#lib/catalog/read.js";
import type { CallRecord, StartRecord, WatchRecord } from "#lib/hooks/records.js";
import { packageRoot, packageVersion } from "#lib/native.js";
import { ourEntries } from "#lib/provider/identity.js";
import { ProcessTree } from "#lib/hooks/process-tree.js";
import { nodes } from "../support/windows.js";
import { collect, startNode, watchingWords, withProvider } from "./watch-support.js";

interface Ended {
    code: number | null;
    stdout: string;
    stderr: string;
}

interface CliOptions {
    input?: string;
    cwd?: string;
}

async function cli(args: readonly string[], { input = "", cwd }: CliOptions = {}): Promise<Ended> {
    const main = path.join(packageRoot, "dist", "cli", "main.js");
    const child = spawn(process.execPath, [main, ...args], { ...(cwd !== undefined && { cwd }) });
    child.stdin.end(input);
    const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]);
    return { code: code as number | null, stdout, stderr };
}

/** A record as JSON has it: sockets are strings. */
type Line = Omit<WatchRecord, "socket"> & Partial<Omit<CallRecord, "call" | "socket">> & { socket?: string };

interface NodeOptions extends CliOptions {
    node?: string | undefined;
    args?: readonly string[];
}

/** Runs a Node program under `watch --json` and gives its end and every record. */
async function watchNode(source: string, options: NodeOptions = {}): Promise<Ended & { records: Line[] }> {
    const { node = process.execPath, args = [] } = options;
    const ended = await cli(["watch", "--json", "--", node, "-e", source, ...args], options);
    const records = ended.stdout
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => JSON.parse(line) as Line);
    return { ...ended, records };
}

/** A server and two clients that send 10 bytes and get 20 back each; then `then` runs. */
const traffic = (then = ""): string => `
    const net = require("net");
    let left = 2;
    const server = net.createServer((socket) => socket.once("data", () => socket.end("b".repeat(20))));
    server.listen(0, "127.0.0.1", () => {
        for (let client = 0; client < 2; client++) {
            const socket = net.connect(server.address().port, "127.0.0.1", () => socket.write("a".repeat(10)));
            socket.resume().once("close", () => { if (--left === 0) { server.close(() => { ${then} }); } });
        }
    });`;

const succeeded = (records: readonly Line[], ...calls: string[]): Line[] =>
    records.filter(({ call, error }) => calls.includes(call) && error === undefined);

const bytesOf = (records: readonly Line[]): number =>
    records.reduce((sum, { bytes, requested, pending }) => sum + ((pending === true ? requested : bytes) ?? 0), 0);

function assertTraffic(records: readonly Line[]): void {
    assert.equal(succeeded(records, "WSPConnect", "ConnectEx").length, 2);
    assert.equal(succeeded(records, "WSPAccept").length, 2);
    assert.equal(succeeded(records, "WSPListen").length, 1);
    assert.equal(bytesOf(succeeded(records, "WSPSend")), 60);
    assert.equal(bytesOf(succeeded(records, "WSPRecv").filter(({ bytes }) => bytes !== undefined)), 60);
}

describe("watch: without the provider", function () {
    this.timeout(60_000);

    it("is an error that says install, and PROGRAM is not started", async function () {
        const { protocols } = await readCatalog();
        if (Object.values(protocols).some((entries) => ourEntries(entries).length > 0)) {
            this.skip();
        }
        const file = path.join(os.tmpdir(), `winsock-spi-started-${process.pid}`);
        const source = `require("fs").writeFileSync(${JSON.stringify(file)}, "")`;
        const { code, stdout } = await cli(["watch", "--json", "--", process.execPath, "-e", source]);
        assert.equal(code, 2);
        const { error } = JSON.parse(stdout) as { error: { code: string; message: string } };
        assert.equal(error.code, "ERR_NOT_INSTALLED");
        assert.match(error.message, /winsock-spi install/);
        assert.ok(!fs.existsSync(file));
    });
});

describe("watch: real programs", function () {
    this.timeout(120_000);
    withProvider();

    for (const [name, node] of Object.entries(nodes)) {
        it(`sees every call of ${name} from its first on`, async () => {
            const { code, records, stderr } = await watchNode(traffic(), { node });
            assert.equal(code, 0, stderr);
            const start = records[0] as Line & StartRecord;
            const { pid, program } = start;
            const bits = name === "node-x86" ? 32 : 64;
            assert.deepEqual(start, { call: "start", pid, program, bits, mode: "active", version: packageVersion() });
            assert.equal(path.win32.basename(start.program).toLowerCase(), "node.exe");
            assert.ok(records.every((record) => record.pid === pid));
            assert.equal(records.filter(({ call }) => call === "dropped").length, 0);
            assertTraffic(records);
            // The two sockets with which libuv looks at the machine, long before any script runs.
            assert.equal(records.find(({ call }) => call !== "start")?.call, "WSPSocket");
            for (const { via, local, remote } of succeeded(records, "WSPAccept")) {
                assert.equal(via, "AcceptEx");
                assert.match(local ?? "", /^127\.0\.0\.1:\d+$/);
                assert.match(remote ?? "", /^127\.0\.0\.1:\d+$/);
            }
        });
    }

    it("puts times into the time of the run, and durations where they belong", async () => {
        const before = new Date(Date.now() - 5).toISOString();
        const { records } = await watchNode(traffic());
        const after = new Date(Date.now() + 5).toISOString();
        for (const { call, time = "", durationNs = -1 } of records.slice(1)) {
            assert.ok(time >= before && time <= after, `${call}: ${before} <= ${time} <= ${after}`);
            assert.ok(durationNs > 0 && durationNs < 60e9, `${call}: ${durationNs} ns`);
        }
    });

    it("hands stdin and arguments to PROGRAM, its output to stderr, and exits with its code", async () => {
        const source = `process.stdin.on("data", (data) => process.stdout.write("in:" + data));
            process.stdin.on("end", () => { console.error("args:" + process.argv.slice(1)); process.exitCode = 77; });`;
        const args = ["x", "--json", "--", "a b"];
        const { code, stdout, stderr } = await watchNode(source, { input: "question", args });
        assert.equal(code, 77);
        assert.match(stderr, /in:question/);
        assert.match(stderr, /args:x,--json,--,a b/);
        assert.ok(!stdout.includes("question"));
    });

    it("passes on an exit code that is an NTSTATUS", async () => {
        const { code } = await watchNode("process.exit(0xc0000005 | 0)");
        assert.equal(code! >>> 0, 0xc000_0005);
    });

    it("follows children and grandchildren, detached ones too, and nobody else", async () => {
        const stranger = await startNode(`setInterval(() => {
            const net = require("net").createServer().listen(0, "127.0.0.1", () => net.close()); }, 20)`);
        const grandchild = traffic(`console.log("grandchild " + process.pid)`);
        const source = `const { spawn } = require("child_process");
            const inner = ${JSON.stringify(grandchild)};
            const middle = "require('child_process').spawn(process.execPath, ['-e', process.argv[1]], " +
                "{ stdio: 'inherit', detached: true })";
            console.log("main " + process.pid);
            ${traffic(`spawn(process.execPath, ["-e", middle, inner], { stdio: "inherit" })`)}`;
        const { code, records, stderr } = await watchNode(source);
        assert.equal(code, 0, stderr);
        const pid = (who: string): number => Number(new RegExp(`${who} (\\d+)`).exec(stderr)?.[1]);
        for (const who of ["main", "grandchild"]) {
            const own = records.filter((record) => record.pid === pid(who));
            assert.equal(own[0]?.call, "start", `${who}: ${stderr}`);
            assertTraffic(own);
        }
        const starts = records.filter(({ call }) => call === "start");
        assert.equal(starts.length, 3);
        assert.ok(!records.some((record) => record.pid === stranger.pid));
    });

    it("names a descendant that lives on, and ends without it", async () => {
        const source = `const { spawn } = require("child_process");
            const options = { stdio: "ignore", detached: true };
            const child = spawn(process.execPath, ["-e", "setTimeout(() => 0, 8000)"], options);
            console.log("child " + child.pid);
            child.unref();`;
        const { code, stderr } = await watchNode(source);
        assert.equal(code, 0);
        const child = /child (\d+)/.exec(stderr)?.[1];
        assert.match(stderr, new RegExp(`process ${child} .*lives on`));
    });

    it("says which program it did not find, and records nothing", async () => {
        for (const name of ["no-such-program", ".\\no-such-program", "C:\\no-such-folder\\x.exe"]) {
            const { code, stdout } = await cli(["watch", "--json", "--", name]);
            assert.equal(code, 2);
            const { error } = JSON.parse(stdout) as { error: { code: string; message: string } };
            assert.equal(error.code, "ERR_FILE_NOT_FOUND");
            assert.ok(error.message.includes("no-such"), error.message);
        }
        assert.deepEqual(watchingWords(), [0, 0]);
    });

    it("starts a batch file, found by PATH like any program", async () => {
        const folder = fs.mkdtempSync(path.join(os.tmpdir(), "winsock spi "));
        try {
            fs.writeFileSync(path.join(folder, "give.cmd"), "@echo off\r\necho batch\r\nexit /b 9\r\n");
            const { code, stderr, stdout } = await cli(["watch", "--json", "--", ".\\give"], { cwd: folder });
            assert.equal(code, 9, stderr);
            assert.match(stderr, /batch/);
            assert.equal(stdout, "");
        } finally {
            fs.rmSync(folder, { recursive: true });
        }
    });

    it("prints a table without --json", async () => {
        const { code, stdout } = await cli(["watch", "--", process.execPath, "-e", traffic()]);
        assert.equal(code, 0);
        const [head, start, ...calls] = stdout.trimEnd().split("\n");
        assert.match(head!, /^TIME \(UTC\) +PID +PROGRAM +CALL/);
        assert.match(start!, /node\.exe +start, \d\d-bit +active/);
        assert.ok(calls.length > 20);
        const sent = calls.find((line) => / WSPSend .* 10\/10 /.test(line)) ?? "";
        assert.match(sent, /^\d\d:\d\d:\d\d\.\d{6} +\d+ +node\.exe +WSPSend +\d+ +10\/10 +[\d.]+ [mu]?s +ok /);
        assert.match(sent, / ok +127\.0\.0\.1:\d+ -> 127\.0\.0\.1:\d+$/);
    });

    it("shows every program without one to start, and ends when nobody reads any more", async () => {
        const main = path.join(packageRoot, "dist", "cli", "main.js");
        const watching = spawn(process.execPath, [main, "watch", "--json"], { stdio: ["ignore", "pipe", "inherit"] });
        let printed = "";
        watching.stdout.setEncoding("utf8").on("data", (chunk: string) => (printed += chunk));
        const exited = once(watching, "exit") as Promise<[number]>;
        const programs: string[] = [];
        while (!printed.includes('"WSPAccept"')) {
            // the watch begins at some moment of the first of these
            const child = spawn(process.execPath, ["-e", traffic()], { stdio: "ignore" });
            programs.push(`"pid":${child.pid},`);
            await once(child, "exit");
        }
        assert.ok(programs.some((pid) => printed.includes(pid)));
        assert.ok(!printed.includes(`"pid":${watching.pid},`), "it leaves itself out");
        watching.stdout.destroy();
        const silent = spawn(process.execPath, ["-e", traffic()], { stdio: "ignore" });
        const [code] = await exited;
        assert.equal(code, 0);
        await once(silent, "exit");
        assert.deepEqual(watchingWords(), [0, 0]);
    });

    it("gives two watchers of the library the same calls, in the order in which they returned", async () => {
        const processes = new ProcessTree();
        const one = collect({ processes });
        const two = collect({ processes });
        const child = spawn(process.execPath, ["-e", traffic()], { stdio: "ignore" });
        await once(child, "exit");
        for (const { watched, collected } of [one, two]) {
            watched.stop();
            await collected.ended;
        }
        const calls = one.collected.of(child.pid!).slice(1) as CallRecord[];
        assertTraffic(calls as unknown as Line[]);
        assert.deepEqual(
            two.collected
                .of(child.pid!)
                .slice(1)
                .map(({ call }) => call),
            calls.map(({ call }) => call),
        );
        const sockets = new Set<bigint>();
        for (const { call, socket } of calls) {
            if (call === "WSPSocket" || call === "WSPAccept") {
                sockets.add(socket!);
            } else if (socket !== undefined) {
                assert.ok(sockets.has(socket), `${call} of a socket that was made before`);
            }
        }
        assert.ok(calls.every(({ socket }) => socket === undefined || typeof socket === "bigint"));
    });

    it("lets Node send and receive bursts of datagrams", async () => {
        // A peek that finds a datagram which is there already: see native/lsp/short_receive.hpp.
        const burst = `
            const dgram = require("dgram");
            const from = dgram.createSocket("udp4");
            const to = dgram.createSocket("udp4");
            let left = 640;
            const send = () => { for (let n = 0; n < 32; n++) from.send("datagram", to.address().port, "127.0.0.1"); };
            to.on("message", () => {
                left--;
                if (left === 0) { from.close(); to.close(() => console.log("all")); }
                else if (left % 32 === 0) send();
            });
            to.bind(0, "127.0.0.1", send);`;
        const { code, stderr, records } = await watchNode(burst);
        assert.equal(code, 0, stderr);
        assert.match(stderr, /^all$/m);
        const read = succeeded(records, "WSPRecvFrom").filter(({ bytes }) => bytes === 8);
        assert.equal(read.length, 640);
    });

    it("leaves a program alone that nobody watches", async () => {
        const { watched, collected } = collect({ processes: { has: () => false } });
        const child = spawn(process.execPath, ["-e", traffic()], { stdio: "ignore" });
        const [code] = (await once(child, "exit")) as [number];
        assert.equal(code, 0);
        watched.stop();
        await collected.ended;
        assert.deepEqual(collected.records, []);
    });
});
