import assert from "node:assert/strict";
import type { Catalog, CatalogEntry, CatalogName } from "#lib/catalog/model.js";
import { decodeProtocolInfo } from "#lib/catalog/protocol-info.js";
import { diff } from "#lib/catalog/diff.js";
import { WinsockError } from "#lib/errors.js";
import { formatPlan, type Plan, type Step } from "#lib/plan/plan.js";
import { hiddenEntryGuid, isOurGuid, layeredEntryGuid } from "#lib/provider/identity.js";
import {
    type InstallPlanOptions,
    type ProviderFiles,
    coverableEntries,
    planInstall,
} from "#lib/provider/plan-install.js";
import { chainWithout } from "#lib/provider/plan-remove.js";
import { planUninstall } from "#lib/provider/plan-uninstall.js";
import { counts } from "../support/counts.js";
import { Random, baseEntries, entry, freshCatalog, newSeed, withStranger } from "./catalogs.js";
import { type SimulatedMachine, danglingChains, machineOf, simulate } from "./simulate.js";
import { codeOf } from "./code-of.js";

const filesOf = (folder: string): ProviderFiles => ({
    provider: { from: `Z:\\package\\${folder}\\winsock_spi_lsp.dll`, sha256: "11".repeat(32) },
    rescue: { from: `Z:\\package\\${folder}\\winsock-spi-rescue.exe`, sha256: "22".repeat(32) },
});

const options: InstallPlanOptions = {
    files: { "64": filesOf("win32-x64"), "32": filesOf("win32-ia32") },
    version: "0.1.0",
    programFiles: "C:\\Program Files",
    programData: "C:\\ProgramData",
};

const strangerGuid = "{11111111-2222-3333-4444-555555550000}";
const otherGuid = "{99999999-2222-3333-4444-555555550000}";

function stepsOf<Kind extends Step["do"]>(plan: Plan, kind: Kind): Extract<Step, { do: Kind }>[] {
    return plan.steps.filter((step): step is Extract<Step, { do: Kind }> => step.do === kind);
}

function execute(catalog: Catalog, plan: Plan): Catalog {
    const machine = machineOf(catalog);
    simulate(machine, plan, (now, step) => assert.deepEqual(danglingChains(now.catalog), [], step.text));
    return machine.catalog;
}

const protocolsOf = (catalog: Catalog, bits: CatalogName): CatalogEntry[] => catalog.protocols[bits] ?? [];

describe("planInstall", () => {
    it("adds per catalog a hidden entry and a layered entry over each of the six base entries, layered first", () => {
        const before = freshCatalog();
        const after = execute(before, planInstall(before, options));
        for (const bits of ["64", "32"] as const) {
            const entries = protocolsOf(after, bits);
            assert.equal(entries.length, 13);
            const hidden = entries.at(-1);
            assert.equal(hidden?.kind, "hidden");
            assert.equal(hidden.name, "winsock-spi");
            assert.equal(hidden.providerId, hiddenEntryGuid);
            assert.equal(hidden.providerFlags, 4);
            assert.ok(hidden.ifs);
            assert.deepEqual(entries.slice(6, 12), before.protocols[bits]);
            for (const [index, base] of protocolsOf(before, bits).entries()) {
                const layered = entries[index];
                assert.equal(layered?.name, `winsock-spi over [${base.name}]`);
                assert.deepEqual(layered.chain, [hidden.id, base.id]);
                assert.equal(layered.providerId, layeredEntryGuid(base.family, base.socketType, base.protocol));
                assert.equal(
                    layered.path,
                    `C:\\Program Files\\winsock-spi\\0.1.0\\${bits === "64" ? "x64" : "x86"}\\winsock_spi_lsp.dll`,
                );
                for (const field of [
                    "family",
                    "socketType",
                    "protocol",
                    "flags",
                    "providerFlags",
                    "version",
                    "messageSize",
                ] as const) {
                    assert.equal(layered[field], base[field], field);
                }
            }
        }
    });

    it("works catalog by catalog, the order being the one step that switches, and tries it at the end", () => {
        const plan = planInstall(freshCatalog(), options);
        assert.deepEqual(
            plan.steps.map((step) => ("catalog" in step ? `${step.do} ${step.catalog}` : step.do)),
            [
                "make-folder",
                "make-folder",
                "copy-file",
                "copy-file",
                "make-folder",
                "copy-file",
                "copy-file",
                "make-folder",
                "make-folder",
                "make-control",
                ...Array<string>(7).fill("install-provider 64"),
                "write-order 64",
                ...Array<string>(7).fill("install-provider 32"),
                "write-order 32",
                "probe",
            ],
        );
        assert.equal(plan.onFailure, "undo");
        assert.equal(plan.helpers?.["32"], "C:\\Program Files\\winsock-spi\\0.1.0\\x86\\winsock-spi-rescue.exe");
        assert.deepEqual(stepsOf(plan, "probe")[0]?.programs, plan.helpers);
        assert.ok(plan.steps.every((step) => step.text.length > 0));
        assert.equal(formatPlan(plan).split("\n").length, plan.steps.length + 1);
    });

    it("leaves the ids of chain and entry in the info to the executor", () => {
        for (const step of stepsOf(planInstall(freshCatalog(), options), "install-provider")) {
            const info = decodeProtocolInfo(Buffer.from(step.info, "base64"));
            assert.equal(info.catalogEntryId, 0);
            assert.equal(info.chainLength, 0);
            assert.deepEqual(info.chainEntries, [0, 0, 0, 0, 0, 0, 0]);
            assert.equal(info.providerId, step.providerId);
        }
    });

    it("knows a machine that has only the 32-bit catalog", () => {
        const catalog: Catalog = { protocols: { "32": baseEntries() }, namespaces: { "32": [] } };
        const plan = planInstall(catalog, { ...options, files: { "32": filesOf("win32-ia32") }, arch: "ia32" });
        assert.deepEqual(Object.keys(plan.helpers ?? {}), ["32"]);
        assert.equal(protocolsOf(execute(catalog, plan), "32").length, 13);
        // Files for a catalog that is not there change nothing.
        assert.deepEqual(planInstall(catalog, { ...options, arch: "ia32" }).steps, plan.steps);
    });

    it("takes the machine's own architecture for the 64-bit catalog", () => {
        const plan = planInstall(freshCatalog(), { ...options, arch: "arm64" });
        assert.equal(plan.helpers?.["64"], "C:\\Program Files\\winsock-spi\\0.1.0\\arm64\\winsock-spi-rescue.exe");
        assert.equal(plan.helpers["32"], "C:\\Program Files\\winsock-spi\\0.1.0\\x86\\winsock-spi-rescue.exe");
    });

    it("goes above the topmost provider of each protocol and keeps the whole chain below", () => {
        const catalog = freshCatalog();
        catalog.protocols["64"] = withStranger(baseEntries(), { firstId: 1020, count: 2, guid: strangerGuid });
        const after = protocolsOf(execute(catalog, planInstall(catalog, options)), "64");
        const layered = after.filter((one) => isOurGuid(one.providerId) && one.kind === "layered");
        const chains = layered.map((one) => one.chain.slice(1));
        assert.deepEqual(chains, [[1021, 1001], [1022, 1002], [1003], [1004], [1005], [1006]]);
    });

    it("covers the first base entry of a triplet only", () => {
        const second = entry({ id: 1050, name: "second TCP", providerId: otherGuid });
        const entries = [...baseEntries(), second];
        assert.deepEqual(
            coverableEntries(entries).map((one) => one.id),
            [1001, 1002, 1003, 1004, 1005, 1006],
        );
        assert.deepEqual(
            coverableEntries([second, ...baseEntries()]).map((one) => one.id),
            [1050, 1002, 1003, 1004, 1005, 1006],
        );
    });

    it("leaves protocols other than TCP, UDP and RAW over IP alone", () => {
        const others = [
            entry({ id: 1060, name: "Hyper-V RAW", family: 34, socketType: 1, protocol: 1 }),
            entry({ id: 1061, name: "RFCOMM", family: 32, socketType: 1, protocol: 3 }),
        ];
        assert.deepEqual(coverableEntries(others), []);
        const catalog: Catalog = { protocols: { "64": others }, namespaces: {} };
        assert.equal(
            codeOf(() => planInstall(catalog, options)),
            "ERR_NOTHING_TO_COVER",
        );
    });

    it("covers what --over names, in the catalog where it is", () => {
        const catalog = freshCatalog();
        catalog.protocols["32"] = baseEntries(1011);
        const plan = planInstall(catalog, { ...options, over: [1001, 1015] });
        const after = execute(catalog, plan);
        const over = (bits: CatalogName): number[][] =>
            protocolsOf(after, bits)
                .filter((one) => isOurGuid(one.providerId) && one.kind === "layered")
                .map((one) => one.chain.slice(1));
        assert.deepEqual(over("64"), [[1001]]);
        assert.deepEqual(over("32"), [[1015]]);
        const one = planInstall(catalog, { ...options, over: [1001] });
        assert.ok(!one.steps.some((step) => "catalog" in step && step.catalog === 32));
    });

    it("refuses a catalog id that is nowhere, or that cannot be covered, and says which can", () => {
        assert.equal(
            codeOf(() => planInstall(freshCatalog(), { ...options, over: [4711] })),
            "ERR_UNKNOWN_CATALOG_ID",
        );
        assert.equal(
            codeOf(() => planInstall(freshCatalog(), { ...options, over: [1001, 4711] })),
            "ERR_UNKNOWN_CATALOG_ID",
        );
        const catalog = freshCatalog();
        catalog.protocols["64"] = withStranger(baseEntries(), { firstId: 1020, guid: strangerGuid });
        assert.throws(() => planInstall(catalog, { ...options, over: [1021] }), {
            code: "ERR_UNKNOWN_CATALOG_ID",
            message: /1001, 1002, 1003, 1004, 1005, 1006/,
        });
    });

    it("refuses a chain that is full, and one that it would overfill only with one entry more", () => {
        const chainOf = (length: number): Catalog => {
            const catalog = freshCatalog();
            const deep = (base: number): number[] => [1020, ...Array.from({ length: length - 2 }, () => 1020), base];
            catalog.protocols["64"] = withStranger(baseEntries(), {
                firstId: 1020,
                count: 1,
                guid: strangerGuid,
                chain: deep,
            });
            return catalog;
        };
        assert.equal(
            codeOf(() => planInstall(chainOf(7), options)),
            "ERR_CHAIN_FULL",
        );
        const plan = planInstall(chainOf(6), options);
        const longest = Math.max(...stepsOf(plan, "install-provider").map((step) => step.chain.length));
        assert.equal(longest, 7);
        // What is not covered need not have room.
        assert.equal(
            codeOf(() => planInstall(chainOf(7), { ...options, over: [1002] })),
            "no error",
        );
    });

    it("refuses to install twice, also if only one catalog has us", () => {
        const catalog = execute(freshCatalog(), planInstall(freshCatalog(), options));
        assert.equal(
            codeOf(() => planInstall(catalog, options)),
            "ERR_ALREADY_INSTALLED",
        );
        const half: Catalog = { ...catalog, protocols: { "64": baseEntries(), "32": protocolsOf(catalog, "32") } };
        assert.equal(
            codeOf(() => planInstall(half, options)),
            "ERR_ALREADY_INSTALLED",
        );
    });

    it("refuses a name above 255 units and cuts what it makes of a long one", () => {
        assert.equal(
            codeOf(() => planInstall(freshCatalog(), { ...options, name: "n".repeat(256) })),
            "ERR_NAME_TOO_LONG",
        );
        assert.equal(
            codeOf(() => planInstall(freshCatalog(), { ...options, name: "n".repeat(300) })),
            "ERR_NAME_TOO_LONG",
        );
        const name = "\u00e4".repeat(255);
        const after = protocolsOf(execute(freshCatalog(), planInstall(freshCatalog(), { ...options, name })), "64");
        assert.equal(after.at(-1)?.name, name);
        assert.equal(after[0]?.name, name);
        assert.throws(() => planInstall(freshCatalog(), { ...options, name: "" }), TypeError);
    });

    it("refuses a path above 259 characters, whether it is made or given", () => {
        const rest = "\\winsock-spi\\0.1.0\\x64\\winsock_spi_lsp.dll".length;
        const programFiles = (length: number): string => `C:\\${"p".repeat(length - 3 - rest)}`;
        assert.equal(
            codeOf(() => planInstall(freshCatalog(), { ...options, programFiles: programFiles(259) })),
            "no error",
        );
        assert.equal(
            codeOf(() => planInstall(freshCatalog(), { ...options, programFiles: programFiles(260) })),
            "ERR_PATH_TOO_LONG",
        );
        const given = { ...filesOf("x"), provider: { path: `C:\\${"d".repeat(257)}` } };
        assert.equal(
            codeOf(() => planInstall(freshCatalog(), { ...options, files: { "64": given } })),
            "ERR_PATH_TOO_LONG",
        );
    });

    it("registers a given DLL where it is and copies none for that catalog", () => {
        const given = { ...filesOf("win32-x64"), provider: { path: "D:\\build\\my.dll" } };
        const plan = planInstall(freshCatalog(), { ...options, files: { "64": given } });
        assert.ok(
            stepsOf(plan, "install-provider").every((step) => step.path === "D:\\build\\my.dll" && step.catalog === 64),
        );
        assert.deepEqual(
            stepsOf(plan, "copy-file").map((step) => step.to.split("\\").at(-1)),
            ["winsock-spi-rescue.exe"],
        );
    });

    it("treats a wrong option as misuse", () => {
        assert.throws(() => planInstall(freshCatalog(), { ...options, naem: "x" } as InstallPlanOptions), TypeError);
        assert.throws(() => planInstall(freshCatalog(), { ...options, over: [1.5] }), TypeError);
        assert.throws(() => planInstall(freshCatalog(), { ...options, over: [] }), TypeError);
        assert.throws(() => planInstall(freshCatalog(), { ...options, files: {} }), TypeError);
        const rewrite = "no" as unknown as boolean;
        assert.throws(() => planInstall(freshCatalog(), { ...options, rewrite }), TypeError);
    });
});

describe("planUninstall", () => {
    it("takes out exactly what planInstall put in", () => {
        const before = freshCatalog();
        const installed = execute(before, planInstall(before, options));
        const plan = planUninstall(installed, { files: ["C:\\x.dll"], folders: ["C:\\x"], trees: ["C:\\rings"] });
        assert.deepEqual(execute(installed, plan), before);
        assert.equal(plan.onFailure, "finish");
        assert.deepEqual(
            plan.steps.slice(-3).map((step) => [step.do, "contents" in step]),
            [
                ["delete-file", false],
                ["delete-folder", false],
                ["delete-folder", true],
            ],
        );
    });

    it("knows our entries by GUID, whatever their names and paths are", () => {
        const catalog = freshCatalog();
        const renamed = {
            ...options,
            name: "Something else",
            files: { "64": { ...filesOf("x"), provider: { path: "Q:\\a.dll" } } },
        };
        const installed = execute(catalog, planInstall(catalog, renamed));
        assert.deepEqual(execute(installed, planUninstall(installed)), catalog);
    });

    it("takes out a half installation: only the hidden entry, only one layered entry, only one catalog", () => {
        const installed = execute(freshCatalog(), planInstall(freshCatalog(), options));
        const ours = protocolsOf(installed, "64").filter((one) => isOurGuid(one.providerId));
        for (const left of ours) {
            const catalog: Catalog = {
                protocols: { "64": [...baseEntries(), left], "32": baseEntries() },
                namespaces: {},
            };
            const machine = machineOf(catalog);
            simulate(machine, planUninstall(catalog), () => undefined);
            assert.deepEqual(machine.catalog.protocols, { "64": baseEntries(), "32": baseEntries() });
        }
    });

    it("refuses where there is nothing to take out", () => {
        assert.equal(
            codeOf(() => planUninstall(freshCatalog())),
            "ERR_NOT_INSTALLED",
        );
        assert.equal(
            codeOf(() => planUninstall(freshCatalog(), { leftovers: true })),
            "ERR_NOT_INSTALLED",
        );
        assert.throws(() => planUninstall(freshCatalog(), { files: ["C:\\left.dll"] }), {
            code: "ERR_NOT_INSTALLED",
            message: /--leftovers/,
        });
        const plan = planUninstall(freshCatalog(), { files: ["C:\\left.dll"], leftovers: true });
        assert.deepEqual(
            plan.steps.map((step) => step.do),
            ["delete-file"],
        );
        assert.throws(() => planUninstall(freshCatalog(), { file: [] } as object), TypeError);
    });

    it("leads the chains of a provider above us past us before our entries go", () => {
        const installed = execute(freshCatalog(), planInstall(freshCatalog(), options));
        const tcp = protocolsOf(installed, "64")[0];
        const hidden = protocolsOf(installed, "64").at(-1);
        assert.ok(tcp !== undefined && hidden !== undefined);
        // One that names our layered entry, as our own rule would, and one that names our hidden entry, as Microsoft's
        // sample does.
        for (const [chain, expected] of [
            [
                [2000, tcp.id, 1001],
                [2000, 1001],
            ],
            [
                [2000, hidden.id, 1001],
                [2000, 1001],
            ],
            [
                [2000, tcp.id],
                [2000, 1001],
            ],
        ] as const) {
            const above = [
                entry({ id: 2001, name: "above", providerId: strangerGuid, chain }),
                ...protocolsOf(installed, "64"),
                entry({ id: 2000, name: "above", providerId: otherGuid, chain: [] }),
            ];
            const catalog: Catalog = { ...installed, protocols: { ...installed.protocols, "64": above } };
            const plan = planUninstall(catalog);
            assert.equal(plan.steps[0]?.do, "update-provider");
            const after = protocolsOf(execute(catalog, plan), "64");
            assert.deepEqual(
                after.map((one) => one.id),
                [2001, 1001, 1002, 1003, 1004, 1005, 1006, 2000],
            );
            assert.deepEqual(after[0]?.chain, expected);
            assert.equal(after[0].name, "above");
        }
    });

    it("a chain without us keeps everything else in its order", () => {
        const ours = new Map([
            [5, entry({ id: 5, chain: [9, 1], providerId: hiddenEntryGuid })],
            [9, entry({ id: 9, chain: [] })],
        ]);
        assert.deepEqual(chainWithout([7, 5, 1], ours), [7, 1]);
        assert.deepEqual(chainWithout([7, 9, 8, 1], ours), [7, 8, 1]);
        assert.deepEqual(chainWithout([7, 5], ours), [7, 1]);
        assert.deepEqual(chainWithout([7, 1], ours), [7, 1]);
    });
});

describe("plans on random catalogs", () => {
    const rounds = counts.catalogs;
    const seed = newSeed();

    it(`install, strangers above, uninstall: all else is as it was, no chain ever dangles (seed ${seed})`, function () {
        this.timeout(0);
        const random = new Random(seed);
        let planned = 0;
        for (let round = 0; round < rounds; ++round) {
            const before = randomCatalog(random);
            const some = random.chance(30) ? pickSome(random, before) : [];
            const over = some.length > 0 ? some : undefined;
            let plan: Plan;
            try {
                plan = planInstall(before, { ...options, ...(over === undefined ? {} : { over }) });
            } catch (error) {
                assert.ok(error instanceof WinsockError, String(error));
                assert.match(error.code, /^ERR_(CHAIN_FULL|NOTHING_TO_COVER|UNKNOWN_CATALOG_ID)$/);
                continue;
            }
            ++planned;
            assert.deepEqual(JSON.parse(JSON.stringify(plan)), plan);
            const machine = machineOf(before);
            const sound = (now: SimulatedMachine, step: Step): void =>
                assert.deepEqual(danglingChains(now.catalog), [], step.text);
            simulate(machine, plan, sound);
            checkInstalled(before, machine.catalog, plan);
            const others = random.chance(50) ? addAbove(random, machine) : new Map<CatalogName, CatalogEntry[]>();
            simulate(machine, planUninstall(machine.catalog), sound);
            for (const [bits, added] of others) {
                for (const one of added.filter((other) => other.kind === "layered")) {
                    const now = protocolsOf(machine.catalog, bits).find((other) => other.id === one.id);
                    assert.ok(now !== undefined && now.chain.length >= 2);
                    assert.equal(now.chain.at(-1), lastBelow(before, bits, one));
                }
                const ids = new Set(added.map((one) => one.id));
                machine.catalog.protocols[bits] = protocolsOf(machine.catalog, bits).filter((one) => !ids.has(one.id));
            }
            assert.deepEqual(machine.catalog, before);
            assert.ok(diff(before, machine.catalog).same);
        }
        assert.ok(planned > rounds / 4, `only ${planned} catalogs could be planned for`);
    });
});

/** Bases in random number and order, other families among them, and up to three strangers on top of each other. */
function randomCatalog(random: Random): Catalog {
    const catalog: Catalog = { protocols: {}, namespaces: {} };
    for (const bits of random.chance(80) ? (["64", "32"] as const) : (["32"] as const)) {
        let entries = shuffled(random, baseEntries(1001 + random.below(40))).slice(random.below(3));
        for (let extra = random.below(3); extra > 0; --extra) {
            const id = 1100 + random.below(1000) * 3 + extra;
            entries.splice(
                random.below(entries.length + 1),
                0,
                entry({ id, family: random.pick([2, 23, 32, 34]), providerId: random.guid() }),
            );
        }
        for (let strangers = random.below(4); strangers > 0; --strangers) {
            entries = randomStranger(random, entries);
        }
        catalog.protocols[bits] = entries;
        catalog.namespaces[bits] = [];
    }
    return catalog;
}

function shuffled<T>(random: Random, list: readonly T[]): T[] {
    const result = [...list];
    for (let index = result.length - 1; index > 0; --index) {
        const other = random.below(index + 1);
        const [a, b] = [result[index], result[other]];
        if (a !== undefined && b !== undefined) {
            result[index] = b;
            result[other] = a;
        }
    }
    return result;
}

/**
 * One more IFS provider above what is topmost of some triplets; sometimes with a needlessly long chain.
 */
function randomStranger(random: Random, entries: readonly CatalogEntry[]): CatalogEntry[] {
    const hidden = Math.max(...entries.map((one) => one.id)) + 1 + random.below(5);
    const guid = random.guid();
    const tops = entries.filter(
        (one) =>
            one.kind !== "hidden" &&
            entries.find((other) => other.kind !== "hidden" && sameTriplet(other, one)) === one,
    );
    const layered = tops
        .filter(() => random.chance(70))
        .map((top, index) => {
            const below = top.kind === "base" ? [top.id] : [top.id, ...top.chain.slice(1)];
            const padding = random.chance(10) ? Array<number>(4).fill(hidden) : [];
            return entry({
                id: hidden + 1 + index,
                name: `stranger over ${top.id}`,
                providerId: random.guid(),
                chain: [hidden, ...padding, ...below].slice(-7),
                family: top.family,
                socketType: top.socketType,
                protocol: top.protocol,
                flags: 0x20066,
            });
        });
    return [
        ...layered,
        ...entries,
        entry({ id: hidden, providerId: guid, chain: [], providerFlags: 4, name: "stranger" }),
    ];
}

function sameTriplet(a: CatalogEntry, b: CatalogEntry): boolean {
    return a.family === b.family && a.socketType === b.socketType && a.protocol === b.protocol;
}

function pickSome(random: Random, catalog: Catalog): number[] {
    const coverable = Object.values(catalog.protocols).flatMap((entries) => coverableEntries(entries));
    return coverable
        .filter(() => random.chance(50))
        .map((one) => one.id)
        .concat(random.chance(10) ? [9_999_999] : []);
}

function checkInstalled(before: Catalog, after: Catalog, plan: Plan): void {
    for (const bits of ["64", "32"] as const) {
        const entries = protocolsOf(after, bits);
        const ours = entries.filter((one) => isOurGuid(one.providerId));
        assert.deepEqual(
            entries.filter((one) => !isOurGuid(one.providerId)),
            protocolsOf(before, bits),
        );
        const layered = ours.filter((one) => one.kind === "layered");
        const hidden = ours.filter((one) => one.kind === "hidden");
        assert.equal(hidden.length, layered.length > 0 ? 1 : 0);
        assert.deepEqual(entries.slice(0, layered.length), layered, "ours come first");
        for (const one of layered) {
            assert.equal(one.chain[0], hidden[0]?.id);
            assert.ok(one.chain.length >= 2 && one.chain.length <= 7);
            const base = entries.find((other) => other.id === one.chain.at(-1));
            assert.equal(base?.kind, "base");
            assert.ok(sameTriplet(base, one));
        }
        const installs = stepsOf(plan, "install-provider").filter((step) => String(step.catalog) === bits);
        assert.equal(installs.length, ours.length);
    }
}

/** Another provider installs itself above ours, naming our layered or our hidden entries. */
function addAbove(random: Random, machine: SimulatedMachine): Map<CatalogName, CatalogEntry[]> {
    const result = new Map<CatalogName, CatalogEntry[]>();
    for (const bits of ["64", "32"] as const) {
        const entries = machine.catalog.protocols[bits];
        if (entries === undefined) {
            continue;
        }
        const hidden = (machine.nextId[bits] ?? 0) + 10;
        const tops = entries.filter(
            (one) => isOurGuid(one.providerId) && one.kind === "layered" && one.chain.length < 7,
        );
        const added = tops.map((top, index) => {
            const below = random.chance(50) ? [top.id, ...top.chain.slice(1)] : top.chain;
            return entry({
                id: hidden + 1 + index,
                name: `above ${top.id}`,
                providerId: random.guid(),
                chain: [hidden, ...below],
                family: top.family,
                socketType: top.socketType,
                protocol: top.protocol,
            });
        });
        added.push(entry({ id: hidden, name: "above", providerId: random.guid(), chain: [] }));
        machine.catalog.protocols[bits] = [...added, ...entries];
        machine.nextId[bits] = hidden + 20;
        result.set(bits, added);
    }
    return result;
}

function lastBelow(before: Catalog, bits: CatalogName, one: CatalogEntry): number | undefined {
    return protocolsOf(before, bits).find((other) => other.kind === "base" && sameTriplet(other, one))?.id;
}
