// The diagnosis and the repair plan, on made-up facts: what cannot be planted on a machine, and properties of all.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { parseBackup } from "#lib/catalog/backup.js";
import type { Catalog, CatalogEntry } from "#lib/catalog/model.js";
import type { RegistryTree } from "#lib/catalog/registry.js";
import { diagnose } from "#lib/doctor/diagnose.js";
import type { Facts } from "#lib/doctor/facts.js";
import { type Finding, type FindingCode, findingCodes } from "#lib/doctor/findings.js";
import { formatFindings } from "#lib/doctor/format.js";
import { planRepair } from "#lib/doctor/plan-repair.js";
import { packageRoot } from "#lib/native.js";
import { counts } from "../support/counts.js";
import { plantedInFacts } from "../support/doctor-plants.js";
import { backupOf } from "./backups.js";
import { Random, baseEntries, cases, entry, freshCatalog, newSeed, withStranger } from "./catalogs.js";
import { randomCatalog } from "./catalogs-random.js";
import { factsOf } from "./doctor-facts.js";
import { machineOf, simulate, unloadable } from "./simulate.js";

const strangerGuid = "{11111111-2222-3333-4444-555555550000}";

function withStrangers(): Catalog {
    const catalog = freshCatalog();
    for (const bits of ["64", "32"] as const) {
        catalog.protocols[bits] = withStranger(catalog.protocols[bits] ?? [], { firstId: 2001, guid: strangerGuid });
    }
    return catalog;
}

const serious = (facts: Facts): string[] =>
    diagnose(facts)
        .filter(({ severity }) => severity !== "info")
        .map(({ code, message }) => `${code}: ${message}`);

function replaceBases(facts: Facts): void {
    for (const one of facts.catalog.protocols["64"]!.filter(({ kind }) => kind === "base")) {
        one.path = one.resolvedPath = "C:\\Program Files\\winsock-spi\\1.0.0\\x64\\winsock_spi_lsp.dll";
    }
}

describe("diagnose", () => {
    it("finds nothing in a fresh Windows, and nothing that matters with somebody else's provider", () => {
        assert.deepEqual(diagnose(factsOf(freshCatalog())), []);
        assert.deepEqual(serious(factsOf(withStrangers())), []);
    });

    const faults: Record<(typeof plantedInFacts)[number], (facts: Facts) => void> = {
        "catalog-missing": (facts) => {
            facts.registry.keys["Protocol_Catalog9"]!.keys["Catalog_Entries"]!.keys = {};
            facts.catalog.protocols["32"] = [];
        },
        "winsock-differs": (facts) => (facts.winsock["64"] = { ids: [1001, 1002] }),
        "operation-unfinished": (facts) => (facts.pending = "install"),
        "base-replaced": replaceBases,
        "base-replaced-lost": replaceBases,
        "change-unconfirmed": (facts) =>
            (facts.unconfirmed = { operation: "install", until: "2026-11-21T21:00:00.000Z" }),
        "dll-altered": (facts) => {
            facts.files["C:\\Stranger\\s.dll"]!.signature = {
                by: "embedded",
                trusted: false,
                altered: true,
                error: 0x80096010,
                signer: "Somebody",
            };
        },
        "not-tried": (facts) =>
            (facts.trials["32"] = { fault: "there is no program for it", libraries: {}, sockets: {} }),
        "winsock-start": (facts) => (facts.trials["64"]!.winsock = { error: 10091 }),
        "namespace-windows": (facts) => {
            facts.catalog.namespaces["64"] = [
                {
                    name: "NTDS",
                    providerId: "{3B2637EE-E580-11CF-A555-00C04FD8D4AC}",
                    path: "winrnr.dll",
                    resolvedPath: "C:\\x.dll",
                    namespace: 32,
                    namespaceName: "NS_NTDS",
                    enabled: true,
                    version: 0,
                    storesServiceClassInfo: false,
                },
            ];
            facts.files["C:\\x.dll"] = { fault: "missing" };
        },
    };
    for (const code of plantedInFacts) {
        it(`finds ${code}`, () => {
            const facts = factsOf(withStrangers());
            faults[code](facts);
            const found = diagnose(facts).filter((finding) => finding.code === code);
            assert.ok(found.length > 0);
            assert.ok(found.every(({ severity }) => severity === findingCodes[code][0]));
            assert.match(formatFindings(found), new RegExp(`${code}[^]*Found: [12] `));
        });
    }

    it("has a planted fault for every code, uses every code, and documents every code", () => {
        const read = (...name: string[]): string => fs.readFileSync(path.join(packageRoot, ...name), "utf8");
        const checks = fs
            .readdirSync(path.join(packageRoot, "lib", "doctor"))
            .filter((name) => name.startsWith("checks-"))
            .map((name) => read("lib", "doctor", name))
            .join("\n");
        const plants = read("test", "windows", "doctor-faults.test.ts") + read("test", "support", "doctor-plants.ts");
        const documents = read("docs", "doctor.md");
        const codes = Object.keys(findingCodes);
        assert.ok(codes.length >= 40);
        for (const code of codes) {
            assert.ok(checks.includes(`"${code}"`), `no check finds ${code}`);
            assert.ok(plants.includes(`"${code}"`) || plants.includes(`    ${code}: `), `${code} is never planted`);
            assert.ok(documents.includes(`\`${code}\``), `docs/doctor.md does not have ${code}`);
        }
        for (const code of checks.matchAll(/(?:add\(|code: |return )"([a-z]+(?:-[a-z]+)+)"/g)) {
            assert.ok(codes.includes(code[1]!), `${code[1]} is not in the table`);
        }
    });

    it("says in plain words what a missing DLL does, to whom, and what a chain of somebody else becomes", () => {
        const catalog = withStrangers();
        catalog.protocols["64"] = withStranger(
            catalog.protocols["64"]!.filter(({ kind }) => kind === "base"),
            {
                firstId: 2001,
                guid: strangerGuid,
            },
        );
        catalog.protocols["64"].unshift(
            entry({
                id: 3001,
                name: "Above",
                providerId: "{22222222-2222-3333-4444-555555550001}",
                path: "C:\\Above\\a.dll",
                chain: [3000, 2002, 1001],
            }),
        );
        catalog.protocols["64"].push(
            entry({
                id: 3000,
                name: "Above",
                providerId: "{22222222-2222-3333-4444-555555550000}",
                path: "C:\\Above\\a.dll",
                chain: [],
                providerFlags: 4,
            }),
        );
        const facts = factsOf(catalog);
        facts.files["C:\\Stranger\\s.dll"] = { fault: "missing" };
        const findings = diagnose(facts);
        const missing = findings.find(({ code }) => code === "dll-missing")!;
        assert.equal(missing.severity, "error");
        assert.equal(missing.provider?.name, "Stranger");
        assert.deepEqual(missing.provider.path, "C:\\Stranger\\s.dll");
        assert.match(
            missing.consequence,
            /^Every new 64-bit program gets WSAEPROVIDERFAILEDINIT \(10106\) .*TCP\/IPv4/,
        );
        const plan = planRepair(facts, findings);
        const update = plan.steps.find((step) => step.do === "update-provider")!;
        assert.deepEqual(update.do === "update-provider" && [update.id, update.chain], [3001, [3000, 1001]]);
        assert.ok(
            plan.steps.every((step) => !("catalog" in step) || step.catalog === 64),
            "the other bitness is left alone",
        );
    });
});

/** Damages a catalog in ways that a repair is safe for; what it did. */
function damage(random: Random, facts: Facts): void {
    for (const bits of ["64", "32"] as const) {
        const entries = facts.catalog.protocols[bits] ?? [];
        for (const one of entries.filter(({ kind }) => kind === "layered" && random.chance(30))) {
            const [own = 0, ...rest] = one.chain;
            const kind = random.below(3);
            const chain =
                kind === 0
                    ? [own, 777_777, ...rest]
                    : kind === 1
                      ? [own, ...rest.slice(0, -1), 777_778]
                      : [own, own, ...rest];
            one.chain = chain.slice(0, 7);
        }
        if (random.chance(30)) {
            const victim = entries.filter(({ kind }) => kind === "layered")[0];
            if (victim !== undefined) {
                facts.files[victim.resolvedPath ?? ""] = { fault: "missing" };
            }
        }
    }
}

describe("planRepair on random damage", () => {
    const seed = newSeed();

    it(`mends what is safe, leaves the others alone, worsens nothing on the way, and is done then (seed ${seed})`, function () {
        this.timeout(0);
        const random = new Random(seed);
        let repaired = 0;
        for (let round = 0; round < cases(150); ++round) {
            const healthy = randomCatalog(random);
            const facts = factsOf(healthy);
            damage(random, facts);
            // What is in the registry is what is in the catalog.
            const rebuilt = factsOf(facts.catalog);
            const damaged: Facts = { ...rebuilt, files: { ...rebuilt.files, ...missingOf(facts) } };
            const findings = diagnose(damaged);
            const plan = planRepair(damaged, findings);
            assert.deepEqual(JSON.parse(JSON.stringify(plan)), plan, "a plan is plain data");
            const machine = machineOf(damaged.catalog);
            const before = new Set(unloadable(damaged.catalog));
            simulate(machine, plan, ({ catalog }, step) => {
                const worse = unloadable(catalog).filter((fault) => !before.has(fault));
                assert.deepEqual(worse, [], `round ${round}: ${step.text}`);
            });
            const touched = new Set(
                findings.filter(({ repair }) => repair?.safe === true).map(({ catalog }) => catalog),
            );
            for (const bits of ["64", "32"] as const) {
                if (!touched.has(bits) && !touched.has(undefined)) {
                    assert.deepEqual(
                        withoutPaths(machine.catalog.protocols[bits]),
                        withoutPaths(damaged.catalog.protocols[bits]),
                    );
                }
            }
            const after = factsOf(machine.catalog);
            const left = diagnose({ ...after, files: { ...after.files, ...missingOf(damaged) } });
            const again = planRepair({ ...after, files: { ...after.files, ...missingOf(damaged) } }, left);
            assert.deepEqual(
                again.steps.map(({ text }) => text),
                [],
                `round ${round}: nothing is left to be done`,
            );
            repaired += plan.steps.length;
        }
        assert.ok(repaired > 50, `only ${repaired} steps`);
    });
});

const missingOf = ({ files }: Facts): Facts["files"] =>
    Object.fromEntries(Object.entries(files).filter(([, { fault }]) => fault !== undefined));
const withoutPaths = (entries: readonly CatalogEntry[] = []): unknown[] =>
    entries.map(({ resolvedPath: _, ...one }) => one);

describe("doctor: hostile input", () => {
    const seed = newSeed();

    it(`diagnoses and plans whatever it is given, without failing (${counts.doctorInputs} inputs, seed ${seed})`, function () {
        this.timeout(0);
        const random = new Random(seed);
        const codes = new Set<FindingCode>();
        let facts = factsOf(withStrangers());
        let mutant = facts;
        for (let round = 0; round < counts.doctorInputs; ++round) {
            if (round % 50 === 0) {
                facts = factsOf(random.chance(50) ? withStrangers() : randomCatalog(random));
            }
            if (round % 8 === 0) {
                mutant = structuredClone(facts); // seven more inputs are this one, mutated further
            }
            mutate(random, mutant);
            let findings: Finding[];
            try {
                findings = diagnose(mutant);
                planRepair(mutant, findings);
            } catch (error) {
                throw new Error(`round ${round} of seed ${seed}`, { cause: error });
            }
            findings.forEach(({ code }) => codes.add(code));
            assert.ok(findings.length < 5000);
        }
        assert.ok(codes.size > 20, `only ${[...codes].join(", ")}`);
    });

    it("bounds what it says of a catalog of rubbish", function () {
        this.timeout(60_000);
        const bases = baseEntries();
        const rubbish = Array.from({ length: 2000 }, (_, index) =>
            entry({
                id: 5000 + index,
                name: `x${index}`,
                chain: [4, 7],
                providerId: strangerGuid,
                path: `C:\\${index}.dll`,
            }),
        );
        const findings = diagnose(
            factsOf({ protocols: { "64": [...bases, ...rubbish], "32": bases }, namespaces: {} }),
        );
        assert.ok(findings.length < 1000, `${findings.length}`);
    });

    it("diagnoses the registry of a backup", () => {
        const backup = parseBackup(JSON.stringify(backupOf(withStrangers())));
        assert.ok(Array.isArray(diagnose({ ...factsOf(freshCatalog()), registry: backup.registry })));
    });
});

/** Turns a few members of the registry, the catalog and the rest into something else. */
function mutate(random: Random, copy: Facts): void {
    for (let times = 1 + random.below(4); times > 0; --times) {
        switch (random.below(5)) {
            case 0:
                mutateTree(random, copy.registry);
                break;
            case 1:
                mutateEntry(
                    random,
                    random.pick([...(copy.catalog.protocols["64"] ?? []), ...(copy.catalog.protocols["32"] ?? [])]),
                );
                break;
            case 2:
                mutateRecord(random, random.pick(Object.values(copy.files)) as Record<string, unknown>);
                break;
            case 3: {
                const trial = random.pick(Object.values(copy.trials));
                mutateRecord(random, random.pick([...Object.values(trial.sockets), ...Object.values(trial.libraries)]));
                break;
            }
            default:
                copy.winsock = { "64": { code: "WSANO_RECOVERY", message: "" }, "32": { ids: [random.below(5000)] } };
        }
    }
}

function mutateTree(random: Random, tree: RegistryTree): void {
    const names = Object.keys(tree.keys);
    if (names.length > 0 && random.chance(80)) {
        const name = random.pick(names);
        if (random.chance(10)) {
            delete tree.keys[name];
        } else if (random.chance(5)) {
            tree.keys[random.pick(["__proto__x", "000000000003", "", "zz"])] = tree.keys[name]!;
        } else {
            mutateTree(random, tree.keys[name]!);
        }
        return;
    }
    const values = Object.keys(tree.values);
    if (values.length === 0) {
        tree.values[random.pick(["PackedCatalogItem", "Num_Catalog_Entries", "ProviderId"])] = {
            type: 3,
            data: "AAAA",
        };
        return;
    }
    const value = tree.values[random.pick(values)]!;
    const bytes = Buffer.from(value.data, "base64");
    if (random.chance(70) && bytes.byteLength > 0) {
        for (let times = 1 + random.below(4); times > 0; --times) {
            const word =
                random.chance(50) && bytes.byteLength > 300
                    ? 260 + 4 * random.below(29)
                    : random.below(bytes.byteLength);
            bytes[Math.min(word, bytes.byteLength - 1)] = random.below(256);
        }
        value.data = bytes.toString("base64");
    } else {
        value.data = Buffer.from(random.bytes(random.below(1000))).toString("base64");
        value.type = random.below(12);
    }
}

function mutateEntry(random: Random, one: CatalogEntry): void {
    const number = random.pick([0, 1, 7, 1001, 2001, 0xffff_ffff, random.below(3000)]);
    switch (random.below(6)) {
        case 0:
            one.id = number;
            break;
        case 1:
            one.chain = Array.from({ length: random.below(8) }, () => random.pick([one.id, 1001, 2001, 2002, number]));
            break;
        case 2:
            one.kind = random.pick(["base", "layered", "hidden"]);
            break;
        case 3:
            one.path = one.resolvedPath = random.pick(["", "x.dll", "\\\\?\\x", "%X%\\y.dll", "C:\\".repeat(90)]);
            break;
        case 4:
            one.family = number;
            break;
        default:
            one.providerId = random.pick(["", strangerGuid, "{__proto__}", "__proto__"]);
    }
}

function mutateRecord(random: Random, record: Record<string, unknown>): void {
    const names = Object.keys(record);
    const name = names.length > 0 ? random.pick(names) : "error";
    switch (random.below(4)) {
        case 0:
            delete record[name];
            break;
        case 1:
            record["fault"] = random.pick(["missing", { message: "no" }]);
            break;
        case 2:
            record["error"] = random.pick([10104, 10105, 10106, 126, 10047]);
            break;
        default:
            record[random.pick(["crashed", "hung"])] = random.below(100_000);
    }
}
