/**
 * What the acceptance tests share: the programs, scenarios and providers of this folder, the CLI as a process of its
 * own, and a catalog that is as it was found when a test file ends, whatever happened in it.
 *
 * Nothing here knows the library: these tests see what a user sees, exit codes, printed JSON, the registry.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { counts } from "../support/counts.js";
import { builds, nodes, project, skipIfUnchangeable } from "../support/windows.js";
import type { Bits } from "../support/windows.js";

export { builds, nodes, project };
export type { Bits };

export interface Ended {
    readonly code: number | null;
    readonly stdout: string;
    readonly stderr: string;
}

export interface RunOptions {
    /** Added to this process's environment. */
    readonly env?: Readonly<Record<string, string>>;
    /** After this many milliseconds the program is ended, and the run fails. */
    readonly timeout?: number;
}

/**
 * Runs a program to its end. Rejects only if it cannot be started or does not end.
 *
 * What it prints goes through a file, both streams into one, in the order of writing: a 32-bit child of a 64-bit Node
 * does not find its pipes (libuv hands them over as handles of the parent's size).
 */
export async function run(file: string, args: readonly string[] = [], options: RunOptions = {}): Promise<Ended> {
    const output = path.join(temporaryFolder(), `output-${outputs++}.txt`);
    const opened = fs.openSync(output, "a");
    try {
        const child = spawn(file, args, { ...spawnOptions(options), stdio: ["ignore", opened, opened] });
        const code = await ended(child, `${path.basename(file)} ${args.join(" ")}`, options);
        return { code, stdout: fs.readFileSync(output, "utf8"), stderr: "" };
    } finally {
        fs.closeSync(opened);
    }
}
let outputs = 0;

function spawnOptions({ env }: RunOptions): { env: NodeJS.ProcessEnv; windowsHide: true } {
    return { env: { ...process.env, ...env }, windowsHide: true };
}

function ended(child: ChildProcess, what: string, { timeout = 180_000 }: RunOptions): Promise<number | null> {
    return new Promise((resolve, reject) => {
        let late = false;
        const timer = setTimeout(() => {
            late = true;
            child.kill();
        }, timeout);
        child.on("error", reject);
        child.on("close", (code) => {
            clearTimeout(timer);
            if (late) {
                reject(new Error(`${what} did not end`));
            } else {
                resolve(code);
            }
        });
    });
}

/** The last line of a text that is JSON. */
export function lastJson(text: string): Record<string, unknown> {
    const line = text
        .trimEnd()
        .split(/\r?\n/)
        .findLast((candidate) => candidate.startsWith("{"));
    assert.ok(line !== undefined, `no summary in: ${text}`);
    return JSON.parse(line) as Record<string, unknown>;
}

/** Says what a program printed when an assertion about its end fails. */
export function expectCode({ code, stdout, stderr }: Ended, expected: number): void {
    assert.equal(code, expected, `exit code ${code}, expected ${expected}\n${stdout}\n${stderr}`);
}

/**
 * All pairs of the two lists; in the quick run only so many that every value comes up, walking through both at once.
 */
export function combinations<A, B>(first: readonly A[], second: readonly B[]): [A, B][] {
    if (counts.everyCombination === 1) {
        return first.flatMap((a) => second.map((b): [A, B] => [a, b]));
    }
    const length = Math.max(first.length, second.length);
    return Array.from({ length }, (_, index) => [first[index % first.length]!, second[index % second.length]!]);
}

export const cliFile = path.join(project, "dist", "cli", "main.js");

/** Runs the CLI (of another package: `main`), with pipes as its standard streams: that is how it is used. */
export async function cli(args: readonly string[], options: RunOptions & { main?: string } = {}): Promise<Ended> {
    const stdio = ["ignore", "pipe", "pipe"] as ["ignore", "pipe", "pipe"];
    const child = spawn(nodes["node"]!, [options.main ?? cliFile, ...args], { ...spawnOptions(options), stdio });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    const code = await ended(child, `winsock-spi ${args.join(" ")}`, options);
    return { code, stdout, stderr };
}

/** The CLI with --json, expected to succeed. */
export async function cliJson<Value>(...args: readonly string[]): Promise<Value> {
    const done = await cli([...args, "--json"]);
    expectCode(done, 0);
    return JSON.parse(done.stdout) as Value;
}

/** The CLI with --json, expected to fail with this exit code and this stable error code. */
export async function cliFails([command, ...args]: readonly string[], code: string, exitCode = 2): Promise<void> {
    const failed = await cli([command!, "--json", ...args]);
    expectCode(failed, exitCode);
    const { error } = JSON.parse(failed.stdout) as { error: { code: string; message: string } };
    assert.equal(error.code, code, error.message);
    assert.ok(error.message.length > 20, `the message says what was tried: ${error.message}`);
}

export interface CatalogEntry {
    readonly id: number;
    readonly name: string;
    readonly providerId: string;
    readonly path: string;
    readonly resolvedPath: string;
    readonly chain: readonly number[];
    readonly kind: "base" | "layered" | "hidden";
    readonly family: number;
    readonly socketType: number;
    readonly protocol: number;
    readonly ifs: boolean;
}

export interface Catalog {
    readonly protocols: Readonly<Partial<Record<"64" | "32", readonly CatalogEntry[]>>>;
}

export function readCatalog(): Promise<Catalog> {
    return cliJson<Catalog>("catalog");
}

export const bitnesses: readonly Bits[] = [64, 32];

export function entriesOf(catalog: Catalog, bits: Bits): readonly CatalogEntry[] {
    const entries = catalog.protocols[`${bits}`];
    assert.ok(entries !== undefined, `this machine has a ${bits}-bit catalog`);
    return entries;
}

/** First four bytes of every GUID of ours (native/core/identity.hpp), and of the second provider. */
export const ours = "{7C1E5A3D-";
export const second = "{51D0C0DE-";

export const programFile = (bits: Bits, name: string): string => path.join(builds[bits], "programs", `${name}.exe`);
export const providerFile = (bits: Bits, name: string): string => path.join(builds[bits], "providers", name);
export const rescueFile = (bits: Bits): string =>
    path.join(project, "prebuilds", bits === 64 ? "win32-x64" : "win32-ia32", "winsock-spi-rescue.exe");
export const scenarioFile = (name: string): string => path.join(project, "test", "windows", "scenarios", `${name}.cjs`);

/** Runs one of the C++ test programs and returns its summary, whatever it says. */
export async function program(
    bits: Bits,
    name: string,
    args: readonly string[] = [],
    options: RunOptions = {},
): Promise<Record<string, unknown>> {
    return lastJson((await run(programFile(bits, name), args, options)).stdout);
}

/** The second provider's own installer, for the catalog of its bitness. */
export async function setup(bits: Bits, ...args: readonly string[]): Promise<void> {
    expectCode(await run(providerFile(bits, "second_provider_setup.exe"), args), 0);
}

/** Where the catalogs are, as reg.exe names it. */
export const parameters = "HKLM\\SYSTEM\\CurrentControlSet\\Services\\WinSock2\\Parameters";

/**
 * Everything below WinSock2\Parameters as `reg.exe export` writes it, without what changes with every write to the
 * catalog: the serial number and the next free id.
 */
export async function exportRegistry(): Promise<string> {
    const file = path.join(temporaryFolder(), `export-${process.pid}-${exports++}.reg`);
    expectCode(await run("reg.exe", ["export", parameters, file, "/y"]), 0);
    const text = fs.readFileSync(file, "utf16le");
    fs.rmSync(file);
    assert.ok(text.includes("PackedCatalogItem"), "the export has catalog entries");
    return text.replace(/^"(Serial_Access_Num|Next_Catalog_Entry_ID)"=.*$/gm, "");
}
let exports = 0;

let temporary: string | undefined;
/** A folder that is gone when this process ends. */
export function temporaryFolder(): string {
    if (temporary === undefined) {
        const made = fs.mkdtempSync(path.join(os.tmpdir(), "winsock-spi-"));
        process.on("exit", () => fs.rmSync(made, { recursive: true, force: true, maxRetries: 3 }));
        temporary = made;
    }
    return temporary;
}

/**
 * Keeps the catalog of a test file: call in a `describe`. Before the first test it is saved; after every test (or only
 * after the last, with `each: false`) what differs is put back, by rescue, which needs neither Node's sockets nor the
 * library under test.
 */
export function keepCatalog({ each }: { each: boolean }): { backup(): string } {
    const backup = path.join(temporaryFolder(), `catalog-${keeping++}.json`);
    let found = "";
    const restore = async (): Promise<void> => {
        if (found !== "" && (await exportRegistry()) !== found) {
            expectCode(await run(rescueFile(64), ["recover"]), 0);
            expectCode(await run(rescueFile(64), ["restore", backup]), 0);
            assert.equal(await exportRegistry(), found, "rescue puts the catalog back");
        }
    };
    before(async function () {
        skipIfUnchangeable(this);
        this.timeout(120_000);
        found = await exportRegistry();
        expectCode(await cli(["backup", backup]), 0);
    });
    (each ? afterEach : after)(async function () {
        this.timeout(120_000);
        await restore();
    });
    return { backup: () => backup };
}
let keeping = 0;

/** One line of `watch --json`. */
export interface WatchRecord {
    readonly pid: number;
    readonly program: string;
    readonly call: string;
    readonly bits?: number;
    readonly mode?: string;
    readonly reason?: string;
    readonly version?: string;
    readonly socket?: string | number;
    readonly requested?: number;
    readonly bytes?: number;
    readonly pending?: boolean;
    readonly peek?: boolean;
    readonly error?: unknown;
    readonly count?: number;
    readonly local?: unknown;
    readonly remote?: unknown;
}

export interface Watched {
    readonly summary: Record<string, unknown>;
    readonly records: readonly WatchRecord[];
    /** The records of one process. */
    of(pid: number): ProcessRecords;
}

/** Runs a program under `watch --json --`, expects it to succeed, and gives its own summary and every record. */
export async function watch(file: string, args: readonly string[] = [], options: RunOptions = {}): Promise<Watched> {
    const done = await cli(["watch", "--json", "--", file, ...args], options);
    assert.equal(done.code, 0, `${path.basename(file)} ${args.join(" ")} ended with ${done.code}\n${done.stderr}`);
    return { ...watchedOf(done.stdout), summary: lastJson(done.stderr) };
}

/** The records that `watch --json` printed. */
export function watchedOf(printed: string): Omit<Watched, "summary"> {
    const records = printed
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line) as WatchRecord);
    const byProcess = new Map<number, ProcessRecords>();
    for (const record of records) {
        let one = byProcess.get(record.pid);
        if (one === undefined) {
            one = new ProcessRecords(record.pid);
            byProcess.set(record.pid, one);
        }
        one.add(record);
    }
    return {
        records,
        of: (pid) => {
            const one = byProcess.get(pid);
            assert.ok(one !== undefined, `process ${pid} has no record; seen: ${[...byProcess.keys()].join(", ")}`);
            return one;
        },
    };
}

const tcpSends = new Set(["WSPSend"]);
const tcpReceives = new Set(["WSPRecv"]);
const datagramSends = new Set(["WSPSend", "WSPSendTo", "WSASendMsg"]);
const datagramReceives = new Set(["WSPRecv", "WSPRecvFrom", "WSARecvMsg"]);

/** What the layer says that one process did. */
export class ProcessRecords {
    readonly #records: WatchRecord[] = [];

    constructor(readonly pid: number) {}

    add(record: WatchRecord): void {
        this.#records.push(record);
    }

    /** The layer was in this process from the start, and nothing was lost. */
    expectActive(bits: Bits): void {
        const starts = this.#records.filter(({ call }) => call === "start");
        assert.equal(starts.length, 1, `process ${this.pid} has one start record`);
        assert.equal(this.#records[0]?.call, "start", "which comes first");
        assert.equal(starts[0]?.mode, "active", starts[0]?.reason);
        assert.equal(starts[0]?.bits, bits);
        assert.equal(this.#records.filter(({ call }) => call === "dropped").length, 0, "no record was lost");
    }

    calls(name: string): WatchRecord[] {
        return this.#records.filter(({ call }) => call === name);
    }

    count(name: string): number {
        return this.calls(name).length;
    }

    /** Calls that did not fail; those that pended count. */
    succeeded(name: string): number {
        return this.calls(name).filter(({ error }) => error === undefined).length;
    }

    /** What was reported as done, plus, for sends, what was asked for by those that pended. */
    #bytes(calls: ReadonlySet<string>, pending: "requested" | "none", socket?: string): number {
        let sum = 0;
        for (const record of this.#records) {
            if (!calls.has(record.call) || record.error !== undefined || record.peek === true) {
                continue;
            }
            if (socket !== undefined && String(record.socket) !== socket) {
                continue;
            }
            if (record.pending === true) {
                assert.equal(record.bytes, undefined, "a call that pends reports no bytes");
                sum += pending === "requested" ? (record.requested ?? 0) : 0;
            } else {
                sum += record.bytes ?? 0;
            }
        }
        return sum;
    }

    get bytesSent(): number {
        return this.#bytes(tcpSends, "requested");
    }
    get bytesReceived(): number {
        return this.#bytes(tcpReceives, "none");
    }
    get datagramBytesSent(): number {
        return this.#bytes(datagramSends, "requested");
    }
    get datagramBytesReceived(): number {
        return this.#bytes(datagramReceives, "none");
    }
    /** Bytes claimed to have been received on one socket, whatever the call. */
    receivedOn(socket: string): number {
        return this.#bytes(datagramReceives, "none", socket);
    }
}

/** What a scenario counted in one of its processes (scenarios/support/scenario.cjs). */
export interface Tally {
    readonly pid: number;
    readonly role: string;
    readonly listened: number;
    readonly connected: number;
    readonly accepted: number;
    readonly adopted: number;
    readonly datagramSockets: number;
    readonly bytesWritten: number;
    readonly bytesRead: number;
    readonly datagramsSent: number;
    readonly datagramBytesSent: number;
    readonly datagramsReceived: number;
    readonly datagramBytesReceived: number;
}

/** libuv opens one IPv4 and one IPv6 socket at its start, to see whether the machine has them and what they are. */
const libuvProbes = 2;

/**
 * What the layer saw in each process of a scenario equals what the scenario counted itself: sockets, connections, bytes
 * both ways. This is the proof that every process was behind the layer and that the layer claims nothing else.
 */
export function expectSameCounts(watched: Watched, bits: Bits): void {
    assert.equal(watched.summary["ok"], true, JSON.stringify(watched.summary));
    const tallies = watched.summary["processes"] as Tally[];
    assert.ok(tallies.length > 0);
    for (const tally of tallies) {
        const seen = watched.of(tally.pid);
        const who = `${tally.role} ${tally.pid}: `;
        seen.expectActive(bits);
        const connected = tally.connected + connectedDatagrams(watched, tally);
        assert.equal(seen.succeeded("WSPConnect") + seen.succeeded("ConnectEx"), connected, `${who}connections made`);
        assert.equal(seen.succeeded("WSPAccept"), tally.accepted, `${who}connections accepted`);
        assert.equal(seen.succeeded("WSPListen"), listens(watched, tally), `${who}sockets told to listen`);
        const own = tally.listened + tally.connected + tally.adopted + tally.datagramSockets;
        assert.equal(
            seen.succeeded("WSPSocket"),
            libuvProbes + own + seen.succeeded("AcceptEx"),
            `${who}sockets made: libuv's probes, its own, and one for each AcceptEx that was posted`,
        );
        if (tally.datagramSockets > 0) {
            assert.equal(seen.datagramBytesSent, tally.datagramBytesSent, `${who}datagram bytes sent`);
            assert.equal(seen.datagramBytesReceived, tally.datagramBytesReceived, `${who}datagram bytes received`);
        } else {
            assert.equal(seen.bytesSent, tally.bytesWritten, `${who}bytes sent`);
            assert.equal(seen.bytesReceived, tally.bytesRead, `${who}bytes received`);
        }
    }
}

/** UDP echo connects one of its sockets. */
function connectedDatagrams({ summary }: Watched, { datagramSockets }: Tally): number {
    return summary["scenario"] === "udp-echo" && datagramSockets > 0 ? 1 : 0;
}

/** libuv tells a socket to listen, instead, each time it is handed to another process before it does. */
function listens({ summary }: Watched, { listened }: Tally): number {
    return summary["policy"] === "none" ? listened * ((summary["processes"] as Tally[]).length - 1) : listened;
}
