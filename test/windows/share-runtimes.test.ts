// Sharing in other runtimes than Node.js: what works there, and a clear error for what cannot.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import * as path from "node:path";
import { text } from "node:stream/consumers";
import { pathToFileURL } from "node:url";
import { packageRoot } from "#lib/native.js";
import { bareProgram, programs, project } from "../support/windows.js";

describe("share runtimes: Bun", function () {
    this.timeout(60_000);

    it("shares raw sockets; its own sockets give no SOCKET, and the error says so", async function () {
        const bun = programs["bun"];
        if (bun?.file === undefined) {
            console.log(`      skipped: ${bun?.missing ?? "it was not looked for"}`);
            this.skip();
        }
        const script = path.join(project, "test", "windows", "scenarios", "share-runtime.mjs");
        const library = pathToFileURL(path.join(packageRoot, "dist", "index.js")).href;
        const program = spawn(bun.file, [script, library], { stdio: ["ignore", "pipe", "inherit"] });
        const [output, [code]] = await Promise.all([text(program.stdout), once(program, "close")]);
        assert.equal(code, 0);
        // mingw builds look for node.exe by that name; those of MSVC find whatever program loads them.
        const expected =
            bareProgram !== undefined
                ? { library: "ERR_NATIVE_LOAD" }
                : {
                      socketOf: "ERR_RUNTIME_UNSUPPORTED",
                      adoptSocket: "ERR_RUNTIME_UNSUPPORTED",
                      raw: "listening",
                      adopted: "listening",
                  };
        assert.deepEqual(JSON.parse(output), expected);
    });
});
