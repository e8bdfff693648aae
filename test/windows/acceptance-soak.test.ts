// Shows: connections opened and closed behind the provider leave nothing: no handle, no memory, no file.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import type { RecordBatch } from "#lib/hooks/decode.js";
import { watchBatches } from "#lib/hooks/watch.js";
import { counts } from "../support/counts.js";
import { program, programFile, project } from "./acceptance-support.js";
import type { Bits } from "./acceptance-support.js";
import { ringsFolder, startLines, withProvider } from "./watch-support.js";

/** What a process has: after the warm-up, after half of the connections, and after all. */
interface Figures {
    readonly handles: readonly [number, number, number];
    readonly privateBytes: readonly [number, number, number];
}

/** How much more may be committed after half of the connections than after the warm-up: what a heap keeps. */
const kept = 512 * 1024;
/** How much more after all of them than after half: in the full run five bytes for each, less than any object. */
const growth = 256 * 1024;

function expectBack(what: string, { handles, privateBytes }: Figures, bytes = { kept, growth }): void {
    const figures = `handles ${handles.join(", ")}; private bytes ${privateBytes.join(", ")}`;
    console.log(`      ${what}: ${figures}`);
    assert.ok(handles[0] > 0 && privateBytes[0] > 0, "there is something to compare");
    assert.deepEqual(handles, [handles[0], handles[0], handles[0]], `${what}: handles`);
    assert.ok(privateBytes[1] - privateBytes[0] <= bytes.kept, `${what}: ${figures}`);
    assert.ok(privateBytes[2] - privateBytes[1] <= bytes.growth, `${what}: ${figures}`);
}

/** What watchers have seen of other processes. */
class Seen {
    readonly pids = new Set<number>();
    records = 0;
    lost = 0;

    add(batch: RecordBatch): void {
        this.pids.add(batch.process.pid);
        this.records += batch.length;
        this.lost += batch.lost;
    }
}

type Watchers = "nobody" | "one" | "coming and going";

/** Runs `work` while it is watched that way. */
async function watched<Result>(watchers: Watchers, seen: Seen, work: () => Promise<Result>): Promise<Result> {
    if (watchers === "nobody") {
        return work();
    }
    let ended = false;
    // The first watcher is there before the work begins.
    let current = watchBatches();
    const result = work().finally(() => {
        ended = true;
        current.stop();
    });
    for (let watch = current; ; watch = current) {
        let batches = 0;
        for await (const batch of watch) {
            seen.add(batch);
            if (watchers === "coming and going" && ++batches === 20) {
                break;
            }
        }
        if (ended) {
            return result;
        }
        current = watchBatches();
    }
}

/** Rings that are left once a watcher has come and gone, without this process's own. */
async function ringsLeft(): Promise<string[]> {
    await watchBatches().close();
    return fs.readdirSync(ringsFolder()).filter((name) => !name.startsWith(`${process.pid}-`));
}

const cases: readonly (readonly [client: Bits, server: Bits, Watchers])[] = [
    [64, 64, "nobody"],
    [32, 32, "one"],
    [64, 32, "coming and going"],
];

describe("acceptance: soak", function () {
    this.timeout(counts.soakConnections > 1000 ? 3_600_000 : 60_000);
    withProvider();

    for (const [client, server, watchers] of cases) {
        const { soakConnections } = counts;
        const ends = `from a ${client}-bit to a ${server}-bit program`;
        it(`${soakConnections} connections ${ends}, watched by ${watchers}`, async () => {
            const seen = new Seen();
            const args = ["connections", `${soakConnections / 2}`, programFile(server, "soak")];
            const summary = await watched(watchers, seen, () => program(client, "soak", args, { timeout: 3_000_000 }));
            assert.equal(summary["ok"], true, JSON.stringify(summary));
            expectBack("client", summary["client"] as Figures);
            expectBack("server", summary["server"] as Figures);
            console.log(`      ${String(summary["milliseconds"])} ms; ${seen.records} records, ${seen.lost} dropped`);
            if (watchers !== "nobody") {
                for (const pid of [summary["pid"], summary["serverPid"]]) {
                    assert.ok(seen.pids.has(Number(pid)), "the layer was in each process");
                }
                assert.ok(seen.records > soakConnections, "and has seen the connections");
            }
            assert.deepEqual(await ringsLeft(), []);
        });
    }

    for (const watchers of ["nobody", "one"] as const) {
        const { soakNodeConnections } = counts;
        it(`${soakNodeConnections} connections of a Node, watched by ${watchers}`, async () => {
            const seen = new Seen();
            const file = path.join(project, "test", "windows", "scenarios", "soak-node.cjs");
            const figures: { handles: number[]; privateBytes: number[] } = { handles: [], privateBytes: [] };
            const pid = await watched(watchers, seen, async () => {
                const node = await startLines(process.execPath, ["--expose-gc", file], "ready");
                // Twice for the warm-up: only by then V8 has made up its mind about its heap.
                for (const connections of [200, 200, soakNodeConnections / 2, soakNodeConnections / 2]) {
                    assert.equal(await node.ask(`${connections}`), "done");
                    const { process: measured } = await program(64, "soak", ["measure", `${node.pid}`]);
                    const { handles, privateBytes } = measured as { handles: [number]; privateBytes: [number] };
                    figures.handles.push(...handles);
                    figures.privateBytes.push(...privateBytes);
                }
                await node.end();
                return node.pid;
            });
            const [, ...handles] = figures.handles;
            const [, ...privateBytes] = figures.privateBytes;
            expectBack("Node", { handles, privateBytes } as unknown as Figures, { kept: 16 << 20, growth: 8 << 20 });
            assert.equal(seen.pids.has(pid), watchers === "one");
            assert.deepEqual(await ringsLeft(), []);
        });
    }

    for (const bits of [64, 32] as const) {
        const architecture = bits === 64 ? "win32-x64" : "win32-ia32";
        const provider = path.join(project, "prebuilds", architecture, "winsock_spi_lsp.dll");
        const repeated: readonly (readonly [string, number, ...string[]])[] = [
            ["startups", counts.startups], // WSAStartup and WSACleanup
            ["sockets", counts.providerStarts], // with a socket between them, for which the provider starts
            ["loads", counts.providerStarts, provider],
        ];
        for (const [what, count, ...more] of repeated) {
            it(`${count} ${what} of a ${bits}-bit program`, async () => {
                const summary = await program(bits, "soak", [what, `${count / 2}`, ...more], { timeout: 3_000_000 });
                assert.equal(summary["ok"], true, JSON.stringify(summary));
                expectBack(what, summary["client"] as Figures);
            });
        }
    }
});
