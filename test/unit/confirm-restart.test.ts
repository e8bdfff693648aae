// A machine that is turned off while a change waits to be confirmed, or is being made, comes back as it was before. On
// Linux the machine is a Wine prefix of this test's own, and turning it off is ending its wineserver.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { pathToFileURL } from "node:url";
import { packageRoot } from "#lib/native.js";

interface Command {
    file: string;
    args: string[];
    env: NodeJS.ProcessEnv;
}
interface Scripts {
    setup(options: { nodes: string[] }): Promise<unknown>;
    copyTemplate(to: string): void;
    endPrefix(environment: unknown, prefix: string): Promise<void>;
    relayed(options: object): Command;
    nodePath(name: string): string;
    native(file: string): string;
}

async function scripts(): Promise<Scripts> {
    const names = ["setup", "prefix", "wine", "nodes", "run-windows"];
    const files = names.map((name) => pathToFileURL(path.join(packageRoot, "scripts", `${name}.mjs`)).href);
    const modules = await Promise.all(files.map((file) => import(file) as Promise<object>));
    return Object.assign({}, ...modules) as Scripts;
}

describe("confirm: a machine that is turned off", function () {
    this.timeout(600_000);
    const prefix = path.join(packageRoot, ".cache", `confirm-restart-${process.pid}`);
    const data = path.join(prefix, "drive_c", "ProgramData", "winsock-spi");
    let tools: Scripts;
    let environment: unknown;

    before(async function () {
        if (process.platform !== "linux") {
            console.log(
                "      skipped: a test does not restart Windows; docs/windows-checks.md says how to see it there",
            );
            this.skip();
        }
        tools = await scripts();
        environment = await tools.setup({ nodes: ["node"] });
        tools.copyTemplate(prefix);
    });
    after(async () => {
        if (environment !== undefined) {
            await tools.endPrefix(environment, prefix);
            fs.rmSync(prefix, { recursive: true, force: true });
        }
    });

    /** Runs the CLI in the prefix; `until` sees what it has printed on stderr and may end the waiting. */
    function cli(
        args: readonly string[],
        until: (errors: string) => boolean = () => false,
    ): Promise<{ code: number | null; stdout: string; stderr: string }> {
        const {
            file,
            args: words,
            env,
        } = tools.relayed({
            environment,
            prefix,
            folder: packageRoot,
            variables: {},
            program: tools.native(tools.nodePath("node")),
            args: [tools.native(path.join(packageRoot, "dist", "cli", "main.js")), ...args],
        });
        return new Promise((resolve, reject) => {
            const child = spawn(file, words, { cwd: packageRoot, env, stdio: ["ignore", "pipe", "pipe"] });
            let [stdout, stderr] = ["", ""];
            child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
            child.stderr.setEncoding("utf8").on("data", (text: string) => {
                stderr += text;
                if (until(stderr)) {
                    resolve({ code: null, stdout, stderr });
                }
            });
            child.on("error", reject);
            child.on("close", (code) => resolve({ code, stdout, stderr }));
        });
    }

    async function catalog(): Promise<unknown> {
        const { code, stdout, stderr } = await cli(["catalog", "--json"]);
        assert.equal(code, 0, stderr);
        return JSON.parse(stdout);
    }

    /** The machine is turned on by the first program; its services begin beside that. */
    async function expectAsBefore(before: unknown): Promise<void> {
        const end = Date.now() + 120_000;
        for (;;) {
            await catalog();
            if (!fs.existsSync(path.join(data, "journal.json"))) {
                break;
            }
            assert.ok(Date.now() < end, "the guard undoes the change at boot");
        }
        assert.deepEqual(await catalog(), before);
    }

    it("is as before though a change waited for another hour to be confirmed", async () => {
        const before = await catalog();
        const { code, stderr } = await cli(["install", "--yes", "--json", "--confirm-within", "1h"]);
        assert.equal(code, 0, stderr);
        assert.ok(fs.existsSync(path.join(data, "journal.json")), "it waits");
        await tools.endPrefix(environment, prefix);
        assert.ok(fs.existsSync(path.join(data, "journal.json")), "and is turned off while it does");
        await expectAsBefore(before);
    });

    it("is as before though it was turned off in the middle of a change", async () => {
        const before = await catalog();
        await cli(["install", "--yes", "--json", "--confirm-within", "1h"], (errors) => errors.includes("[20/"));
        await tools.endPrefix(environment, prefix);
        assert.ok(fs.existsSync(path.join(data, "journal.json")), "in the middle");
        await expectAsBefore(before);
    });
});
