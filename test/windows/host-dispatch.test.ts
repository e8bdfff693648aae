/**
 * How ws2_32.dll goes between programs and providers, by a C++ program and a strange provider of its own, in both
 * bitnesses. Under Wine this is the test of our host side.
 */
import assert from "node:assert/strict";
import { skipIfUnchangeable } from "../support/windows.js";
import { bitnesses, expectCode, programFile, providerFile, run } from "./acceptance-support.js";

/** Assertions that the program makes at least; fewer means that a part of it did not run. */
const assertions = 537;

for (const bits of bitnesses) {
    describe(`programs and providers meet in ws2_32.dll, ${bits}-bit`, function () {
        this.timeout(180_000);

        before(function () {
            skipIfUnchangeable(this);
        });

        it("as documented: loading, ownership of handles, upcalls, errors, threads", async () => {
            const strange = (of: 32 | 64): string => providerFile(of, "host_strange.dll");
            const ended = await run(programFile(bits, "host_dispatch"), [
                strange(bits),
                strange(bits === 64 ? 32 : 64),
            ]);
            const lines = ended.stdout.trimEnd().split(/\r?\n/);
            assert.deepEqual(
                lines.filter((line) => line.startsWith("not ok")),
                [],
            );
            expectCode(ended, 0);
            const passed = lines.filter((line) => line.startsWith("ok ")).length;
            assert.equal(lines.at(-1), `${passed} passed, 0 failed`);
            assert.ok(passed >= assertions, `${passed} assertions ran, at least ${assertions} expected`);
        });
    });
}
