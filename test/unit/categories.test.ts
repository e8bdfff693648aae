// LSP categories: names, Windows' rule, what the registry holds, and the plans that keep providers out of programs.
import assert from "node:assert/strict";
import {
    applicationsOfRegistry,
    categoryNames,
    isPermitted,
    lspCategories,
    parseCategories,
} from "#lib/catalog/categories.js";
import type { ApplicationEntry, Catalog } from "#lib/catalog/model.js";
import { type RegistryTree, dwordValue } from "#lib/catalog/registry.js";
import { WinsockError } from "#lib/errors.js";
import type { SetApplicationCategory, Step } from "#lib/plan/plan.js";
import { hiddenEntryGuid } from "#lib/provider/identity.js";
import { planExclude, planInclude } from "#lib/provider/plan-exclude.js";
import { planInstall } from "#lib/provider/plan-install.js";
import { planUninstall } from "#lib/provider/plan-uninstall.js";
import { freshCatalog } from "./catalogs.js";
import { options } from "./chain-catalogs.js";

const { LSP_SYSTEM, LSP_PROXY, LSP_INSPECTOR } = lspCategories;
const program = "C:\\Windows\\System32\\wsl.exe";

const application = (shape: Partial<ApplicationEntry> = {}): ApplicationEntry => {
    const categories = shape.categories ?? LSP_SYSTEM;
    return { key: "0408F7A3", program, args: "", categories, categoryNames: categoryNames(categories), ...shape };
};

const withApplications = (...applications: ApplicationEntry[]): Catalog => ({ ...freshCatalog(), applications });

/** What the steps make of the programs' categories. */
function applied(catalog: Catalog, steps: readonly Step[]): [string, string, number][] {
    const left = new Map((catalog.applications ?? []).map((one) => [`${one.program}|${one.args}`.toLowerCase(), one]));
    for (const step of steps.filter(
        (one): one is SetApplicationCategory & Step => one.do === "set-application-category",
    )) {
        const name = `${step.program}|${step.args ?? ""}`.toLowerCase();
        if (step.categories === null) {
            assert.ok(left.delete(name), `${name} has an entry to delete`);
        } else {
            left.set(name, application({ program: step.program, args: step.args ?? "", categories: step.categories }));
        }
    }
    return [...left.values()].map((one) => [one.program, one.args, one.categories]);
}

describe("LSP categories", () => {
    it("have names, and numbers where Winsock has none", () => {
        assert.deepEqual(categoryNames(0), []);
        assert.deepEqual(categoryNames(0x8000_0005), ["LSP_INSPECTOR", "LSP_PROXY", "LSP_SYSTEM"]);
        assert.deepEqual(categoryNames(0x101), ["LSP_INSPECTOR", "0x100"]);
        assert.equal(parseCategories(["system", "LSP_PROXY", "0x10", 1, "inbound-modify"]), 0x8000_0015);
        assert.equal(parseCategories(["4294967295"]), 0xffff_ffff);
        for (const bad of ["LSP", "", "-1", "0x1FFFFFFFF", "1.5", 2 ** 32, -1]) {
            assert.throws(() => parseCategories([bad]), TypeError, String(bad));
        }
    });

    it("decide who is let in: none asked, all; else those that have some, and only permitted ones", () => {
        for (const [provider, permits, expected] of [
            [0, undefined, true],
            [LSP_PROXY, undefined, true],
            [0, LSP_SYSTEM, false],
            [0, LSP_PROXY, false],
            [LSP_PROXY, LSP_PROXY, true],
            [LSP_PROXY, LSP_INSPECTOR, false],
            [LSP_PROXY, LSP_SYSTEM, false],
            [LSP_PROXY, (LSP_SYSTEM | LSP_PROXY) >>> 0, false],
            [(LSP_SYSTEM | LSP_PROXY) >>> 0, (LSP_SYSTEM | LSP_PROXY) >>> 0, true],
            [LSP_SYSTEM, LSP_SYSTEM, true],
            [LSP_PROXY | LSP_INSPECTOR, LSP_PROXY, false],
        ] as const) {
            assert.equal(isPermitted(provider, permits), expected, `${provider} in ${permits}`);
        }
    });

    it("of programs are read from AppId_Catalog, and what is damaged there is told", () => {
        const text = (value: string): { type: number; data: string } => ({
            type: 1,
            data: Buffer.from(`${value}\0`, "utf16le").toString("base64"),
        });
        const parameters = (keys: RegistryTree["keys"]): RegistryTree => ({
            values: {},
            keys: { AppId_Catalog: { values: {}, keys } },
        });
        const problems: string[] = [];
        const found = applicationsOfRegistry(
            parameters({
                "2C69D9F1": {
                    values: {
                        AppFullPath: text(program),
                        PermittedLspCategories: dwordValue(LSP_SYSTEM),
                        "winsock-spi": dwordValue(1),
                    },
                    keys: {},
                },
                "0408F7A3": {
                    values: {
                        AppFullPath: text(program),
                        AppArgs: text(" -k net "),
                        PermittedLspCategories: dwordValue(5),
                    },
                    keys: {},
                },
                "00000001": { values: { AppFullPath: text(program) }, keys: {} },
                "00000002": { values: { PermittedLspCategories: dwordValue(1) }, keys: {} },
            }),
            problems,
        );
        assert.deepEqual(found, [
            application({ args: "-k net", categories: 5 }),
            application({ key: "2C69D9F1", ours: true }),
        ]);
        assert.deepEqual(problems, [
            "AppId_Catalog\\00000001: PermittedLspCategories is missing",
            "AppId_Catalog\\00000002: AppFullPath is missing",
        ]);
        assert.deepEqual(applicationsOfRegistry({ values: {}, keys: {} }), []);
    });
});

describe("planExclude and planInclude", () => {
    it("exclude adds to what a program permits, include takes it back, down to no entry", () => {
        const none = withApplications();
        assert.deepEqual(applied(none, planExclude(none, { programs: [program] }).steps), [[program, "", LSP_SYSTEM]]);
        const proxy = withApplications(application({ categories: LSP_PROXY }));
        const both = (LSP_PROXY | LSP_SYSTEM) >>> 0;
        assert.deepEqual(applied(proxy, planExclude(proxy, { programs: [program] }).steps), [[program, "", both]]);
        const excluded = withApplications(application({ categories: both }));
        assert.deepEqual(applied(excluded, planInclude(excluded, { programs: [program.toUpperCase()] }).steps), [
            [program.toUpperCase(), "", LSP_PROXY],
        ]);
        const system = withApplications(application());
        assert.deepEqual(applied(system, planInclude(system, { programs: [program] }).steps), []);
    });

    it("are plans without steps where it is so already", () => {
        const system = withApplications(application());
        assert.deepEqual(planExclude(system, { programs: [program, "c:\\windows\\.\\SYSTEM32\\wsl.exe"] }).steps, []);
        assert.deepEqual(planInclude(withApplications(), { programs: [program] }).steps, []);
        assert.deepEqual(
            planInclude(withApplications(application({ categories: LSP_PROXY })), { programs: [program] }).steps,
            [],
        );
    });

    it("tell instances of a program apart by their arguments", () => {
        const one = withApplications(application({ args: "-k NetworkService" }));
        const also = planExclude(one, { programs: [program], args: "-k netsvcs" });
        assert.deepEqual(applied(one, also.steps).length, 2);
        assert.deepEqual(planExclude(one, { programs: [program], args: " -K networkservice " }).steps, []);
        assert.equal(planInclude(one, { programs: [program] }).steps.length, 0, "the entry is for some instances only");
    });

    it("refuse what is no program, no categories or too long", () => {
        for (const bad of [
            {},
            { programs: [] },
            { programs: ["wsl.exe"] },
            { programs: [program], categories: 0 },
            { programs: [program], categories: 2 ** 32 },
            { programs: [program], args: "a\0b" },
            { programs: [program], extra: 1 },
        ]) {
            assert.throws(() => planExclude(freshCatalog(), bad as never), TypeError, JSON.stringify(bad));
            assert.throws(() => planInclude(freshCatalog(), bad as never), TypeError, JSON.stringify(bad));
        }
        assert.throws(
            () => planExclude(freshCatalog(), { programs: [`C:\\${"x".repeat(300)}.exe`] }),
            (error) => error instanceof WinsockError && error.code === "ERR_PATH_TOO_LONG",
        );
    });
});

describe("categories in planInstall and planUninstall", () => {
    const excluding = { ...options, exclude: [program] };
    const ours = (steps: readonly Step[]): Step[] => steps.filter((step) => step.do === "set-application-category");

    it("an installation keeps out of the programs it is told, marks what it makes, and is in no other's way", () => {
        const [step, ...more] = ours(planInstall(freshCatalog(), excluding).steps);
        assert.ok(step?.do === "set-application-category" && more.length === 0);
        assert.equal(step.categories, LSP_SYSTEM);
        assert.equal(step.mark, true);
        const others = withApplications(application({ categories: LSP_PROXY }));
        assert.deepEqual(
            ours(planInstall(others, excluding).steps),
            [],
            "a provider without categories is not let in anyway",
        );
        const proxy = ours(planInstall(others, { ...excluding, categories: LSP_PROXY }).steps);
        assert.deepEqual(applied(others, proxy), [[program, "", (LSP_PROXY | LSP_SYSTEM) >>> 0]]);
        assert.deepEqual(ours(planInstall(freshCatalog(), { ...excluding, categories: LSP_SYSTEM }).steps), []);
    });

    it("an uninstallation takes away what was marked and nothing else", () => {
        const catalog: Catalog = {
            ...withApplications(application({ ours: true }), application({ key: "1", program: "C:\\own.exe" })),
            protocols: { "64": [...freshCatalog().protocols["64"]!] },
        };
        const { steps } = planUninstall(catalog, { files: ["C:\\x\\left.dll"], leftovers: true });
        assert.deepEqual(applied(catalog, steps), [["C:\\own.exe", "", LSP_SYSTEM]]);
    });

    it("a provider gets its categories on the hidden entry, before programs can meet it", () => {
        const { steps } = planInstall(freshCatalog(), { ...options, categories: LSP_INSPECTOR });
        const at = (kind: Step["do"]): number => steps.findIndex((step) => step.do === kind);
        const set = steps[at("set-provider-category")];
        assert.ok(set?.do === "set-provider-category");
        assert.deepEqual([set.providerId, set.categories], [hiddenEntryGuid, LSP_INSPECTOR]);
        assert.ok(
            at("install-provider") < at("set-provider-category") && at("set-provider-category") < at("write-order"),
        );
        assert.equal(
            planInstall(freshCatalog(), options).steps.some((step) => step.do === "set-provider-category"),
            false,
        );
        assert.throws(() => planInstall(freshCatalog(), { ...options, categories: -1 }), TypeError);
    });
});
