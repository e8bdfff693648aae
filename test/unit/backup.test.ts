import assert from "node:assert/strict";
import * as fs from "node:fs/promises";
import * as os from "node:os";
import * as path from "node:path";
import {
    automaticBackupName,
    detailsChecksum,
    newestFirst,
    parseBackup,
    readBackup,
    registryChecksum,
    writeBackup,
} from "#lib/catalog/backup.js";
import { planRestore } from "#lib/catalog/restore.js";
import { type RegistryTree, catalogOfRegistry, dword, dwordValue, keyAt } from "#lib/catalog/registry.js";
import { diff } from "#lib/catalog/diff.js";
import { WinsockError } from "#lib/errors.js";
import type { Catalog } from "#lib/catalog/model.js";
import type { Plan } from "#lib/plan/plan.js";
import { backupOf, binary, mutateText, registryOf } from "./backups.js";
import { Random, baseEntries, cases, entry, freshCatalog, newSeed } from "./catalogs.js";
import { codeOf } from "./code-of.js";

const sound = (): string => JSON.stringify(backupOf(freshCatalog()));

/**
 * The text of a sound backup after a change to its value; the checksum is made to fit unless it is what was changed.
 */
function changed(change: (value: Record<string, unknown>) => void, fixChecksum = true): string {
    const value = JSON.parse(sound()) as Record<string, unknown>;
    change(value);
    if (fixChecksum) {
        value["checksum"] = registryChecksum(value["registry"] as RegistryTree);
    }
    return JSON.stringify(value);
}

describe("parseBackup", () => {
    it("reads what was written, with or without a byte order mark", () => {
        assert.deepEqual(parseBackup(sound()), backupOf(freshCatalog()));
        assert.deepEqual(parseBackup(`\uFEFF${sound()}`), backupOf(freshCatalog()));
    });

    it("tells a damaged file from a foreign and a newer one", () => {
        assert.equal(
            codeOf(() => parseBackup("")),
            "ERR_BACKUP_CORRUPT",
        );
        assert.equal(
            codeOf(() => parseBackup("not JSON")),
            "ERR_BACKUP_CORRUPT",
        );
        assert.equal(
            codeOf(() => parseBackup("{}")),
            "ERR_BACKUP_FOREIGN",
        );
        assert.equal(
            codeOf(() => parseBackup("[1]")),
            "ERR_BACKUP_FOREIGN",
        );
        assert.equal(
            codeOf(() => parseBackup("null")),
            "ERR_BACKUP_FOREIGN",
        );
        assert.equal(
            codeOf(() => parseBackup('{"format":"something-else","version":1}')),
            "ERR_BACKUP_FOREIGN",
        );
        assert.equal(
            codeOf(() => parseBackup(changed((value) => (value["version"] = 2)))),
            "ERR_BACKUP_NEWER",
        );
        assert.equal(
            codeOf(() => parseBackup(changed((value) => (value["version"] = "1")))),
            "ERR_BACKUP_CORRUPT",
        );
        assert.equal(
            codeOf(() => parseBackup(changed((value) => (value["version"] = 0)))),
            "ERR_BACKUP_CORRUPT",
        );
    });

    it("refuses a file in which anything is missing or of a wrong shape", () => {
        for (const member of ["created", "machine", "registry", "decoded", "dlls", "checksum"]) {
            assert.equal(
                codeOf(() => parseBackup(changed((value) => delete value[member], false))),
                "ERR_BACKUP_CORRUPT",
                member,
            );
            assert.equal(
                codeOf(() => parseBackup(changed((value) => (value[member] = 7), false))),
                "ERR_BACKUP_CORRUPT",
                member,
            );
        }
        for (const registry of [
            { values: {} },
            { values: [], keys: {} },
            { values: { x: { type: "1", data: "" } }, keys: {} },
            { values: { x: { type: 1, data: "no base64!" } }, keys: {} },
            { values: { x: { type: 1 } }, keys: {} },
            { values: {}, keys: { x: null } },
            { values: {}, keys: {} }, // no catalog in it
        ]) {
            assert.equal(
                codeOf(() => parseBackup(changed((value) => (value["registry"] = registry)))),
                "ERR_BACKUP_CORRUPT",
                JSON.stringify(registry),
            );
        }
    });

    it("ends on keys nested deeper than the registry can be", () => {
        let tree: RegistryTree = { values: {}, keys: {} };
        for (let depth = 0; depth < 2000; ++depth) {
            tree = { values: {}, keys: { x: tree } };
        }
        assert.equal(
            codeOf(() => parseBackup(changed((value) => (value["registry"] = tree)))),
            "ERR_BACKUP_CORRUPT",
        );
    });

    it("refuses content that does not fit its checksum", () => {
        const text = changed((value) => (value["checksum"] = `sha256:${"0".repeat(64)}`), false);
        assert.throws(() => parseBackup(text, "C:\\b.json"), {
            code: "ERR_BACKUP_CORRUPT",
            message: /C:\\b\.json .*checksum/,
        });
    });

    it("refuses details that do not fit their checksum, and does not ask for one that a file does not have", () => {
        const sound = backupOf(freshCatalog());
        const sealed = { ...sound, detailsChecksum: detailsChecksum(sound) };
        assert.deepEqual(parseBackup(JSON.stringify(sealed)), sealed);
        const dlls = { "C:\\a.dll": { sha256: "00", size: 1 } };
        for (const change of [
            { created: "2026-11-22T00:00:00.000Z" },
            { dlls },
            { decoded: { protocols: {}, namespaces: {} } },
        ]) {
            const changedDetails = JSON.stringify({ ...sealed, ...change });
            assert.equal(
                codeOf(() => parseBackup(changedDetails)),
                "ERR_BACKUP_CORRUPT",
                JSON.stringify(change),
            );
        }
    });

    it("refuses details of a wrong shape, and text that would move the cursor", () => {
        for (const change of [
            { created: "yesterday" },
            { created: "\u001b[2J" },
            { dlls: { x: 1 } },
            { dlls: { x: { sha256: 1, size: 1 } } },
            { decoded: { protocols: { "64": 1 } } },
            { decoded: { protocols: { "64": [null] } } },
            { decoded: { categories: { "64": { x: "1" } } } },
            { machine: { computer: "\n", windows: "", arch: "", catalogs: [64, 32] } },
            { machine: { computer: "", windows: "", arch: "", catalogs: ["64"] } },
        ]) {
            const text = JSON.stringify({ ...backupOf(freshCatalog()), ...change });
            assert.equal(
                codeOf(() => parseBackup(text)),
                "ERR_BACKUP_CORRUPT",
                JSON.stringify(change),
            );
        }
    });

    it("keeps members of any name, also those that mean something to JavaScript", () => {
        const tree = JSON.stringify(registryOf(freshCatalog())).replace(
            '"values":{',
            '"values":{"__proto__":{"type":1,"data":""},',
        );
        const registry = JSON.parse(tree) as RegistryTree;
        const read = parseBackup(JSON.stringify(backupOf(freshCatalog(), registry)));
        assert.deepEqual(Object.keys(read.registry.values).includes("__proto__"), true);
        assert.equal(JSON.stringify(read.registry), tree);
    });

    const seed = newSeed();
    it(`takes a mutated file for damaged, foreign, newer or the same, nothing else (seed ${seed})`, function () {
        this.timeout(0);
        const random = new Random(seed);
        const text = sound();
        const expected = JSON.stringify(backupOf(freshCatalog()).registry);
        let refused = 0;
        for (let round = 0; round < cases(2000); ++round) {
            const mutated = mutateText(random, text, insertions);
            try {
                assert.equal(JSON.stringify(parseBackup(mutated).registry), expected);
            } catch (error) {
                assert.ok(error instanceof WinsockError, String(error));
                assert.match(error.code, /^ERR_BACKUP_(CORRUPT|FOREIGN|NEWER)$/);
                ++refused;
            }
        }
        assert.ok(refused > cases(2000) / 2, `only ${refused} mutations were refused`);
    });
});

const insertions = ['"', "{", "}", "null", "1e999", "\\u0000", ",", "[", "-"];

describe("backup files", () => {
    let folder: string;
    beforeEach(async () => {
        folder = await fs.mkdtemp(path.join(os.tmpdir(), "winsock-spi-backup-"));
    });
    afterEach(() => fs.rm(folder, { recursive: true }));

    it("are written whole, replace what was there, and leave nothing else behind", async () => {
        const file = path.join(folder, "b.json");
        await fs.writeFile(file, "old");
        await writeBackup(backupOf(freshCatalog()), file);
        assert.deepEqual(await readBackup(file), backupOf(freshCatalog()));
        assert.deepEqual(await fs.readdir(folder), ["b.json"]);
    });

    it("that cannot be written say so and leave nothing behind", async () => {
        const blocker = path.join(folder, "blocker");
        await fs.writeFile(blocker, "");
        await assert.rejects(writeBackup(backupOf(freshCatalog()), path.join(blocker, "b.json")), {
            code: "ERR_NOT_WRITABLE",
        });
        await fs.mkdir(path.join(folder, "taken"));
        await assert.rejects(writeBackup(backupOf(freshCatalog()), path.join(folder, "taken")), {
            code: "ERR_NOT_WRITABLE",
        });
        assert.deepEqual((await fs.readdir(folder)).sort(), ["blocker", "taken"]);
    });

    it("that are not there say so", async () => {
        await assert.rejects(readBackup(path.join(folder, "none.json")), {
            code: "ERR_FILE_NOT_FOUND",
            message: /none\.json/,
        });
    });

    it("taken automatically have names that sort by time", () => {
        const names = ["2026-01-02T03:04:05.006Z", "2026-01-02T03:04:05.007Z", "2027-01-01T00:00:00.000Z"].map((time) =>
            automaticBackupName(time),
        );
        assert.deepEqual(names, ["20260102T030405006Z.json", "20260102T030405007Z.json", "20270101T000000000Z.json"]);
        assert.equal(automaticBackupName("2026-01-02T03:04:05.006Z", 2), "20260102T030405006Z-2.json");
    });

    it("taken automatically are listed newest first, several of one millisecond in their order; others are not", () => {
        const order = [
            "20270101T000000000Z.json",
            "20260102T030405006Z-10.json",
            "20260102T030405006Z-2.json",
            "20260102T030405006Z.json",
            "20260102T030405005Z-3.json",
        ];
        assert.deepEqual(newestFirst([...order].sort()), order);
        const others = ["notes.json", "20260102T030405006Z.json.1234.tmp", "20260102T030405006Z-x.json", "2026.json"];
        assert.deepEqual(newestFirst([...others, ...order.slice(0, 1)]), order.slice(0, 1));
    });
});

/** What the executor makes of the registry: each written key becomes exactly the tree. */
function written(registry: RegistryTree, plan: Plan): RegistryTree {
    return plan.steps.reduce((now, step) => {
        assert.equal(step.do, "write-registry");
        return step.key === "" ? step.tree : { values: now.values, keys: { ...now.keys, [step.key]: step.tree } };
    }, registry);
}

const machine = { catalogs: [64, 32] as const };

describe("planRestore", () => {
    it("has no steps if only counters and access keys differ", () => {
        const live = registryOf(freshCatalog(), 77, 3000);
        const catalogKey = keyAt(live, "Protocol_Catalog9");
        assert.ok(catalogKey !== undefined);
        catalogKey.keys["0000004D"] = { values: {}, keys: {} };
        assert.deepEqual(planRestore(backupOf(freshCatalog()), { registry: live, machine }).steps, []);
    });

    it("writes only the catalog that differs, exactly as backed up, and counts on", () => {
        const more: Catalog = {
            ...freshCatalog(),
            protocols: { "64": [...baseEntries(), entry({ id: 1207 })], "32": baseEntries() },
        };
        const live = registryOf(more, 9, 1208);
        const plan = planRestore(backupOf(freshCatalog()), { registry: live, machine });
        assert.deepEqual(
            plan.steps.map((step) => step.do === "write-registry" && step.key),
            ["Protocol_Catalog9"],
        );
        const after = written(live, plan);
        assert.deepEqual(catalogOfRegistry(after), catalogOfRegistry(registryOf(freshCatalog())));
        assert.equal(dword(keyAt(after, "Protocol_Catalog9"), "Serial_Access_Num"), 10);
        assert.equal(dword(keyAt(after, "Protocol_Catalog9"), "Next_Catalog_Entry_ID"), 1208);
        assert.equal(dword(keyAt(after, "Protocol_Catalog9"), "Num_Catalog_Entries64"), 6);
    });

    it("keeps ids given since the backup from being given again, also if the live counters were set back", () => {
        const live = registryOf({ ...freshCatalog(), protocols: { "64": [], "32": [] } }, 2, 1001);
        const after = written(live, planRestore(backupOf(freshCatalog()), { registry: live, machine }));
        assert.equal(dword(keyAt(after, "Protocol_Catalog9"), "Serial_Access_Num"), 6);
        assert.equal(dword(keyAt(after, "Protocol_Catalog9"), "Next_Catalog_Entry_ID"), 1100);
    });

    it("takes away keys and values that the backup has not", () => {
        const live = registryOf(freshCatalog());
        live.keys["AppId_Catalog"] = { values: { x: dwordValue(1) }, keys: {} };
        live.values["AutodialDLL"] = binary(Uint8Array.of(1));
        const backup = backupOf(freshCatalog());
        const after = written(live, planRestore(backup, { registry: live, machine }));
        assert.ok(diff(backup, backupOf(freshCatalog(), after)).same);
        assert.deepEqual(Object.keys(after.keys), ["Protocol_Catalog9", "NameSpace_Catalog5"]);
    });

    it("carries no security descriptors", () => {
        const registry = { ...registryOf(freshCatalog()), security: "O:BA" };
        const live = registryOf({ ...freshCatalog(), namespaces: {} });
        const plan = planRestore(backupOf(freshCatalog(), registry), { registry: { ...live, values: {} }, machine });
        assert.equal(plan.steps.length, 1);
        assert.ok(!JSON.stringify(plan).includes("O:BA"));
    });

    it("refuses a backup of a machine with other catalogs", () => {
        const narrow: Catalog = { protocols: { "32": baseEntries() }, namespaces: { "32": [] } };
        const live = { registry: registryOf(freshCatalog()), machine };
        assert.equal(
            codeOf(() => planRestore(backupOf(narrow), live)),
            "ERR_BACKUP_BITNESS",
        );
        const narrowLive = { registry: registryOf(narrow), machine: { catalogs: [32] as const } };
        assert.equal(
            codeOf(() => planRestore(backupOf(freshCatalog()), narrowLive)),
            "ERR_BACKUP_BITNESS",
        );
        assert.equal(
            codeOf(() => planRestore(backupOf(narrow), narrowLive)),
            "no error",
        );
        const claims = {
            ...backupOf(freshCatalog()),
            machine: { ...backupOf(freshCatalog()).machine, catalogs: [32 as const] },
        };
        assert.equal(
            codeOf(() => planRestore(claims, live)),
            "ERR_BACKUP_BITNESS",
        );
    });

    it("works on a live registry that has lost a whole catalog", () => {
        const live: RegistryTree = { values: {}, keys: {} };
        const backup = backupOf(freshCatalog());
        const after = written(live, planRestore(backup, { registry: live, machine }));
        assert.ok(diff(backup, backupOf(freshCatalog(), after)).same);
    });

    const seed = newSeed();
    it(`brings any registry to exactly any backup, counters aside (seed ${seed})`, function () {
        this.timeout(0);
        const random = new Random(seed);
        for (let round = 0; round < cases(200); ++round) {
            const [wanted, live] = [randomRegistry(random), randomRegistry(random)];
            const backup = backupOf(freshCatalog(), wanted);
            const after = written(live, planRestore(backup, { registry: live, machine }));
            assert.ok(diff(backup, backupOf(freshCatalog(), after)).same);
            assert.deepEqual(
                planRestore(backup, { registry: after, machine }).steps,
                [],
                "restoring twice changes nothing",
            );
        }
    });
});

function randomRegistry(random: Random): RegistryTree {
    const some = (): ReturnType<typeof baseEntries> => baseEntries().filter(() => random.chance(80));
    const registry = registryOf(
        { protocols: { "64": some(), "32": some() }, namespaces: { "64": [], "32": [] } },
        random.below(100),
        1001 + random.below(500),
    );
    for (let extra = random.below(3); extra > 0; --extra) {
        registry.values[`value ${random.below(4)}`] = {
            type: random.below(12),
            data: Buffer.from(random.bytes(random.below(9))).toString("base64"),
        };
        const name = random.pick(["AppId_Catalog", "Winsock", "12345678"]);
        registry.keys[name] = {
            values: { x: dwordValue(random.below(3)) },
            keys: { [String(random.below(3))]: { values: {}, keys: {} } },
        };
    }
    return registry;
}
