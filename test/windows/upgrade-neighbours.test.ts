// Providers, control files and watchers of neighbouring ABI versions: they work together, or leave each other alone and
// say so. Traffic flows in every combination.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import type { CallRecord, StartRecord, WatchRecord } from "#lib/hooks/records.js";
import { packageVersion } from "#lib/native.js";
import { counts } from "../support/counts.js";
import {
    bitnesses,
    builds,
    cli,
    cliFails,
    expectCode,
    keepCatalog,
    program,
    programFile,
    run,
    watch,
} from "./acceptance-support.js";
import type { Bits, WatchRecord as Line } from "./acceptance-support.js";
import { Traffic, current, neighbourDll, nextVersion } from "./upgrade-support.js";
import { collect, dataFolder } from "./watch-support.js";

/** Runs a program under `watch -- PROGRAM`: its start record, and whether any call was recorded. */
async function watched(bits: Bits): Promise<{ start: Line; calls: number }> {
    const { summary, records } = await watch(programFile(bits, "getsockopt_info"));
    assert.equal(summary["ok"], true, "the program has its network");
    const mine = records.filter(({ pid }) => pid === summary["pid"]);
    const start = mine.find(({ call }) => call === "start");
    assert.ok(start !== undefined && start.bits === bits, JSON.stringify(mine));
    return { start, calls: mine.length - 1 };
}

const controlFile = (name: "control" | "watch"): string => path.join(dataFolder(), `${name}.bin`);

/** Changes bytes of a control file where it is, as another version's installation would. */
function patch(name: "control" | "watch", offset: number, ...bytes: readonly number[]): void {
    const file = fs.openSync(controlFile(name), "r+");
    fs.writeSync(file, Buffer.from(bytes), 0, bytes.length, offset);
    fs.closeSync(file);
}

const abiOf = (name: "control" | "watch"): number => fs.readFileSync(controlFile(name)).readUInt16LE(4);

/** Calls of a process, and its start. */
function partsOf(records: readonly WatchRecord[]): { start: StartRecord; calls: CallRecord[] } {
    const [start, ...rest] = records;
    assert.equal(start?.call, "start");
    return { start: start, calls: rest.filter((record): record is CallRecord => "time" in record) };
}

/** Both, or in the quick run by turns. */
function someBitnesses(): readonly Bits[] {
    return counts.everyCombination === 1 ? bitnesses : [bitnesses[turns++ % 2]!];
}
let turns = 0;

describe("neighbouring versions", function () {
    this.timeout(600_000);
    keepCatalog({ each: false });
    before(() => current.install());
    after(async () => {
        await cli(["uninstall", "--leftovers", "--yes"]);
    });
    afterEach(() => Traffic.endAll());

    /** The provider that the catalogs lead to is now this build. */
    async function use(name: string): Promise<void> {
        const dlls = bitnesses.map((bits) => neighbourDll(name, bits));
        expectCode(await current.cli("install", "--yes", "--dll", ...dlls), 0);
    }

    describe("providers", () => {
        after(() => current.install());

        it("whose rings are of the next ABI: unobserved, for that reason, and at work", async () => {
            await use("ring_newer");
            for (const bits of someBitnesses()) {
                const { start, calls } = await watched(bits);
                assert.deepEqual([start.mode, start.version, calls], ["unobserved", undefined, 0]);
                assert.match(start.reason ?? "", /version/);
                assert.match(start.program, /getsockopt_info\.exe$/);
            }
        });

        it("whose rings are of the previous ABI: read", async () => {
            await use("ring_older");
            for (const bits of someBitnesses()) {
                const { start, calls } = await watched(bits);
                assert.deepEqual([start.mode, start.version], ["active", nextVersion]);
                assert.ok(calls > 0);
            }
        });

        it("that know the next ABI of control files: work with this one", async () => {
            await use("control_newer");
            for (const bits of someBitnesses()) {
                const { start, calls } = await watched(bits);
                assert.deepEqual([start.mode, start.version], ["active", nextVersion]);
                assert.ok(calls > 0);
            }
        });

        it("that know the previous ABI of control files at most: pass through, and say so", async () => {
            await use("control_older");
            for (const bits of someBitnesses()) {
                const { start, calls } = await watched(bits);
                assert.deepEqual([start.mode, start.version, calls], ["pass-through", nextVersion, 0]);
                assert.match(start.reason ?? "", /^control\.bin: of another version of winsock-spi \(ABI 1, /);
            }
        });

        it("that pass through for that reason say so to a watcher that comes later, too", async () => {
            const traffic = await Traffic.start(64); // with control_older
            const { watched: watching, collected } = collect();
            await traffic.more(1);
            await collected.until(() => collected.of(traffic.pid).length > 0);
            await traffic.more(1);
            await traffic.end();
            watching.stop();
            await collected.ended;
            const { start, calls } = partsOf(collected.of(traffic.pid));
            assert.deepEqual([start.mode, calls], ["pass-through", []]);
        });
    });

    describe("control files", () => {
        afterEach(() => {
            for (const name of ["control", "watch"] as const) {
                patch(name, 4, 1, 0, 0, 16);
            }
        });

        it("of the previous ABI: the provider works, and so does watch", async () => {
            patch("control", 4, 0);
            patch("watch", 4, 0);
            const { start, calls } = await watched(64);
            assert.deepEqual([start.mode, start.version], ["active", packageVersion()]);
            assert.ok(calls > 0);
        });

        for (const [what, abi] of [
            ["the next ABI", 2],
            ["a far ABI", 0xffff],
        ] as const) {
            it(`of ${what}: the provider passes through and says so to any watch`, async () => {
                patch("control", 4, abi & 0xff, abi >> 8);
                for (const bits of bitnesses) {
                    const { start, calls } = await watched(bits);
                    assert.deepEqual([start.mode, calls], ["pass-through", 0]);
                    assert.match(start.reason ?? "", new RegExp(`ABI ${abi}, this provider has 1`));
                }
            });
        }

        it("of another ABI, only the one for users: no difference, its first bytes are the same in all", async () => {
            patch("watch", 4, 2);
            const { start, calls } = await watched(64);
            assert.equal(start.mode, "active");
            assert.ok(calls > 0);
        });

        for (const [what, damage] of [
            ["too short", (file: string) => fs.truncateSync(file, 23)],
            ["empty", (file: string) => fs.truncateSync(file, 0)],
            ["without its mark", (file: string) => fs.writeFileSync(file, Buffer.alloc(4096, 0x55))],
            ["of a size that is not its own", () => patch("control", 6, 24, 0)],
        ] as const) {
            it(`that is ${what}: programs have their network, watch says damaged`, async () => {
                const sound = fs.readFileSync(controlFile("control"));
                damage(controlFile("control"));
                for (const bits of bitnesses) {
                    assert.equal((await program(bits, "getsockopt_info"))["ok"], true);
                }
                await cliFails(["watch", "--", programFile(64, "getsockopt_info")], "ERR_CONTROL_DAMAGED");
                fs.writeFileSync(controlFile("control"), sound);
            });
        }

        it("change their ABI under a provider and a watcher that have them open: both go on", async () => {
            const { watched: watching, collected } = collect();
            const traffic = await Traffic.start(64);
            await collected.until(() => collected.of(traffic.pid).length > 1);
            patch("control", 4, 2);
            patch("watch", 4, 2);
            const words = (): Buffer => fs.readFileSync(controlFile("control")).subarray(8, 24);
            const before = words();
            await use("control_newer"); // any installation brings them to its own ABI, in place
            assert.deepEqual([abiOf("control"), abiOf("watch")], [1, 1]);
            assert.deepEqual(words(), before, "the watcher stays counted");
            const seen = collected.of(traffic.pid).length;
            await traffic.more(2);
            await collected.until(() => collected.of(traffic.pid).length > seen + 2);
            await traffic.end();
            watching.stop();
            await collected.ended;
        });

        it("that is no such file is replaced by any installation", async () => {
            fs.writeFileSync(controlFile("control"), "not a control file");
            await current.install();
            assert.equal((await watched(64)).start.mode, "active");
        });
    });

    it("are built with the numbers that the tests suppose", async () => {
        const folder = path.join(builds[64], "neighbours");
        const names = ["control_newer", "control_older", "next", "ring_newer", "ring_older"];
        assert.deepEqual(fs.readdirSync(folder).sort(), names);
        assert.equal(abiOf("control"), 1);
        const ended = await run(programFile(64, "lsp_loader"), [neighbourDll("next", 64)]);
        expectCode(ended, 0);
    });
});
