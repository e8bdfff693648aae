// Shows: other people's programs, unmodified, behind the provider and without it. Each finds its own way into Winsock:
//   Node        libuv: AcceptEx, overlapped sends, receives of no bytes
//   Deno        Tokio: non-blocking sockets, polled through AFD by the base provider's handle (SIO_BASE_HANDLE)
//   Bun         uSockets on libuv's polling of AFD
//   esbuild     Go: AcceptEx and overlapped calls on a completion port, immediate completions skipped
//   buf         Go's ConnectEx
//   sentry-cli  libcurl: blocking and event-driven calls of Winsock 1 and 2
//   PostgreSQL  a process for each connection, handed over with WSADuplicateSocket; WSAEventSelect
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import * as path from "node:path";
import { counts } from "../support/counts.js";
import { programs } from "../support/windows.js";
import { EchoServer, Started, getFiles, makeSite, sha256 } from "./acceptance-programs-support.js";
import type { Counted, Way } from "./acceptance-programs-support.js";
import {
    cli,
    expectCode,
    keepCatalog,
    lastJson,
    nodes,
    project,
    run,
    scenarioFile,
    temporaryFolder,
    watch,
    watchedOf,
} from "./acceptance-support.js";
import type { Bits, ProcessRecords, WatchRecord } from "./acceptance-support.js";

interface OtherProgram {
    readonly name: string;
    readonly bits: Bits;
    readonly args: readonly string[];
}

const { folder, files } = makeSite();
const script = (name: string): string => path.join(project, "test", "windows", "scenarios", "programs", name);

const node = (name: string): OtherProgram => {
    return { name, bits: name === "node-x86" ? 32 : 64, args: [script("http-node.cjs"), folder] };
};
const esbuildArgs = ["--serve=127.0.0.1:0", `--servedir=${folder}`, "--log-level=info"];
const servers: readonly OtherProgram[] = [
    // In the quick run the other Nodes are in acceptance-traffic and acceptance-watch only.
    ...(counts.everyCombination === 1 ? Object.keys(nodes) : ["node", "node-x86"]).map(node),
    { name: "deno", bits: 64, args: ["run", "-A", `file:///${script("http-deno.js").replaceAll("\\", "/")}`, folder] },
    { name: "bun", bits: 64, args: [script("http-bun.js"), folder] },
    { name: "esbuild", bits: 64, args: esbuildArgs },
    { name: "esbuild-x86", bits: 32, args: esbuildArgs },
];

interface Client extends OtherProgram {
    readonly requests: number;
    /** What the server answers; what it was sent if undefined. */
    readonly answer?: string;
    /** Added to the environment, and to the arguments. */
    with(url: string): { readonly env?: Readonly<Record<string, string>>; readonly args: readonly string[] };
    /** What shows that it got its answer. */
    readonly says: RegExp;
    readonly sends: RegExp;
}

const { programRequests } = counts;
const fetching = {
    bits: 64 as const,
    requests: programRequests,
    with: (url: string) => ({ args: [url, `${programRequests}`] }),
    says: new RegExp(`"answered":${programRequests}`),
    sends: /^(request |$)/,
};
const fetchUrl = `file:///${script("fetch.mjs").replaceAll("\\", "/")}`;
const clients: readonly Client[] = [
    { ...fetching, name: "node", args: [script("fetch.mjs")] },
    { ...fetching, name: "deno", args: ["run", "-A", fetchUrl] },
    { ...fetching, name: "bun", args: [script("fetch.mjs")] },
    {
        name: "buf",
        bits: 64,
        requests: 1,
        args: ["curl", "--schema", path.dirname(script("echo.proto")), "--protocol", "connect"],
        with: (url) => ({ args: ["-d", '{"text":"the answer"}', `${url}/echo.v1.Echo/Say`] }),
        says: /"text": "the answer"/,
        sends: /the answer/,
    },
    {
        name: "sentry-cli",
        bits: 64,
        requests: 1,
        args: ["send-event", "-m", "the message"],
        answer: '{"id":"00000000000000000000000000000000"}',
        with: (url) => ({ env: { SENTRY_DSN: `${url.replace("//", "//key@")}/1` }, args: [] }),
        says: /Event dispatched/,
        sends: /the message/,
    },
];

/** Where a program is; skips the test, with the reason, where it is not. */
function fileOf(context: Mocha.Context, name: string): string {
    const file = nodes[name] ?? programs[name]?.file;
    if (file === undefined) {
        console.log(`      skipped: ${programs[name]?.missing ?? "this Wine does not run it"}`);
        context.skip();
    }
    return file;
}

/** Connections that were made, or begun where a non-blocking socket cannot say more. */
function begun(seen: ProcessRecords): number {
    const connects = seen.calls("WSPConnect").filter(({ error }) => error === undefined || error === "WSAEWOULDBLOCK");
    return connects.length + seen.succeeded("ConnectEx");
}

/** The one process of a program that a watch saw. */
function only(printed: string, bits: Bits): ProcessRecords {
    const watched = watchedOf(printed);
    const pids = new Set(watched.records.map(({ pid }: WatchRecord) => pid));
    assert.equal(pids.size, 1, "one process");
    const seen = watched.of([...pids][0]!);
    seen.expectActive(bits);
    return seen;
}

/** Both times of each program, printed when all have run. */
const times = new Map<string, Partial<Record<Way, number>>>();
function timed(what: string, way: Way, milliseconds: number): void {
    times.set(what, { ...times.get(what), [way]: milliseconds });
}

async function serve(way: Way, file: string, { name, bits, args }: OtherProgram): Promise<void> {
    const server = Started.start(way, file, args);
    try {
        const [url] = await server.printed(/http:\/\/127\.0\.0\.1:\d+/);
        const counted = await getFiles(url, files, programRequests);
        assert.equal(counted.requests, programRequests);
        timed(`${name} serves ${programRequests} requests`, way, counted.milliseconds);
        const printed = await server.end();
        if (way === "watched") {
            expectServed(only(printed, bits), counted);
        }
    } finally {
        await server.stop();
    }
}

/** What the layer saw of a server is what its clients counted. */
function expectServed(seen: ProcessRecords, { connections, bytesRead, bytesWritten }: Counted): void {
    assert.equal(seen.succeeded("WSPAccept"), connections, "connections accepted");
    assert.equal(seen.bytesSent, bytesRead, "bytes sent");
    assert.ok(seen.bytesReceived <= bytesWritten, "no byte is claimed that was not received");
}

async function ask(way: Way, file: string, client: Client): Promise<void> {
    const server = await EchoServer.start({ answer: client.answer });
    const { env, args } = client.with(server.url);
    const begin = performance.now();
    const program = Started.start(way, file, [...client.args, ...args], env);
    try {
        const printed = await program.end();
        timed(`${client.name} makes ${client.requests} requests`, way, performance.now() - begin);
        assert.match(program.output, client.says);
        const counted = await server.end();
        assert.equal(counted.requests, client.requests);
        assert.ok(
            server.bodies.every((body) => client.sends.test(body)),
            "the server was sent what the program meant",
        );
        if (way === "watched") {
            const seen = only(printed, client.bits);
            assert.equal(begun(seen), counted.connections, "connections made");
            assert.equal(seen.bytesSent, counted.bytesRead, "bytes sent");
            assert.ok(seen.bytesReceived <= counted.bytesWritten, "no byte is claimed that was not received");
        }
    } finally {
        await program.stop();
    }
}

/** A client that is no Windows program, which only Wine can start; it says how it went to a port of ours. */
async function askFromOutside(port: string): Promise<{ right: number; bytes: number }> {
    const report = createServer().listen(0, "127.0.0.1");
    await once(report, "listening");
    const hashes = [...files].map(([name, content]) => `${name}=${sha256(content)}`);
    const args = [port, `${(report.address() as AddressInfo).port}`, `${programRequests}`, ...hashes];
    const outside = script("outside.sh")
        .replace(/^[a-z]:/i, "")
        .replaceAll("\\", "/");
    const starter = spawn("start.exe", ["/unix", "/bin/bash", outside, ...args], { stdio: "ignore" });
    const [said] = (await once(report, "connection")) as [NodeJS.ReadableStream];
    let text = "";
    for await (const chunk of said) {
        text += String(chunk);
    }
    report.close();
    if (starter.exitCode === null) {
        await once(starter, "exit");
    }
    const [right, bytes] = text.trim().split(" ").map(Number);
    return { right: right!, bytes: bytes! };
}

describe("acceptance: other people's programs", function () {
    this.timeout(counts.programRequests > 100 ? 300_000 : 30_000);
    keepCatalog({ each: false });

    for (const way of ["alone", "watched"] as const) {
        describe(way === "alone" ? "without the provider" : "behind the provider", () => {
            if (way === "watched") {
                before(async () => {
                    expectCode(await cli(["install", "--yes"]), 0);
                });
                after(async () => {
                    expectCode(await cli(["uninstall", "--yes"]), 0);
                });
            }

            for (const server of servers) {
                it(`${server.name} serves ${programRequests} requests`, async function () {
                    await serve(way, fileOf(this, server.name), server);
                });
            }

            for (const client of clients) {
                it(`${client.name} makes ${client.requests} requests`, async function () {
                    await ask(way, fileOf(this, client.name), client);
                });
            }

            it("esbuild serves a client that is no Windows program", async function () {
                if (process.env["WINEPREFIX"] === undefined) {
                    console.log("      skipped: on Windows every client is a Windows program");
                    this.skip();
                }
                const server = Started.start(way, fileOf(this, "esbuild"), esbuildArgs);
                try {
                    const [, port] = await server.printed(/http:\/\/127\.0\.0\.1:(\d+)/);
                    const { right, bytes } = await askFromOutside(port!);
                    assert.equal(right, programRequests);
                    const printed = await server.end();
                    if (way === "watched") {
                        const seen = only(printed, 64);
                        assert.equal(seen.succeeded("WSPAccept"), programRequests);
                        assert.equal(seen.bytesSent, bytes);
                    }
                } finally {
                    await server.stop();
                }
            });

            it(`PostgreSQL serves ${counts.databaseConnections} connections`, async function () {
                const bin = path.dirname(fileOf(this, "postgres"));
                const args = [
                    scenarioFile("programs/postgres"),
                    bin,
                    path.join(temporaryFolder(), "database"),
                    `${counts.databaseConnections}`,
                ];
                const watched = way === "watched" ? await watch(nodes["node"]!, args) : undefined;
                const summary = watched?.summary ?? lastJson((await run(nodes["node"]!, args)).stdout);
                assert.equal(summary["ok"], true, JSON.stringify(summary));
                timed(`PostgreSQL answers ${String(summary["queries"])} queries`, way, Number(summary["milliseconds"]));
                if (watched !== undefined) {
                    const backends = summary["backends"] as number[];
                    assert.equal(new Set(backends).size, counts.databaseConnections);
                    const sent = backends.map((pid) => {
                        const seen = watched.of(pid);
                        seen.expectActive(64);
                        return seen.bytesSent;
                    });
                    assert.equal(
                        sent.reduce((sum, bytes) => sum + bytes, 0),
                        summary["bytesRead"],
                        "bytes sent",
                    );
                    const server = watched.of(Number(summary["server"]));
                    server.expectActive(64);
                    assert.ok(server.succeeded("WSPDuplicateSocket") >= backends.length, "sockets handed over");
                }
            });
        });
    }

    after(() => {
        fs.rmSync(folder, { recursive: true, force: true });
        for (const [what, { alone, watched }] of times) {
            const both = [alone, watched].map((time) => (time === undefined ? "-" : `${Math.round(time)} ms`));
            console.log(`      ${what}: ${both[0]} without, ${both[1]} behind the provider and watched`);
        }
    });
});
