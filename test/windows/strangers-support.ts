/**
 * The providers of test/windows/strangers with their own installers, ours, and a program that makes traffic: what is in
 * the catalog, what each layer says that it saw.
 */
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { install, readCatalog, uninstall, watch } from "winsock-spi";
import type { CatalogEntry, WatchRecord } from "winsock-spi";
import { builds, expectCode, lastJson, run, temporaryFolder } from "./acceptance-support.js";
import type { Bits, Ended } from "./acceptance-support.js";

export const strangers = ["all30", "twice", "upcalls", "liar", "nonifs"] as const;
export type Stranger = (typeof strangers)[number];
export type Layer = Stranger | "ours";
export const layers: readonly Layer[] = [...strangers, "ours"];

export const strangerFile = (bits: Bits, name: string): string => path.join(builds[bits], "strangers", name);

export async function installLayer(layer: Layer): Promise<void> {
    if (layer === "ours") {
        await install();
    } else {
        const setup = (bits: Bits): string => strangerFile(bits, `${layer}_setup.exe`);
        expectCode(await run(setup(64), ["install", "--twin", setup(32)]), 0);
    }
}

export async function removeLayer(layer: Layer, ...options: readonly string[]): Promise<void> {
    if (layer === "ours") {
        await uninstall();
    } else {
        expectCode(await run(strangerFile(64, `${layer}_setup.exe`), ["remove", ...options]), 0);
    }
}

function layerOf(entry: CatalogEntry): Layer | "base" {
    const dll = path.win32.basename(entry.path, ".dll").toLowerCase();
    return strangers.find((name) => name === dll) ?? (dll === "winsock_spi_lsp" ? "ours" : "base");
}

/**
 * Both catalogs without what depends on when something was installed: who is where, with which kind of entry, and the
 * same for what each chain names. Two catalogs that read the same differ in ids only.
 */
export async function shapeOfCatalog(): Promise<string> {
    const { protocols } = await readCatalog();
    return (["64", "32"] as const)
        .map((bits) => {
            const entries = protocols[bits] ?? [];
            const label = (entry: CatalogEntry | undefined): string =>
                entry === undefined
                    ? "nobody"
                    : [layerOf(entry), entry.kind, entry.family, entry.socketType, entry.protocol, entry.ifs].join("/");
            const byId = new Map(entries.map((entry) => [entry.id, entry]));
            const line = (entry: CatalogEntry): string =>
                `${label(entry)}: ${entry.chain.map((id) => (id === 0 ? "" : label(byId.get(id)))).join(" > ")}`;
            return entries.map(line).join("\n");
        })
        .join("\n\n");
}

/** The layers through which a TCP socket goes, topmost first, by the chain of the entry that programs get. */
export async function layersInPath(bits: Bits, family = 2, socketType = 1): Promise<Layer[]> {
    const entries = (await readCatalog()).protocols[`${bits}`] ?? [];
    const serves = (entry: CatalogEntry): boolean => entry.family === family && entry.socketType === socketType;
    const top = entries.find((entry) => entry.kind !== "hidden" && serves(entry));
    assert.ok(top !== undefined, `${bits}: somebody serves TCP`);
    const found =
        top.kind === "base"
            ? []
            : top.chain.map((id) => {
                  const entry = entries.find((candidate) => candidate.id === id);
                  const chain = top.chain.join(" ");
                  assert.ok(
                      entry !== undefined,
                      `${bits}: the chain of ${top.name} names nothing that is gone: ${chain}`,
                  );
                  return layerOf(entry);
              });
    return found.filter((layer): layer is Layer => layer !== "base");
}

/** What one provider reported of one process. */
export interface Report {
    readonly provider: Stranger;
    readonly pid: number;
    readonly bits: Bits;
    readonly counts: Readonly<Record<string, number>>;
    readonly lowerStartups?: number;
    readonly lowerCleanups?: number;
    readonly unloads?: number;
    /** when, upcall, arguments, expected, got, words of Microsoft's page */
    readonly checks?: readonly (readonly [string, string, string, string, string, string])[];
}

export interface Traffic {
    readonly ended: Ended;
    readonly ok: boolean;
    readonly pid: number;
    readonly bits: Bits;
    /** Calls that must reach each layer. */
    readonly counts: Readonly<Record<string, number>>;
    readonly failure: string;
    readonly rounds: number;
    readonly reports: readonly Report[];
    readonly milliseconds: number;
}

let reportFiles = 0;

/** Environment that makes the strangers report, and their reports. */
export function makeReports(): { env: Record<string, string>; read(): Report[] } {
    const file = path.join(temporaryFolder(), `strangers-${process.pid}-${reportFiles++}.jsonl`);
    return {
        env: { STRANGERS_REPORT: file },
        read: () =>
            fs.existsSync(file)
                ? fs
                      .readFileSync(file, "latin1")
                      .trimEnd()
                      .split("\n")
                      .map((line) => JSON.parse(line) as Report)
                : [],
    };
}

export interface TrafficOptions {
    readonly args?: readonly string[];
    readonly lies?: string;
    readonly timeout?: number;
}

/** One run of traffic.exe, whatever becomes of it. */
export async function runTraffic(bits: Bits, options: TrafficOptions = {}): Promise<Traffic> {
    const { args = [], lies, timeout = 60_000 } = options;
    const reports = makeReports();
    const env = { ...reports.env, ...(lies === undefined ? {} : { STRANGER_LIES: lies }) };
    const begin = performance.now();
    const ended = await run(strangerFile(bits, "traffic.exe"), args, { env, timeout });
    const milliseconds = performance.now() - begin;
    const summary = lastJson(ended.stdout) as unknown as Traffic;
    return { ...summary, ended, milliseconds, reports: reports.read() };
}

type Counts = Record<string, number>;

/** What one stranger counted in one process, over all the times that it was loaded; undefined if it never was. */
export function countsOf(reports: readonly Report[], provider: Stranger, pid: number): Counts | undefined {
    let sum: Counts | undefined;
    for (const report of reports) {
        if (report.provider === provider && report.pid === pid) {
            sum ??= {};
            for (const [call, number] of Object.entries(report.counts)) {
                sum[call] = (sum[call] ?? 0) + number;
            }
        }
    }
    return sum;
}

/** Calls that a layer hands down exactly when it gets them, and which of them each stranger has functions for. */
const handedDown = [
    "WSPAccept",
    "WSPBind",
    "WSPCloseSocket",
    "WSPConnect",
    "WSPEnumNetworkEvents",
    "WSPEventSelect",
    "WSPListen",
    "WSPRecv",
    "WSPRecvFrom",
    "WSPSelect",
    "WSPSend",
    "WSPSendTo",
    "WSPShutdown",
    "WSPSocket",
] as const;
const counted: Readonly<Record<Stranger, readonly string[]>> = {
    all30: [...handedDown, "AcceptEx", "ConnectEx"],
    twice: handedDown,
    upcalls: ["WSPAccept", "WSPCloseSocket", "WSPConnect", "WSPSocket"],
    liar: ["WSPAccept", "WSPBind", "WSPCloseSocket", "WSPConnect", "WSPListen", "WSPShutdown", "WSPSocket"],
    nonifs: handedDown,
};

/** Records of one run of a program by our provider. */
function expectOursSaw(records: readonly WatchRecord[], traffic: Traffic, where: string): void {
    const own = records.filter(({ pid }) => pid === traffic.pid);
    const starts = own.filter((record) => record.call === "start");
    assert.equal(starts.length, 1, `${where}: ours was in process ${traffic.pid}`);
    assert.equal((starts[0] as { mode?: string }).mode, "active", `${where}: ${JSON.stringify(starts[0])}`);
    assert.equal(own.filter(({ call }) => call === "dropped").length, 0, `${where}: no record was lost`);
    for (const name of handedDown) {
        // One record more for a connection that AcceptEx accepted: no call of WSPAccept stands for it.
        const viaAcceptEx = name === "WSPAccept" ? (traffic.counts["AcceptEx"] ?? 0) : 0;
        const seen = own.filter(({ call }) => call === name).length;
        assert.equal(seen, (traffic.counts[name] ?? 0) + viaAcceptEx, `${where}: ours saw ${name}`);
    }
}

/**
 * Traffic flows in programs of this bitness, and each layer that is installed, and no other, sees exactly the calls
 * that must reach it.
 */
export async function expectTraffic(
    bits: Bits,
    installed: readonly Layer[],
    options: TrafficOptions = {},
): Promise<Traffic> {
    const where = `${installed.join(" under ") || "nobody"}, ${bits}-bit`;
    const records: WatchRecord[] = [];
    const watched = installed.includes("ours") ? watch() : undefined;
    const collecting = (async () => {
        for await (const record of watched ?? []) {
            records.push(record);
        }
    })();
    let traffic: Traffic;
    try {
        traffic = await runTraffic(bits, options);
    } finally {
        watched?.stop();
        await collecting;
        await watched?.close();
    }
    assert.equal(traffic.ok, true, `${where}: ${traffic.ended.stdout}`);
    for (const stranger of strangers) {
        const seen = countsOf(traffic.reports, stranger, traffic.pid);
        if (!installed.includes(stranger)) {
            assert.equal(seen, undefined, `${where}: ${stranger} is out of the path`);
            continue;
        }
        assert.ok(seen !== undefined, `${where}: ${stranger} was in the process`);
        for (const name of counted[stranger]) {
            assert.equal(seen[name] ?? 0, traffic.counts[name] ?? 0, `${where}: ${stranger} saw ${name}`);
        }
    }
    if (installed.includes("ours")) {
        expectOursSaw(records, traffic, where);
    }
    expectUpcallsAnswered(traffic.reports);
    expectGivenBack(traffic);
    return traffic;
}

/** Every row of the table of upcalls is as Microsoft's page says. */
export function expectUpcallsAnswered(reports: readonly Report[]): void {
    for (const { checks = [] } of reports) {
        for (const [when, upcall, args, expected, got, quote] of checks) {
            assert.equal(got, expected, `in ${when}, ${upcall} with ${args}: "${quote}"`);
        }
    }
}

/** After as many WSACleanup as WSAStartup, what twice has started below is stopped, and all it loaded let go. */
function expectGivenBack({ reports, ended }: Traffic): void {
    for (const { provider, lowerStartups, lowerCleanups } of reports) {
        if (provider === "twice") {
            assert.equal(lowerCleanups, lowerStartups, `twice cleans up what it started: ${ended.stdout}`);
        }
    }
}
