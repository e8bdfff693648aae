// The replace-base method as pure functions: what a plan changes, what it refuses, and that the way back is exact.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import type { Catalog, CatalogEntry } from "#lib/catalog/model.js";
import type { RegistryTree } from "#lib/catalog/registry.js";
import { packageRoot } from "#lib/native.js";
import type { Plan, Step } from "#lib/plan/plan.js";
import { planInstall } from "#lib/provider/plan-install.js";
import { type ReplacePlanOptions, giveBackSteps, planReplace } from "#lib/provider/plan-replace.js";
import { planUninstall } from "#lib/provider/plan-uninstall.js";
import {
    isReplaced,
    isUsable,
    originalsFile,
    originalsInRegistry,
    originalsKey,
    parseOriginals,
    replacedEntries,
    replacedFile,
    replacedKeys,
    replacedRootKey,
} from "#lib/provider/replaced.js";
import { providerFile } from "#lib/provider/layout.js";
import { Random, baseEntries, cases, entry, freshCatalog, newSeed, withStranger } from "./catalogs.js";
import { danglingChains, machineOf, simulate } from "./simulate.js";
import { codeOf } from "./code-of.js";

const options: ReplacePlanOptions = {
    files: Object.fromEntries(
        (["64", "32"] as const).map((bits) => [
            bits,
            {
                provider: { from: `Z:\\package\\${bits}\\winsock_spi_lsp.dll`, sha256: "11".repeat(32) },
                rescue: { from: `Z:\\package\\${bits}\\winsock-spi-rescue.exe`, sha256: "22".repeat(32) },
            },
        ]),
    ),
    version: "0.1.0",
    programFiles: "C:\\Program Files",
    programData: "C:\\ProgramData",
};

const strangerGuid = "{11111111-2222-3333-4444-555555550000}";
const mswsock = "%SystemRoot%\\system32\\mswsock.dll";
const ourDll = (folder: string): string => `C:\\Program Files\\winsock-spi\\0.1.0\\${folder}\\winsock_spi_lsp.dll`;

function execute(catalog: Catalog, plan: Plan): Catalog {
    const machine = machineOf(catalog);
    simulate(machine, plan, (now, step) => assert.deepEqual(danglingChains(now.catalog), [], step.text));
    return machine.catalog;
}

/** The registry key that a plan writes, as it stands below WinSock2\Parameters afterwards. */
function registryOf(plan: Plan): RegistryTree {
    const step = plan.steps.find((one) => one.do === "write-registry");
    assert.ok(step?.do === "write-registry");
    return { values: {}, keys: { [step.key]: step.tree } };
}

describe("planReplace", () => {
    it("points every entry of Windows' TCP/IP at our DLL and leaves all else of the catalog as it is", () => {
        const before = freshCatalog();
        const plan = planReplace(before, options);
        const after = execute(before, plan);
        for (const [bits, folder] of [
            ["64", "x64"],
            ["32", "x86"],
        ] as const) {
            assert.deepEqual(
                after.protocols[bits],
                (before.protocols[bits] ?? []).map((one) => ({ ...one, path: ourDll(folder) })),
            );
            assert.ok(after.protocols[bits]?.every(isReplaced));
        }
    });

    it("writes down in two places what each provider had, before it switches anything", () => {
        const plan = planReplace(freshCatalog(), options);
        assert.deepEqual(
            plan.steps.slice(-8).map(({ do: what }) => what),
            [
                "write-file",
                "write-file",
                "write-registry",
                "set-provider-path",
                "set-provider-path",
                "set-provider-path",
                "set-provider-path",
                "probe",
            ],
        );
        assert.equal(plan.onFailure, "undo");
        const guids = [...new Set(baseEntries().map(({ providerId }) => providerId))];
        const paths = Object.fromEntries(guids.map((guid) => [guid, mswsock]));
        assert.deepEqual(originalsInRegistry(registryOf(plan)), { "64": paths, "32": paths });
        const files = plan.steps.filter((step) => step.do === "write-file");
        assert.deepEqual(
            files.map(({ path }) => path),
            ["x64", "x86"].map((folder) => `C:\\Program Files\\winsock-spi\\0.1.0\\${folder}\\${replacedFile}`),
        );
        for (const { data } of files) {
            assert.deepEqual(parseOriginals(Buffer.from(data, "base64")), paths);
        }
    });

    it("takes the whole provider of an entry that --over names, in the catalog that has it", () => {
        const catalog = freshCatalog();
        catalog.protocols["32"] = baseEntries(2001);
        const after = execute(catalog, planReplace(catalog, { ...options, over: [1005] }));
        assert.deepEqual(
            replacedEntries(after.protocols["64"] ?? []).map(({ id }) => id),
            [1004, 1005, 1006],
        );
        assert.deepEqual(after.protocols["32"], catalog.protocols["32"]);
        assert.equal(
            codeOf(() => planReplace(catalog, { ...options, over: [7] })),
            "ERR_UNKNOWN_CATALOG_ID",
        );
    });

    it("leaves layers of others over the base entries, and entries of other base providers, alone", () => {
        const catalog = freshCatalog();
        const providerId = strangerGuid.replace("0000}", "1111}");
        const other = entry({ id: 1500, family: 32, providerId, path: "C:\\vm.dll" });
        catalog.protocols["64"] = [...withStranger(baseEntries(), { firstId: 1100, guid: strangerGuid }), other];
        const after = execute(catalog, planReplace(catalog, options));
        const changed = (after.protocols["64"] ?? []).filter(
            (one, index) => one.path !== catalog.protocols["64"]?.[index]?.path,
        );
        assert.deepEqual(
            changed.map(({ id }) => id),
            [1001, 1002, 1003, 1004, 1005, 1006],
        );
        assert.equal(after.protocols["64"]?.length, 14);
    });

    it("refuses what it cannot stand in for, and a second installation by either method", () => {
        const withPath = (path: string, which: readonly number[] = [1001, 1002, 1003]): Catalog => ({
            protocols: { "64": baseEntries().map((one) => (which.includes(one.id) ? { ...one, path } : one)) },
            namespaces: {},
        });
        for (const path of ["mswsock.dll", "\\\\server\\share\\m.dll", "..\\m.dll", "%TEMP%\\m.dll", ""]) {
            assert.equal(
                codeOf(() => planReplace(withPath(path), options)),
                "ERR_UNSUPPORTED_PROVIDER",
                path,
            );
        }
        assert.equal(
            codeOf(() => planReplace(withPath("C:\\other.dll", [1002]), options)),
            "ERR_UNSUPPORTED_PROVIDER",
        );
        const replaced = execute(freshCatalog(), planReplace(freshCatalog(), options));
        assert.equal(
            codeOf(() => planReplace(replaced, options)),
            "ERR_ALREADY_INSTALLED",
        );
        assert.equal(
            codeOf(() => planInstall(replaced, options)),
            "ERR_ALREADY_INSTALLED",
        );
        const layered = execute(freshCatalog(), planInstall(freshCatalog(), options));
        assert.equal(
            codeOf(() => planReplace(layered, options)),
            "ERR_ALREADY_INSTALLED",
        );
        const nothing: Catalog = { protocols: { "64": [] }, namespaces: {} };
        assert.equal(
            codeOf(() => planReplace(nothing, options)),
            "ERR_NOTHING_TO_COVER",
        );
        assert.throws(() => planReplace(freshCatalog(), { ...options, name: "x" } as ReplacePlanOptions), TypeError);
        assert.throws(() => planReplace(freshCatalog(), { ...options, files: {} }), TypeError);
        const long = { ...options, programFiles: `C:\\${"x".repeat(230)}` };
        assert.equal(
            codeOf(() => planReplace(freshCatalog(), long)),
            "ERR_PATH_TOO_LONG",
        );
    });

    const seed = newSeed();
    it(`random catalogs: taking the place and giving it back leaves what was there (seed ${seed})`, () => {
        const random = new Random(seed);
        for (let round = 0; round < cases(100); ++round) {
            const catalog: Catalog = { protocols: {}, namespaces: {} };
            for (const bits of ["64", "32"] as const) {
                if (bits === "64" || random.chance(80)) {
                    catalog.protocols[bits] = randomEntries(random);
                }
            }
            const plan = planReplace(catalog, options);
            const replaced = execute(catalog, plan);
            for (const [index, one] of (replaced.protocols["64"] ?? []).entries()) {
                assert.deepEqual({ ...one, path: "" }, { ...catalog.protocols["64"]?.[index], path: "" });
            }
            const back = planUninstall(replaced, { originals: originalsInRegistry(registryOf(plan)), saved: true });
            assert.deepEqual(execute(replaced, back).protocols, catalog.protocols);
            assert.equal(back.steps.at(-1)?.do, "delete-registry");
        }
    });
});

/** Base entries whose providers have DLLs of their own, with and without layers of somebody else above. */
function randomEntries(random: Random): CatalogEntry[] {
    const paths = [mswsock, "C:\\vendor\\base.dll", "%windir%\\system32\\äöü.dll", "D:\\x y\\z.dll"];
    const chosen = new Map<string, string>();
    const bases = baseEntries(1001 + random.below(50)).map((base) => {
        const path = chosen.get(base.providerId) ?? random.pick(paths);
        chosen.set(base.providerId, path);
        return { ...base, path };
    });
    const some = bases.filter(() => random.chance(90));
    const entries = some.length === 0 ? bases : some;
    return random.chance(50) ? withStranger(entries, { firstId: 1100, guid: strangerGuid }) : entries;
}

describe("giving replaced base providers their DLLs back", () => {
    const replaced = execute(freshCatalog(), planReplace(freshCatalog(), options));

    it("is no step where none is replaced, and is refused where nothing says which DLL one had", () => {
        assert.deepEqual(giveBackSteps(freshCatalog(), {}, false), []);
        assert.equal(
            codeOf(() => giveBackSteps(replaced, {})),
            "ERR_ORIGINAL_UNKNOWN",
        );
        assert.equal(
            codeOf(() => planUninstall(replaced, {})),
            "ERR_ORIGINAL_UNKNOWN",
        );
        assert.equal(
            codeOf(() => planUninstall(freshCatalog(), { saved: true })),
            "ERR_NOT_INSTALLED",
        );
        const leftovers = planUninstall(freshCatalog(), { saved: true, leftovers: true });
        assert.deepEqual(
            leftovers.steps.map((one) => one.do),
            ["delete-registry"],
        );
    });

    it("comes before the files go", () => {
        const originals = originalsInRegistry(registryOf(planReplace(freshCatalog(), options)));
        const { steps } = planUninstall(replaced, { originals, saved: true, files: ["C:\\a.dll"] });
        assert.deepEqual(
            steps.map((one) => one.do),
            [...Array<Step["do"]>(4).fill("set-provider-path"), "delete-registry", "delete-file"],
        );
    });

    it("nothing unusable is taken from the registry or the file", () => {
        const elsewhere = "C:\\elsewhere\\WINSOCK_SPI_LSP.DLL";
        for (const path of ["", "x.dll", "\\\\s\\x.dll", "C:x.dll", ourDll("x64"), elsewhere]) {
            assert.ok(!isUsable(path), path);
            const saved = originalsKey({ "64": { [strangerGuid]: path } });
            assert.deepEqual(originalsInRegistry({ values: {}, keys: { [replacedRootKey]: saved } }), {});
            assert.deepEqual(parseOriginals(originalsFile({ [strangerGuid]: path })), {});
        }
        assert.deepEqual(parseOriginals(Buffer.from("no UTF-16 at all")), {});
        assert.deepEqual(parseOriginals(new Uint8Array()), {});
        const wrongType = { type: 3, data: Buffer.from("C:\\x.dll\0", "utf16le").toString("base64") };
        const key = { values: {}, keys: { [replacedKeys["64"]]: { values: { [strangerGuid]: wrongType }, keys: {} } } };
        assert.deepEqual(originalsInRegistry({ values: {}, keys: { [replacedRootKey]: key } }), {});
    });

    const seed = newSeed();
    it(`random bytes as file: every path that comes out is usable (seed ${seed})`, () => {
        const random = new Random(seed);
        const good = originalsFile({ [strangerGuid]: mswsock, "{E70F1AA0-AB8B-11CF-8CA3-00805F48A192}": "C:\\x.dll" });
        for (let round = 0; round < cases(500); ++round) {
            const bytes = Uint8Array.from(good);
            for (let change = random.below(8); change >= 0; --change) {
                bytes[random.below(bytes.length)] = random.below(256);
            }
            const cut = random.chance(30) ? bytes.subarray(0, random.below(bytes.length)) : bytes;
            assert.ok(Object.values(parseOriginals(cut)).every(isUsable));
        }
    });

    it("the names are those of native/core/replaced_base.hpp", () => {
        const text = fs.readFileSync(`${packageRoot}/native/core/replaced_base.hpp`, "utf8");
        const value = (name: string): string | undefined =>
            new RegExp(`${name} = L"([^"]*)"`).exec(text)?.[1]?.replace(/\\\\/g, "\\");
        assert.equal(value("replaced_root"), replacedRootKey);
        assert.equal(value("replaced_key_64"), `${replacedRootKey}\\${replacedKeys["64"]}`);
        assert.equal(value("replaced_key_32"), `${replacedRootKey}\\${replacedKeys["32"]}`);
        assert.equal(value("replaced_file"), replacedFile);
        assert.equal(value("provider_file"), providerFile);
    });
});
