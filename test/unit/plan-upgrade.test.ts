// Upgrades as plans: which version becomes which, what stays, what is added, what is cleaned away.
import assert from "node:assert/strict";
import type { Catalog, CatalogEntry, CatalogName } from "#lib/catalog/model.js";
import type { Plan, Step } from "#lib/plan/plan.js";
import { hiddenEntryGuid, isOurGuid } from "#lib/provider/identity.js";
import type { InstalledFolder } from "#lib/provider/installed.js";
import { type InstallPlanOptions, type ProviderFiles, planInstall } from "#lib/provider/plan-install.js";
import { type UpgradePlanOptions, planUpgrade } from "#lib/provider/plan-upgrade.js";
import { compareVersions, versionOfDll } from "#lib/provider/versions.js";
import { Random, baseEntries, cases, freshCatalog, newSeed, withStranger } from "./catalogs.js";
import { danglingChains, machineOf, simulate } from "./simulate.js";
import { codeOf } from "./code-of.js";

const programs = "C:\\Program Files\\winsock-spi";
const architectures = { "64": "x64", "32": "x86" } as const;
const catalogNames = ["64", "32"] as const;

/** The files of a package; `content` stands for what is in them. */
function filesOf(content: string): Record<CatalogName, ProviderFiles> {
    const sha256 = Buffer.from(content.padEnd(32)).toString("hex");
    const of = (folder: string): ProviderFiles => ({
        provider: { from: `Z:\\${content}\\${folder}\\winsock_spi_lsp.dll`, sha256 },
        rescue: { from: `Z:\\${content}\\${folder}\\winsock-spi-rescue.exe`, sha256 },
    });
    return { "64": of("win32-x64"), "32": of("win32-ia32") };
}

function installOptions(version: string, content = version): InstallPlanOptions {
    return { files: filesOf(content), version, programFiles: "C:\\Program Files", programData: "C:\\ProgramData" };
}

/** What an installation of these files leaves on the disk. */
function onDisk(folder: string, content: string): InstalledFolder {
    const sha256 = Buffer.from(content.padEnd(32)).toString("hex");
    const folders = Object.values(architectures).map((name) => `${programs}\\${folder}\\${name}`);
    const names = ["winsock_spi_lsp.dll", "winsock-spi-rescue.exe"];
    const files = folders.flatMap((inside) => names.map((name) => ({ path: `${inside}\\${name}`, sha256 })));
    return { path: `${programs}\\${folder}`, folders, files };
}

function upgradeOptions(
    version: string,
    found: readonly InstalledFolder[],
    more: Partial<UpgradePlanOptions> = {},
): UpgradePlanOptions {
    return { ...installOptions(version), found, ...more };
}

function execute(catalog: Catalog, plan: Plan): Catalog {
    const machine = machineOf(catalog);
    simulate(machine, plan, (now, step) => assert.deepEqual(danglingChains(now.catalog), [], step.text));
    return machine.catalog;
}

const installed = (version = "0.1.0", catalog = freshCatalog()): Catalog =>
    execute(catalog, planInstall(catalog, installOptions(version)));

const protocolsOf = (catalog: Catalog, bits: CatalogName): CatalogEntry[] => catalog.protocols[bits] ?? [];

function stepsOf<Kind extends Step["do"]>(plan: Plan, kind: Kind): Extract<Step, { do: Kind }>[] {
    return plan.steps.filter((step): step is Extract<Step, { do: Kind }> => step.do === kind);
}

/** Everything but the path of our entries. */
function besidesPath(catalog: Catalog): unknown {
    return catalogNames.map((bits) =>
        protocolsOf(catalog, bits).map((entry) => (isOurGuid(entry.providerId) ? { ...entry, path: "" } : entry)),
    );
}

function expectPaths(catalog: Catalog, folder: string): void {
    for (const bits of catalogNames) {
        for (const entry of protocolsOf(catalog, bits).filter(({ providerId }) => isOurGuid(providerId))) {
            assert.equal(entry.path, `${programs}\\${folder}\\${architectures[bits]}\\winsock_spi_lsp.dll`);
        }
    }
}

describe("planUpgrade", () => {
    for (const [what, from, to] of [
        ["Upgrade", "0.1.0", "0.2.0"],
        ["Downgrade", "0.2.0", "0.1.0"],
        ["Upgrade", "1.9.0", "1.10.0"],
    ] as const) {
        it(`${what} ${from} to ${to}: path by path, everything else stays`, () => {
            const before = installed(from);
            const plan = planUpgrade(before, upgradeOptions(to, [onDisk(from, from)]));
            assert.equal(plan.text, `${what} winsock-spi ${from} to ${to} in the 64- and the 32-bit catalog`);
            assert.deepEqual(plan.versions, { from: [from], to: [to] });
            assert.deepEqual([plan.operation, plan.onFailure], ["upgrade", "undo"]);
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
                    ...Array<string>(7).fill("update-provider 64"),
                    ...Array<string>(7).fill("update-provider 32"),
                    "probe",
                    ...Array<string>(4).fill("delete-file"),
                    ...Array<string>(3).fill("delete-folder"),
                ],
            );
            assert.equal(plan.helpers?.["32"], `${programs}\\${to}\\x86\\winsock-spi-rescue.exe`);
            const after = execute(before, plan);
            assert.deepEqual(besidesPath(after), besidesPath(before));
            expectPaths(after, to);
            for (const step of stepsOf(plan, "delete-file")) {
                assert.ok(step.path.startsWith(`${programs}\\${from}\\`) && step.unused === true, step.text);
            }
            assert.ok(stepsOf(plan, "delete-folder").every(({ contents }) => contents === undefined));
        });
    }

    it("leaves chains of strangers through ours as they are, in whatever order they came", () => {
        const seed = newSeed();
        const random = new Random(seed);
        for (let round = 0; round < cases(30); round++) {
            let catalog = installed("0.1.0");
            for (const bits of catalogNames.filter(() => random.chance(70))) {
                const entries = protocolsOf(catalog, bits);
                const top = entries.filter(({ kind }) => kind !== "hidden");
                const chain = (id: number): number[] => {
                    const ours = top.find((entry) => entry.kind === "layered" && entry.chain.at(-1) === id);
                    return ours === undefined ? [5000, id] : [5000, ours.id, ...ours.chain.slice(1)];
                };
                const guid = "{11111111-2222-3333-4444-555555550000}";
                const strange = withStranger(entries, { firstId: 5000, guid, count: 1 + random.below(6), chain });
                for (let swap = 0; swap < random.below(5); swap++) {
                    const [one, two] = [random.below(strange.length), random.below(strange.length)];
                    [strange[one], strange[two]] = [strange[two]!, strange[one]!];
                }
                catalog = { ...catalog, protocols: { ...catalog.protocols, [bits]: strange } };
            }
            const plan = planUpgrade(catalog, upgradeOptions("0.2.0", [onDisk("0.1.0", "0.1.0")]));
            const after = execute(catalog, plan);
            assert.deepEqual(besidesPath(after), besidesPath(catalog), `seed ${seed}`);
            expectPaths(after, "0.2.0");
        }
    });

    /** A stranger whose layer is not IFS over TCP and UDP, in both catalogs. */
    function underNonIfs(bases: CatalogEntry[]): Catalog {
        const guid = "{11111111-2222-3333-4444-555555550000}";
        const entries = withStranger(bases, { firstId: 5000, guid, count: 2, flags: 0x66 });
        return { protocols: { "64": entries, "32": structuredClone(entries) }, namespaces: {} };
    }

    it("leaves the chains alone that the installation has led through ours", () => {
        const before = installed("0.1.0", underNonIfs(baseEntries()));
        const stranger = protocolsOf(before, "64").find(({ id }) => id === 5001);
        assert.equal(stranger?.chain.length, 3, "through ours");
        const after = execute(before, planUpgrade(before, upgradeOptions("0.2.0", [onDisk("0.1.0", "0.1.0")])));
        assert.deepEqual(besidesPath(after), besidesPath(before));
        expectPaths(after, "0.2.0");
    });

    it("covers a protocol that came later below a layer that is not IFS, or with rewrite: false leaves it out", () => {
        const bases = { "64": baseEntries().slice(2), "32": baseEntries() };
        const before = installed("0.1.0", { protocols: bases, namespaces: {} });
        const [, stranger] = underNonIfs(baseEntries().slice(0, 2)).protocols["64"]!;
        before.protocols["64"]?.unshift(...underNonIfs(baseEntries().slice(0, 2)).protocols["64"]!);
        const files = { "64": filesOf("0.2.0")["64"] };
        const found = [onDisk("0.1.0", "0.1.0")];
        const after = execute(before, planUpgrade(before, upgradeOptions("0.2.0", found, { files })));
        const chain = protocolsOf(after, "64").find(({ id }) => id === stranger!.id)?.chain ?? [];
        const ours = protocolsOf(after, "64").find(({ id }) => id === chain[1]);
        assert.ok(ours !== undefined && isOurGuid(ours.providerId) && chain.length === 3, chain.join());
        const plan = planUpgrade(before, upgradeOptions("0.2.0", found, { files, rewrite: false }));
        assert.match(plan.text, /Not covered in the 64-bit catalog: 1001, 1002/);
    });

    it("with the same version and the same files there is nothing to do, and it says so", () => {
        const found = [onDisk("0.1.0", "0.1.0")];
        const upgrade = (): unknown => planUpgrade(installed(), upgradeOptions("0.1.0", found));
        assert.equal(codeOf(upgrade), "ERR_ALREADY_INSTALLED");
    });

    it("puts files back that are gone", () => {
        const plan = planUpgrade(installed(), upgradeOptions("0.1.0", []));
        assert.match(plan.text, /^Put the files of winsock-spi 0\.1\.0 back/);
        assert.deepEqual([stepsOf(plan, "copy-file").length, stepsOf(plan, "update-provider").length], [4, 0]);
    });

    it("gives another build of the same version a folder of its own, and goes back and forth between them", () => {
        const found = [onDisk("0.1.0", "0.1.0")];
        const before = installed();
        const plan = planUpgrade(before, { ...upgradeOptions("0.1.0", found), files: filesOf("rebuilt") });
        assert.match(plan.text, /^Replace winsock-spi 0\.1\.0 by another build of it/);
        const after = execute(before, plan);
        const folder = /winsock-spi\\(0\.1\.0\+[0-9a-f]{8})\\/.exec(protocolsOf(after, "64")[0]?.path ?? "")?.[1];
        assert.ok(folder !== undefined);
        expectPaths(after, folder);
        assert.ok(stepsOf(plan, "delete-file").every(({ path }) => path.startsWith(`${programs}\\0.1.0\\`)));
        const both = [...found, onDisk(folder, "rebuilt")];
        const again = { ...upgradeOptions("0.1.0", both), files: filesOf("rebuilt") };
        assert.equal(
            codeOf(() => planUpgrade(after, again)),
            "ERR_ALREADY_INSTALLED",
        );
        expectPaths(execute(after, planUpgrade(after, upgradeOptions("0.1.0", both))), "0.1.0");
    });

    it("keeps names, and changes them all when asked", () => {
        const catalog = freshCatalog();
        const before = execute(catalog, planInstall(catalog, { ...installOptions("0.1.0"), name: "Watcher" }));
        const found = [onDisk("0.1.0", "0.1.0")];
        const names = (options: UpgradePlanOptions): string[] =>
            protocolsOf(execute(before, planUpgrade(before, options)), "64").map(({ name }) => name);
        assert.deepEqual(
            names(upgradeOptions("0.2.0", found)),
            protocolsOf(before, "64").map(({ name }) => name),
        );
        const renamed = names(upgradeOptions("0.1.0", found, { name: "New" }));
        assert.deepEqual([renamed[0], renamed.at(-1)], ["New over [MSAFD Tcpip [TCP/IP]]", "New"]);
        const long = upgradeOptions("0.2.0", found, { name: "n".repeat(256) });
        assert.equal(
            codeOf(() => planUpgrade(before, long)),
            "ERR_NAME_TOO_LONG",
        );
    });

    it("installs into the catalog that has no entry of ours", () => {
        const whole = installed();
        const half: Catalog = { ...whole, protocols: { "64": protocolsOf(whole, "64"), "32": baseEntries() } };
        const after = execute(half, planUpgrade(half, upgradeOptions("0.2.0", [onDisk("0.1.0", "0.1.0")])));
        expectPaths(after, "0.2.0");
        assert.equal(protocolsOf(after, "32").filter(({ providerId }) => isOurGuid(providerId)).length, 7);
    });

    it("leaves the catalog alone for which it has no files, with the files that it needs", () => {
        const { "64": files } = filesOf("0.2.0");
        const options = { ...upgradeOptions("0.2.0", [onDisk("0.1.0", "0.1.0")]), files: { "64": files } };
        const plan = planUpgrade(installed(), options);
        assert.equal(stepsOf(plan, "update-provider").filter(({ catalog }) => catalog === 32).length, 0);
        assert.deepEqual([stepsOf(plan, "delete-file"), stepsOf(plan, "delete-folder")], [[], []]);
        const absent = { ...options, files: { "64": files } };
        const none: Catalog = { ...installed(), protocols: { ...installed().protocols, "64": baseEntries() } };
        assert.throws(() => planUpgrade(none, absent), TypeError);
    });

    it("covers a protocol that came after the installation, first in the order", () => {
        const [tcp, ...rest] = baseEntries();
        const later: Catalog = { protocols: { "64": rest, "32": baseEntries() }, namespaces: {} };
        const before = installed("0.1.0", later);
        before.protocols["64"]?.push(tcp!);
        const found = [onDisk("0.1.0", "0.1.0")];
        for (const version of ["0.1.0", "0.2.0"]) {
            const plan = planUpgrade(before, upgradeOptions(version, found));
            assert.match(plan.text, version === "0.1.0" ? /^Complete winsock-spi 0\.1\.0/ : /^Upgrade/);
            const entries = protocolsOf(execute(before, plan), "64");
            assert.equal(entries[0]?.name, "winsock-spi over [MSAFD Tcpip [TCP/IP]]");
            assert.equal(entries[0].chain.at(-1), tcp!.id);
            assert.equal(entries.filter(({ providerId }) => isOurGuid(providerId)).length, 7);
        }
    });

    it("upgrades all the same where such a protocol cannot be covered, and says why", () => {
        const [tcp, ...rest] = baseEntries();
        const before = installed("0.1.0", { protocols: { "64": rest, "32": baseEntries() }, namespaces: {} });
        const full = (base: number): number[] => [5000, base, base, base, base, base, base];
        const stranger = withStranger([tcp!], {
            firstId: 5000,
            guid: "{11111111-2222-3333-4444-555555550000}",
            count: 1,
            chain: full,
        });
        before.protocols["64"]?.push(...stranger);
        const plan = planUpgrade(before, upgradeOptions("0.2.0", []));
        assert.match(plan.text, /^Upgrade winsock-spi 0\.1\.0 to 0\.2\.0 .*Not covered in the 64-bit catalog: 1001/);
        expectPaths(execute(before, plan), "0.2.0");
    });

    it("never takes away: an `over` that leaves something out is refused, one that adds is not", () => {
        const catalog = freshCatalog();
        const before = execute(catalog, planInstall(catalog, { ...installOptions("0.1.0"), over: [1001, 1002] }));
        const found = [onDisk("0.1.0", "0.1.0")];
        const over = (...ids: number[]): UpgradePlanOptions => upgradeOptions("0.2.0", found, { over: ids });
        assert.equal(
            codeOf(() => planUpgrade(before, over(1001))),
            "ERR_ALREADY_INSTALLED",
        );
        assert.equal(
            codeOf(() => planUpgrade(before, over(7))),
            "ERR_UNKNOWN_CATALOG_ID",
        );
        const entries = protocolsOf(execute(before, planUpgrade(before, over(1001, 1002, 1004))), "64");
        const covered = entries.filter(({ kind, providerId }) => kind === "layered" && isOurGuid(providerId));
        assert.deepEqual(
            covered.map(({ chain }) => chain.at(-1)),
            [1004, 1001, 1002],
        );
    });

    it("refuses to build on entries whose hidden one is gone", () => {
        const broken = installed();
        broken.protocols["32"] = protocolsOf(broken, "32").filter(({ providerId }) => providerId !== hiddenEntryGuid);
        assert.equal(
            codeOf(() => planUpgrade(broken, upgradeOptions("0.2.0", []))),
            "ERR_INCOMPLETE",
        );
    });

    it("takes the place of a DLL from anywhere, which it does not delete, and gives way to one", () => {
        const dll = "D:\\mine\\provider.dll";
        const catalog = freshCatalog();
        const { "64": files } = filesOf("0.1.0");
        const mine = { "64": { ...files, provider: { path: dll } } };
        const before = execute(catalog, planInstall(catalog, { ...installOptions("0.1.0"), files: mine }));
        const plan = planUpgrade(before, upgradeOptions("0.2.0", [onDisk("0.1.0", "0.1.0")]));
        assert.match(plan.text, /^Lead winsock-spi from D:\\mine\\provider\.dll to 0\.2\.0 /);
        assert.ok(stepsOf(plan, "delete-file").every(({ path }) => path.startsWith(programs)));
        expectPaths(execute(before, plan), "0.2.0");
        const back = planUpgrade(installed(), { ...upgradeOptions("0.1.0", [onDisk("0.1.0", "0.1.0")]), files: mine });
        assert.ok(protocolsOf(execute(installed(), back), "64")[0]?.path === dll);
    });
});

describe("versions", () => {
    it("come in the order of semver.org", () => {
        const sorted = [
            "what",
            "0.1.0-alpha",
            "0.1.0-alpha.1",
            "0.1.0-alpha.2",
            "0.1.0-alpha.11",
            "0.1.0-alpha.beta",
            "0.1.0-beta",
            "0.1.0",
            "0.1.1",
            "0.2.0",
            "0.10.0",
            "1.0.0",
        ];
        for (const [index, one] of sorted.entries()) {
            for (const [other, two] of sorted.entries()) {
                assert.equal(Math.sign(compareVersions(one, two)), Math.sign(index - other), `${one}, ${two}`);
            }
        }
        assert.equal(compareVersions("0.1.0+abc", "0.1.0"), 0);
    });

    it("are told by the folder of a DLL", () => {
        const of = (dll: string): string | undefined => versionOfDll(dll, "C:\\Program Files");
        assert.equal(of(`${programs}\\0.1.0\\x64\\winsock_spi_lsp.dll`), "0.1.0");
        assert.equal(of(`${programs.toUpperCase()}\\0.1.0+0123abcd\\x86\\winsock_spi_lsp.dll`), "0.1.0");
        assert.equal(of("D:\\0.1.0\\x64\\winsock_spi_lsp.dll"), undefined);
        assert.equal(of(`${programs}-other\\0.1.0\\x64\\winsock_spi_lsp.dll`), undefined);
    });
});
