// What a process without rights may do: the programs of this test are started by programs/restricted.cpp with
// Administrators for denying only, and with low integrity. Wine asks files and keys for no rights (this process's user may
// write all of them there), so what Windows itself has to refuse is asserted on Windows only.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { backup, readCatalog, watch } from "winsock-spi";
import { native } from "#lib/native.js";
import { applyPolicy } from "#lib/policy/apply.js";
import { clearPolicy } from "#lib/policy/store.js";
import { builds, nodes, project, skipIfUnchangeable } from "../support/windows.js";
import { cliFile, exportRegistry, lastJson, parameters, run, temporaryFolder } from "./acceptance-support.js";
import { dataFolder, withProvider } from "./watch-support.js";

const node = nodes["node"]!;
const restricted = path.join(builds[64], "programs", "restricted.exe");
const scenario = path.join(project, "test", "windows", "scenarios", "rights.mjs");

interface Outcome {
    readonly pid: number;
    readonly elevated: boolean;
    readonly network: string;
    readonly catalog: string;
    readonly watch?: string;
    readonly doctor?: string;
    readonly changes: Readonly<Record<string, string>>;
    readonly writes: Readonly<Record<string, string>>;
}

interface Facts {
    readonly changes?: readonly string[];
    readonly reads?: boolean;
    readonly files?: readonly string[];
    readonly folders?: readonly string[];
    readonly backup?: string;
}

async function asUser(kind: "user" | "low", facts: Facts): Promise<Outcome> {
    const all = { changes: [], reads: false, files: [], folders: [], key: parameters, ...facts };
    const { code, stdout } = await run(restricted, [kind, node, scenario, JSON.stringify(all)]);
    assert.equal(code, 0, stdout);
    return lastJson(stdout) as unknown as Outcome;
}

/** The catalog, and all files of ours but those that watchers and watched programs write: what refused changes leave. */
async function everything(): Promise<string> {
    const { programFiles, programData } = native().machine();
    const files = [programFiles, programData]
        .map((folder) => path.join(folder, "winsock-spi"))
        .filter((folder) => fs.existsSync(folder))
        .flatMap((folder) =>
            fs
                .readdirSync(folder, { recursive: true, withFileTypes: true })
                .filter((entry) => entry.isFile() && !/\.ring$|^(watch|control)\.bin$/.test(entry.name))
                .map((entry) => path.join(entry.parentPath, entry.name)),
        );
    const states = files.sort().map((file) => `${file} ${fs.statSync(file).size} ${fs.statSync(file).mtimeMs}`);
    return [await exportRegistry(), ...states].join("\n");
}

const refusedAll = (names: readonly string[]): Record<string, string> =>
    Object.fromEntries(names.map((name) => [name, "ERR_NOT_ELEVATED"]));

describe("rights: a user without any, before anything is installed", function () {
    this.timeout(180_000);
    before(function () {
        skipIfUnchangeable(this);
    });

    it("cannot install: ERR_NOT_ELEVATED, exit code 2, nothing half done", async () => {
        const found = await everything();
        const { code, stdout } = await run(restricted, ["user", node, cliFile, "install", "--yes", "--json"]);
        assert.equal(code, 2, stdout);
        assert.equal((JSON.parse(stdout) as { error: { code: string } }).error.code, "ERR_NOT_ELEVATED");
        assert.equal(await everything(), found);
    });
});

describe("rights: a user without any, beside the installed provider", function () {
    this.timeout(240_000);
    const saved = path.join(temporaryFolder(), "rights.json");
    before(async () => {
        await backup({ file: saved }); // without the provider, so that restoring it would be a change
    });
    withProvider();
    const changes = ["uninstall", "restore", "exclude", "applyPolicy", "clearPolicy", "onAsk"];
    const outcomes: Partial<Record<"user" | "low", Outcome>> = {};
    let found = "";
    let left = "";
    let entries = "";
    let written: string[] = [];

    before(async () => {
        await applyPolicy({ version: 1, default: { kind: "allow" }, rules: [] });
        const { programFiles } = native().machine();
        const policies = fs.readdirSync(dataFolder()).filter((name) => /^policy-\d+\.(bin|json)$/.test(name));
        assert.ok(policies.length >= 2, policies.join(" "));
        const files = ["control.bin", ...policies].map((name) => path.join(dataFolder(), name));
        const folders = ["", "backups"]
            .map((name) => path.join(dataFolder(), name))
            .concat(path.join(programFiles, "winsock-spi"));
        written = [...files, ...folders];
        const { protocols } = await readCatalog();
        entries = `${(protocols["64"] ?? protocols["32"])?.length} entries`;
        found = await everything();
        try {
            outcomes.user = await asUser("user", { changes, reads: true, files, folders, backup: saved });
            outcomes.low = await asUser("low", { changes, files, folders, backup: saved });
            left = await everything();
        } finally {
            await clearPolicy();
        }
    });

    for (const kind of ["user", "low"] as const) {
        const outcome = (): Outcome => outcomes[kind]!;

        it(`(${kind}) is not taken for an administrator, and every change is refused with ERR_NOT_ELEVATED`, () => {
            assert.equal(outcome().elevated, false);
            assert.deepEqual(outcome().changes, refusedAll(changes));
        });

        it(`(${kind}) reads the catalog, and has its network through the provider`, () => {
            assert.equal(outcome().catalog, entries);
            assert.equal(outcome().network, "hello");
        });

        it(`(${kind}) can write neither control.bin nor policies nor our folders nor the catalog`, function () {
            if (native().machine().wine) {
                console.log("      skipped: Wine asks files and keys for no rights");
                this.skip();
            }
            const refused = /^(EACCES|EPERM|refused)$/;
            const allowed = Object.entries(outcome().writes).filter(([, result]) => !refused.test(result));
            assert.deepEqual(allowed, []);
            assert.deepEqual(Object.keys(outcome().writes), [...written, parameters]);
        });
    }

    it("watches its own processes and asks the doctor, who finds no error", () => {
        assert.equal(outcomes.user?.watch, "seen");
        assert.equal(outcomes.user?.doctor, "no errors");
    });

    it("has changed nothing by all that", () => {
        assert.equal(left, found);
    });

    it("is seen by an administrator's watcher, or runs on without a ring at low integrity", async () => {
        const watched = watch({ signal: AbortSignal.timeout(60_000) });
        const seen = new Set<number>();
        const collecting = (async () => {
            for await (const { pid, call } of watched) {
                if (call !== "start") {
                    seen.add(pid);
                }
            }
        })();
        const user = await asUser("user", {});
        const low = await asUser("low", {});
        watched.stop();
        await collecting;
        assert.deepEqual([user.network, low.network], ["hello", "hello"]);
        assert.ok(seen.has(user.pid), [...seen].join(" "));
    });
});
