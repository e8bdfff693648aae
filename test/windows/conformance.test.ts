/**
 * The Winsock conformance suite (test/windows/conformance) with three Winsocks: Wine's own, our host side of it, and
 * that with our provider in every chain. Each assertion must come out the same in all three. On Windows there is
 * Winsock as found and Winsock with our provider.
 */
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { bareProgram, skipIfUnchangeable } from "../support/windows.js";
import { bitnesses, builds, cli, expectCode, keepCatalog, run, temporaryFolder } from "./acceptance-support.js";
import type { Bits, WatchRecord } from "./acceptance-support.js";

/** Fewer means that a part of the suite did not run. */
const assertions = 3_400;

/** So many records of these calls the provider writes at least during the suite. */
const callsSeen = {
    WSPSocket: 500,
    WSPBind: 300,
    WSPListen: 100,
    WSPConnect: 150,
    WSPAccept: 100,
    WSPSend: 100,
    WSPRecv: 100,
    WSPSendTo: 50,
    WSPRecvFrom: 10,
    WSPSelect: 100,
    WSPIoctl: 100,
    WSPSetSockOpt: 200,
    WSPDuplicateSocket: 10,
    AcceptEx: 10,
    ConnectEx: 5,
    DisconnectEx: 3,
    TransmitFile: 5,
    WSARecvMsg: 5,
};

const provider = "winsock_spi_lsp.dll";
const hostBase = "winsock_wine_base.dll";

const programFile = (bits: Bits): string => path.join(builds[bits], "conformance", "conformance.exe");

/** What a run printed: one line per assertion, in order, the DLLs in the process, and the counts. */
interface Outcome {
    readonly lines: readonly string[];
    readonly modules: readonly string[];
    readonly counts: string;
}

function outcome(output: string): Outcome {
    const lines = output.trimEnd().split(/\r?\n/);
    const counts = lines.at(-1) ?? "";
    assert.match(counts, /^\d+ passed, \d+ failed, \d+ as Wine$/, `the suite ran to its end\n${output.slice(-2000)}`);
    const modules = lines.find((line) => line.startsWith("modules: ")) ?? "";
    return {
        lines: lines.filter((line) => /^(ok|not ok|wine) /.test(line)),
        modules: modules.toLowerCase().split(" ").slice(1),
        counts,
    };
}

function expectAsDocumented({ lines, counts }: Outcome): void {
    assert.deepEqual(
        lines.filter((line) => line.startsWith("not ok")),
        [],
        counts,
    );
    assert.match(counts, / 0 failed,/);
    assert.equal(new Set(lines).size, lines.length);
    assert.ok(lines.length >= assertions, `${lines.length} assertions ran, at least ${assertions} expected`);
}

/**
 * With our host side everything is as with Wine alone, or better: what Wine does not do as documented, and is marked in
 * the suite with the evidence, our host may do as documented. Never the other way round.
 */
function expectSameOrBetter(host: Outcome, bare: Outcome): number {
    const mended = new Set<string>();
    const ids = new Set(host.lines.filter((line) => line.startsWith("ok ")).map((line) => line.slice(3)));
    const lines = bare.lines.map((line) => {
        const id = /^wine (.*): got (?:-?\d+|error \d+|success|true|false|".*"), Windows /.exec(line)?.[1];
        if (id === undefined || !ids.has(id)) {
            return line;
        }
        mended.add(id);
        return `ok ${id}`;
    });
    expectSameLines(host.lines, lines);
    return mended.size;
}

function expectSame(actual: Outcome, expected: Outcome): void {
    expectSameLines(actual.lines, expected.lines);
    assert.equal(actual.counts, expected.counts);
}

function expectSameLines(actual: readonly string[], expected: readonly string[]): void {
    const without = (lines: readonly string[], others: readonly string[]): string[] => {
        const all = new Set(others);
        return lines.filter((line) => !all.has(line));
    };
    assert.deepEqual({ more: without(actual, expected), fewer: without(expected, actual) }, { more: [], fewer: [] });
}

async function runSuite(file: string): Promise<Outcome> {
    return outcome((await run(file)).stdout);
}

/** Under Wine: the same program by the name that gets Wine's own Winsock. */
async function runBare(bits: Bits, name: string): Promise<Outcome> {
    const folder = path.join(temporaryFolder(), `bare-${bits}`);
    fs.mkdirSync(folder, { recursive: true });
    const file = path.join(folder, name);
    fs.copyFileSync(programFile(bits), file);
    return runSuite(file);
}

/** The whole suite under `watch`, which tells what the provider in its process saw. */
async function runWatched(bits: Bits): Promise<{ result: Outcome; records: WatchRecord[] }> {
    const done = await cli(["watch", "--json", "--", programFile(bits)]);
    const records = done.stdout
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line) as WatchRecord);
    return { result: outcome(done.stderr), records };
}

async function forBoth<Value>(make: (bits: Bits) => Promise<Value>): Promise<Map<Bits, Value>> {
    return new Map(await Promise.all(bitnesses.map(async (bits): Promise<[Bits, Value]> => [bits, await make(bits)])));
}

describe("conformance: Winsock behaves as documented, with and without us", function () {
    this.timeout(300_000);
    keepCatalog({ each: false });

    let found = new Map<Bits, Outcome>();

    before(async () => {
        found = await forBoth((bits) => runSuite(programFile(bits)));
    });

    for (const bits of bitnesses) {
        it(`${bits}-bit, Winsock as found`, () => {
            const result = found.get(bits)!;
            expectAsDocumented(result);
            assert.ok(!result.modules.includes(provider));
            assert.ok(bareProgram === undefined || result.modules.includes(hostBase));
            console.log(`      ${result.lines.length} distinct assertions: ${result.counts}`);
        });
    }

    describe("with Wine's own Winsock", () => {
        let bare = new Map<Bits, Outcome>();

        before(async function () {
            if (bareProgram === undefined) {
                this.skip();
            }
            bare = await forBoth((bits) => runBare(bits, bareProgram!));
        });

        for (const bits of bitnesses) {
            it(`${bits}-bit: the same, and our host side was not there`, () => {
                const result = bare.get(bits)!;
                const mended = expectSameOrBetter(found.get(bits)!, result);
                console.log(`      ${result.counts}; ${mended} of these as Windows with our host side`);
                assert.ok(!result.modules.includes(hostBase));
            });
        }
    });

    describe("with the provider installed", () => {
        let watched = new Map<Bits, { result: Outcome; records: WatchRecord[] }>();

        before(async function () {
            skipIfUnchangeable(this);
            expectCode(await cli(["install", "--yes"]), 0);
            watched = await forBoth(runWatched);
        });
        after(async () => {
            expectCode(await cli(["uninstall", "--yes"]), 0);
        });

        for (const bits of bitnesses) {
            it(`${bits}-bit: the same, and the provider was in the path`, () => {
                const { result, records } = watched.get(bits)!;
                expectSame(result, found.get(bits)!);
                assert.ok(result.modules.includes(provider));
                const [first] = records;
                assert.equal(first?.call, "start");
                assert.equal(first.mode, "active", first.reason);
                assert.equal(first.bits, bits);
                for (const [call, least] of Object.entries(callsSeen)) {
                    const seen = records.filter((record) => record.call === call && record.pid === first.pid).length;
                    assert.ok(seen >= least, `${seen} records of ${call}`);
                }
            });
        }
    });
});
