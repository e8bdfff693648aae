/**
 * The catalog functions of ws2_32.dll, by a C++ program that calls each with everything its page describes. Under Wine
 * this is the test of our host side; on real Windows the documented half holds as well, which shows that the host
 * behaves like Windows.
 */
import assert from "node:assert/strict";
import { bitnesses, expectCode, programFile, run } from "./acceptance-support.js";

for (const bits of bitnesses) {
    describe(`catalog functions of ws2_32.dll, ${bits}-bit`, function () {
        this.timeout(180_000);

        /** Runs a group of the program's assertions, and expects all to hold and the last line to say so. */
        async function group(name: string, atLeast: number): Promise<string> {
            const ended = await run(programFile(bits, "host_catalog"), [name]);
            const lines = ended.stdout.trimEnd().split(/\r?\n/);
            assert.deepEqual(lines.filter((line) => line.startsWith("not ok")), []);
            expectCode(ended, 0);
            const passed = lines.filter((line) => line.startsWith("ok ")).length;
            assert.equal(lines.at(-1), `${passed} passed, 0 failed`);
            if (!lines.some((line) => line.startsWith("skipped "))) {
                assert.ok(passed >= atLeast, `${passed} assertions ran, at least ${atLeast} expected`);
            }
            return ended.stdout;
        }

        it("give the documented results and errors, and leave the registry as they found it", async () => {
            await group("documented", bits === 64 ? 350 : 200);
        });

        it("refuse a damaged catalog without touching it, and undo a change that fails in the middle", async function () {
            if ((await group("damage", 200)).includes("skipped damage")) {
                this.skip();
            }
        });
    });
}
