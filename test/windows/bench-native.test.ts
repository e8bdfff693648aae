// The native programs of bench/native still run, in both bitnesses, with tiny counts: what they measure is not looked at.
import assert from "node:assert/strict";
import * as path from "node:path";
import { bitnesses, builds, expectCode, lastJson, project, run } from "./acceptance-support.js";
import { withProvider } from "./watch-support.js";

interface Case {
    readonly calls: number;
    readonly watched: boolean;
    readonly records?: number;
    readonly lost?: number;
    readonly direct: readonly number[];
    readonly through: readonly number[];
}

describe("native programs of the benchmarks", function () {
    this.timeout(120_000);
    withProvider();

    for (const bits of bitnesses) {
        it(`calls, ${bits}-bit: every case, and the watcher's records and losses are all calls`, async () => {
            const folder = bits === 64 ? "win32-x64" : "win32-ia32";
            const dll = path.join(project, "prebuilds", folder, "winsock_spi_lsp.dll");
            const ended = await run(path.join(builds[bits], "bench", "calls.exe"), [dll, "1", "3", "200"]);
            expectCode(ended, 0);
            const cases = ended.stdout
                .trim()
                .split(/\r?\n/)
                .map((line) => JSON.parse(line) as Case);
            assert.equal(cases.length, 16);
            for (const each of cases) {
                assert.ok([...each.direct, ...each.through].every((nanoseconds) => nanoseconds > 0));
                if (each.watched) {
                    assert.equal((each.records ?? 0) + (each.lost ?? 0), each.calls);
                }
            }
        });

        it(`start, ${bits}-bit: starts itself with a socket and without Winsock, and says what memory it has`, async () => {
            const program = path.join(builds[bits], "bench", "start.exe");
            const { once, bare } = lastJson((await run(program, ["many", "1"])).stdout);
            for (const times of [once, bare] as number[][]) {
                assert.ok(times.length === 1 && times[0]! > 0);
            }
            const memory = lastJson((await run(program, ["memory", "10"])).stdout) as Record<string, number>;
            assert.ok(0 < memory["before"]! && memory["before"]! <= memory["first"]!, JSON.stringify(memory));
            assert.ok(memory["first"]! <= memory["all"]!, JSON.stringify(memory));
        });
    }
});
