// Mutated backups through everything that reads them: the parser, the doctor, the comparison and both ways of restoring.
// Whatever is in the file, it ends with a result or a WinsockError, and what it gives is plain data.
import assert from "node:assert/strict";
import { type Backup, detailsChecksum, parseBackup, registryChecksum } from "#lib/catalog/backup.js";
import { diff, formatDiff } from "#lib/catalog/diff.js";
import type { Catalog } from "#lib/catalog/model.js";
import { type RegistryTree, catalogOfRegistry } from "#lib/catalog/registry.js";
import { planRestore } from "#lib/catalog/restore.js";
import { diagnose } from "#lib/doctor/diagnose.js";
import { WinsockError } from "#lib/errors.js";
import { formatPlan } from "#lib/plan/plan.js";
import { counts } from "../support/counts.js";
import { backupOf, registryOf, mutateText } from "./backups.js";
import { Random, baseEntries, newSeed, withStranger } from "./catalogs.js";

const guid = "{11111111-2222-3333-4444-555555550000}";

/** Small, so that many can be tried: a base entry, one above it, and what is beside them. */
function smallCatalog(): Catalog {
    const entries = withStranger(baseEntries().slice(0, 1), { firstId: 1020, guid, count: 1 });
    const namespace = {
        name: "@%SystemRoot%\\system32\\x.dll,-1",
        providerId: guid,
        path: "C:\\n.dll",
        namespace: 12,
        namespaceName: "NS_DNS",
        enabled: true,
        version: 0,
        storesServiceClassInfo: false,
    };
    const application = { key: "12345678", program: "C:\\p.exe", args: "", categories: 0x80000000, categoryNames: [] };
    return {
        protocols: { "64": entries, "32": baseEntries().slice(0, 1) },
        namespaces: { "64": [namespace], "32": [] },
        categories: { "64": { [guid]: 4 }, "32": {} },
        applications: [application],
    };
}

const other = backupOf(smallCatalog());
const target = {
    registry: registryOf(smallCatalog()),
    machine: { catalogs: [64, 32] as const },
    catalog: smallCatalog(),
};

/** What must not happen is any other error than one that says what is wrong. */
function expected(error: unknown): void {
    assert.ok(error instanceof WinsockError, error instanceof Error ? error.stack : String(error));
    assert.match(error.code, /^ERR_(BACKUP_(CORRUPT|FOREIGN|NEWER|BITNESS)|RESTORE_WAY)$/);
}

/** Parser and doctor, and with `further` diff and restore; whether the parser took it. */
function readEverywhere(text: string, further: boolean): boolean {
    let backup: Backup;
    try {
        backup = parseBackup(text, "the file");
    } catch (error) {
        expected(error);
        return false;
    }
    if (further) {
        formatDiff(diff(backup, other));
        for (const way of ["registry", "winsock"] as const) {
            try {
                const plan = planRestore(backup, target, { way });
                formatPlan(plan);
                assert.ok(JSON.stringify(plan).length > 0);
            } catch (error) {
                expected(error);
            }
        }
    }
    const catalog = catalogOfRegistry(backup.registry);
    const findings = diagnose({
        machine: { arch: "x64", catalogs: [64, 32], systemRoot: "C:\\Windows" },
        registry: backup.registry,
        catalog,
        winsock: {},
        files: {},
        trials: {},
        sensitivePrograms: [],
        programs: {},
    });
    assert.ok(findings.every(({ code, message }) => code.length > 0 && message.length > 0));
    return true;
}

const insertions = ['"', "{", "}", "null", "1e999", "\\u0000", ",", "[", "-", "{}", "[]", '"__proto__":{},'];

/** Every key of a tree, it among them. */
function keysOf(tree: RegistryTree): RegistryTree[] {
    return [tree, ...Object.values(tree.keys).flatMap(keysOf)];
}

const numbers = [0, 1, 2, 7, 8, 255, 1001, 1020, 1021, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff];

/** Changes what is in the registry tree, which stays one: raw items above all. */
function mutateTree(random: Random, tree: RegistryTree): void {
    const key = random.pick(keysOf(tree));
    const [values, keys] = [Object.keys(key.values), Object.keys(key.keys)];
    switch (random.below(6)) {
        case 0:
            if (keys.length > 0) {
                delete key.keys[random.pick(keys)];
            }
            return;
        case 1:
            if (keys.length > 0) {
                // again, or elsewhere
                const name = random.pick([...keys, "000000000001", "zzz", "__proto__", "FFFFFFFF", ""]);
                Object.defineProperty(key.keys, name, {
                    value: structuredClone(key.keys[random.pick(keys)]),
                    enumerable: true,
                    configurable: true,
                    writable: true,
                });
            }
            return;
        case 2:
            if (values.length > 0) {
                delete key.values[random.pick(values)];
            }
            return;
        default: {
            const value = values.length === 0 ? undefined : key.values[random.pick(values)];
            if (value === undefined) {
                return;
            }
            const bytes = Buffer.from(value.data, "base64");
            if (random.chance(10)) {
                value.type = random.below(13);
            } else if (random.chance(11)) {
                value.data = bytes.subarray(0, random.below(bytes.length + 1)).toString("base64");
            } else if (bytes.length >= 4) {
                for (let times = 1 + random.below(3); times > 0; --times) {
                    if (random.chance(50)) {
                        // numbers where numbers are
                        const last = Math.floor(Math.min(bytes.length, 376) / 4) - 1;
                        bytes.writeUInt32LE(random.pick(numbers), 4 * random.below(last + 1));
                    } else {
                        bytes[random.below(bytes.length)] = random.below(256);
                    }
                }
                value.data = bytes.toString("base64");
            }
        }
    }
}

describe("mutated backups", () => {
    const seed = newSeed();

    it(`${counts.mutatedBackups} of them: parser, doctor, diff and restore end as they should (seed ${seed})`, function () {
        this.timeout(0);
        const random = new Random(seed);
        const sound = backupOf(smallCatalog());
        const text = JSON.stringify({ ...sound, detailsChecksum: detailsChecksum(sound) });
        assert.ok(readEverywhere(text, true), "without a mutation it is read");
        let taken = 0;
        for (let round = 0; round < counts.mutatedBackups; ++round) {
            const further = round % 5 === 0;
            if (random.chance(40)) {
                taken += readEverywhere(mutateText(random, text, insertions), further) ? 1 : 0;
                continue;
            }
            const { registry } = JSON.parse(text) as Backup;
            for (let times = 1 + random.below(4); times > 0; --times) {
                mutateTree(random, registry);
            }
            const mutated = JSON.stringify({ ...sound, registry, checksum: registryChecksum(registry) });
            taken += readEverywhere(mutated, further) ? 1 : 0;
        }
        console.log(`      ${counts.mutatedBackups} mutated backups, ${taken} taken`);
        assert.ok(taken > counts.mutatedBackups / 4, `only ${taken} got past the parser`);
    });
});
