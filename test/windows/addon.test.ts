// What a crash of the addon would take with it is the whole program: worker threads that load it at once and end in the
// middle, a process that exits meanwhile, and calls with wrong arguments and on wrong objects.
import assert from "node:assert/strict";
import * as path from "node:path";
import { install, uninstall } from "winsock-spi";
import { counts } from "../support/counts.js";
import { skipIfUnchangeable } from "../support/windows.js";
import { type Ended, expectCode, lastJson, nodes, project, run, scenarioFile } from "./acceptance-support.js";
import { addon } from "./gate.js";

const misuse = scenarioFile("misuse");
const scenario = path.join(project, "test", "windows", "scenarios", "workers.mjs");

describe("worker threads", function () {
    this.timeout(300_000);

    before(async function () {
        skipIfUnchangeable(this);
        await install(); // so that there is something to watch
    });
    after(async () => {
        await uninstall();
    });

    for (const name of ["node20", "node", "node26", "node-x86"]) {
        describe(`of ${name}`, function () {
            before(function () {
                if (nodes[name] === undefined) {
                    this.skip();
                }
            });
            const start = (mode: string, rounds = 1, flags: readonly string[] = []): Promise<Ended> =>
                run(nodes[name]!, [...flags, scenario, mode, String(rounds)]);

            it("load the addon at once, use every part of it, and end by themselves", async () => {
                const ended = await start("run");
                expectCode(ended, 0);
                const told = lastJson(ended.stdout)["ended"] as { code: number; done: Record<string, number> }[];
                assert.equal(told.length, 3);
                for (const { code, done } of told) {
                    assert.equal(code, 0);
                    const times = Object.values(done);
                    assert.ok(times.length === 7 && times.every((count) => count >= 1), JSON.stringify(done));
                }
            });

            it("are terminated in the middle of it, and of what the garbage collector does; the main thread goes on", async () => {
                const ended = await start("terminate", counts.terminatedWorkers, ["--expose-gc"]);
                expectCode(ended, 0);
                const { terminated, entries } = lastJson(ended.stdout);
                assert.equal(terminated, 3 * counts.terminatedWorkers);
                assert.ok(Number(entries) > 0);
            });

            it("are at work when the process exits", async () => {
                const ended = await start("exit");
                expectCode(ended, 7);
                assert.deepEqual(lastJson(ended.stdout), { busy: 3 });
            });
        });
    }
});

describe("the addon, called wrongly", function () {
    this.timeout(120_000);

    it("throws or rejects whatever the arguments and the object are, and never crashes", async function () {
        skipIfUnchangeable(this);
        const ended = await run(nodes["node"]!, [misuse, addon]);
        expectCode(ended, 0);
        const told = lastJson(ended.stdout) as Record<string, number>;
        assert.ok(told["functions"]! > 30 && told["opened"]! >= 3, JSON.stringify(told));
        assert.ok(told["refused"]! > 1000 && told["methods"]! > 10, JSON.stringify(told));
    });
});
