/**
 * The provider DLL by itself, in both bitnesses: a C++ program plays Winsock to it, with the machine's real base
 * providers below and with a lower provider that misbehaves on demand. Nothing is installed for it.
 */
import assert from "node:assert/strict";
import * as path from "node:path";
import { bitnesses, expectCode, programFile, project, run } from "./acceptance-support.js";

/** Behaviours that the program checks; fewer means that a part of it did not run. */
const behaviours = 21;

for (const bits of bitnesses) {
    describe(`the provider DLL keeps to the rules of WSPStartup and the 30 functions, ${bits}-bit`, function () {
        this.timeout(120_000);

        it("startup, versions, chains, sockets, options, extension functions, bad pointers, a bad lower provider", async () => {
            const folder = bits === 64 ? "win32-x64" : "win32-ia32";
            const dll = path.join(project, "prebuilds", folder, "winsock_spi_lsp.dll");
            const ended = await run(programFile(bits, "lsp_loader"), [dll]);
            const lines = ended.stdout.trimEnd().split(/\r?\n/);
            assert.deepEqual(
                lines.filter((line) => line.startsWith("not ok") || line.startsWith("#")),
                [],
            );
            expectCode(ended, 0);
            assert.equal(lines.filter((line) => line.startsWith("ok ")).length, behaviours);
        });
    });
}
