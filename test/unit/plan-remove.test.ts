// Plans that take anyone's provider out: what a provider is, which one is meant, what happens to the chains of others.
import assert from "node:assert/strict";
import type { Catalog, CatalogEntry } from "#lib/catalog/model.js";
import { WinsockError } from "#lib/errors.js";
import type { Plan } from "#lib/plan/plan.js";
import { planInstall } from "#lib/provider/plan-install.js";
import { type RemovePlanOptions, planRemove } from "#lib/provider/plan-remove.js";
import { providersOf } from "#lib/provider/providers.js";
import { Random, baseEntries, cases, entry, freshCatalog, newSeed, withStranger } from "./catalogs.js";
import { catalogOf, options } from "./chain-catalogs.js";
import { danglingChains, machineOf, simulate } from "./simulate.js";

const a = "{AAAAAAAA-0000-0000-0000-000000000000}";
const b = "{BBBBBBBB-0000-0000-0000-000000000000}";

/** A over the bases, and B over A: B's chains name A's hidden entry, as providers do that copy the chain below. */
function stacked(chain?: (layered: CatalogEntry) => number[]): CatalogEntry[] {
    const withA = withStranger(baseEntries(), { firstId: 2000, guid: a, name: "Vendor A" });
    const layeredOver = (id: number): CatalogEntry =>
        withA.find((one) => one.kind === "layered" && one.chain.at(-1) === id)!;
    return withStranger(withA, {
        firstId: 3000,
        guid: b,
        name: "Vendor B",
        chain: (base) => [3000, ...(chain?.(layeredOver(base)) ?? [2000, base])],
    });
}

/** Executes the plan; no step may leave a chain that names what is gone and was not before. */
function execute(catalog: Catalog, plan: Plan): Catalog {
    const machine = machineOf(catalog);
    const former = new Set(danglingChains(catalog));
    simulate(machine, plan, (now, step) =>
        assert.deepEqual(
            danglingChains(now.catalog).filter((one) => !former.has(one)),
            [],
            step.text,
        ),
    );
    return machine.catalog;
}

const remove = (entries: readonly CatalogEntry[], ...providers: (string | number)[]): CatalogEntry[] =>
    execute(catalogOf(entries), planRemove(catalogOf(entries), { providers })).protocols["64"] ?? [];

function fails(catalog: Catalog, removal: RemovePlanOptions, code: string, message?: RegExp): void {
    assert.throws(
        () => planRemove(catalog, removal),
        (error: unknown) => {
            assert.ok(error instanceof WinsockError, String(error));
            assert.equal(error.code, code);
            assert.match(error.message, message ?? /./);
            return true;
        },
    );
}

describe("planRemove", () => {
    it("puts entries together to providers, whatever they have in common", () => {
        const shared = entry({ id: 4001, name: "One GUID", providerId: a, chain: [4000, 1001] });
        const orphans = [5001, 5002].map((id) =>
            entry({ id, name: "Orphan", providerId: `{CCCCCCCC-0000-0000-0000-00000000${id}}`, chain: [5999, 1001] }),
        );
        const entries = [
            shared,
            ...orphans,
            ...stacked().filter(({ id }) => id >= 3000 || id < 2000),
            entry({ id: 4000, name: "One GUID", providerId: a, chain: [] }),
        ];
        const found = providersOf(catalogOf(entries)).map(({ name, entries: { "64": own } }) => [name, own?.length]);
        assert.deepEqual(found, [
            ["One GUID", 2],
            ["Orphan", 2],
            ["Vendor B", 7],
            ["MSAFD Tcpip [TCP/IP]", 3],
            ["MSAFD Tcpip [TCP/IPv6]", 3],
        ]);
    });

    it("takes out the provider on top and leaves what was there before it", () => {
        const below = withStranger(baseEntries(), { firstId: 2000, guid: a, name: "Vendor A" });
        assert.deepEqual(remove(stacked(), "Vendor B"), below);
    });

    for (const [how, chain] of [
        ["its hidden entry", ({ chain: [, base = 0] }: CatalogEntry) => [2000, base]],
        ["its layered entry and the base", ({ id, chain: [, base = 0] }: CatalogEntry) => [id, base]],
        ["its layered entry only", ({ id }: CatalogEntry) => [id]],
        ["its hidden entry only", () => [2000]],
    ] as const) {
        it(`leads chains that name ${how} past the provider below, keeping everything else`, () => {
            const after = remove(stacked(chain), "vendor a");
            const alone = withStranger(baseEntries(), { firstId: 3000, guid: b, name: "Vendor B" });
            assert.deepEqual(after, alone);
        });
    }

    it("takes out two at once, one above the other, and never lets a chain dangle", () => {
        for (const providers of [
            ["Vendor A", "Vendor B"],
            ["Vendor B", "Vendor A"],
        ]) {
            for (const chain of [undefined, ({ id }: CatalogEntry) => [id]]) {
                assert.deepEqual(remove(stacked(chain), ...providers), baseEntries());
            }
        }
    });

    it("finds a provider by any of its names, GUIDs and ids", () => {
        const below = withStranger(baseEntries(), { firstId: 2000, guid: a, name: "Vendor A" });
        const layered = below[0]!;
        for (const wanted of [
            "vendor a",
            layered.name,
            "C:\\Stranger\\s.dll",
            "S.DLL",
            a,
            a.toLowerCase(),
            a.slice(1, -1),
            layered.providerId,
            2000,
            "2000",
            layered.id,
            String(layered.id),
        ]) {
            assert.deepEqual(remove(below, wanted), baseEntries(), String(wanted));
        }
    });

    it("works on both catalogs, or the one that is named; ids count in the catalog where they are", () => {
        const { namespaces } = freshCatalog();
        const catalog: Catalog = {
            protocols: {
                "64": withStranger(baseEntries(), { firstId: 2000, guid: a, name: "Vendor A" }),
                "32": withStranger(baseEntries(), { firstId: 7000, guid: a, name: "Vendor A" }),
            },
            namespaces,
        };
        const fresh = { "64": baseEntries(), "32": baseEntries() };
        assert.deepEqual(execute(catalog, planRemove(catalog, { providers: [7000] })).protocols, fresh);
        const only = execute(catalog, planRemove(catalog, { providers: ["Vendor A"], catalog: "32" })).protocols;
        assert.deepEqual(only, { "64": catalog.protocols["64"], "32": baseEntries() });
        fails(catalog, { providers: [7000], catalog: "64" }, "ERR_UNKNOWN_PROVIDER", /64-bit.*Vendor A.*2000/s);
    });

    it("lists the providers where none or several are meant", () => {
        const catalog: Catalog = {
            protocols: {
                "64": withStranger(baseEntries(), { firstId: 2000, guid: a, name: "Vendor A" }),
                "32": withStranger(baseEntries(), { firstId: 2000, guid: b, name: "Vendor B" }),
            },
            namespaces: {},
        };
        fails(catalog, { providers: ["Vendor C"] }, "ERR_UNKNOWN_PROVIDER", /Vendor A.*Vendor B/);
        fails(catalog, { providers: [2000] }, "ERR_AMBIGUOUS_PROVIDER", /Vendor A.*Vendor B.*which catalog/);
        fails(catalog, { providers: ["s.dll"] }, "ERR_AMBIGUOUS_PROVIDER");
        assert.deepEqual(
            execute(catalog, planRemove(catalog, { providers: [2000], catalog: "32" })).protocols["32"],
            baseEntries(),
        );
    });

    it("refuses base providers: Windows' own, the only one of TCP or UDP, one that chains end with", () => {
        const vsock = entry({
            id: 1500,
            name: "vSockets",
            providerId: a,
            family: 28,
            path: "%windir%\\system32\\vsocklib.dll",
        });
        const catalog = catalogOf([...baseEntries(), vsock]);
        for (const wanted of [1001, "MSAFD Tcpip [UDP/IP]", "{e70f1aa0-ab8b-11cf-8ca3-00805f48a192}"]) {
            fails(catalog, { providers: [wanted] }, "ERR_BASE_PROVIDER", /base provider of Windows/);
        }
        assert.deepEqual(execute(catalog, planRemove(catalog, { providers: ["vSockets"] })), catalogOf(baseEntries()));
        const alone = catalogOf([entry({ id: 1, name: "Odd TCP", providerId: b, path: "C:\\odd.dll" })]);
        fails(alone, { providers: ["Odd TCP"] }, "ERR_BASE_PROVIDER");
        const above = entry({ id: 1600, name: "Above", providerId: b, family: 28, chain: [1601, 1500] });
        const hidden = entry({
            id: 1601,
            name: "Above",
            providerId: "{BBBBBBBB-0000-0000-0000-000000000001}",
            chain: [],
        });
        const covered = catalogOf([above, ...baseEntries(), vsock, hidden]);
        fails(covered, { providers: ["vSockets"] }, "ERR_BASE_PROVIDER", /"Above"/);
        assert.deepEqual(
            execute(covered, planRemove(covered, { providers: ["vSockets", "Above"] })),
            catalogOf(baseEntries()),
        );
    });

    it("takes LSP categories from a provider before it goes, so that undoing brings them back", () => {
        const catalog: Catalog = {
            ...catalogOf(stacked()),
            categories: { "64": { [a]: 4, [b]: 1 } },
        };
        const steps = planRemove(catalog, { providers: ["Vendor A"] }).steps.map((step) => step.do);
        assert.deepEqual(steps.slice(0, 8), [
            ...Array<string>(6).fill("update-provider"),
            "set-provider-category",
            "deinstall-provider",
        ]);
        assert.equal(steps.filter((step) => step === "set-provider-category").length, 1);
    });

    it("deletes DLLs when asked to, but none that somebody who stays is registered with", () => {
        const own = stacked().map((one): CatalogEntry => (one.id < 3000 ? one : { ...one, path: "C:\\B\\b.dll" }));
        const deleted = (catalog: Catalog, providers: string[]): string[] =>
            planRemove(catalog, { providers, deleteDll: true }).steps.flatMap((step) =>
                step.do === "delete-file" ? [step.path] : [],
            );
        assert.deepEqual(deleted(catalogOf(own), ["Vendor B"]), ["C:\\B\\b.dll"]);
        assert.deepEqual(deleted(catalogOf(own), ["Vendor A", "Vendor B"]).sort(), [
            "C:\\B\\b.dll",
            "C:\\Stranger\\s.dll",
        ]);
        assert.deepEqual(deleted(catalogOf(stacked()), ["Vendor B"]), [], "shared with Vendor A");
        const named: Catalog = {
            ...catalogOf(own),
            namespaces: {
                "64": [
                    {
                        name: "Names of B",
                        providerId: b,
                        path: "c:\\b\\.\\B.DLL",
                        namespace: 12,
                        namespaceName: "NS_DNS",
                        enabled: true,
                        version: 1,
                        storesServiceClassInfo: false,
                    },
                ],
            },
        };
        assert.deepEqual(deleted(named, ["Vendor B"]), [], "a namespace provider has it too");
        assert.equal(
            planRemove(catalogOf(own), { providers: ["Vendor B"] }).steps.some(
                ({ do: what }) => what === "delete-file",
            ),
            false,
        );
    });

    it("refuses misuse as a TypeError", () => {
        for (const bad of [
            {},
            { providers: [] },
            { providers: [""] },
            { providers: "x" },
            { providers: [1.5] },
            { providers: ["x"], catalog: 64 },
            { providers: ["x"], unknown: 1 },
        ]) {
            assert.throws(
                () => planRemove(freshCatalog(), bad as unknown as RemovePlanOptions),
                TypeError,
                JSON.stringify(bad),
            );
        }
    });
});

describe("planRemove on random catalogs", () => {
    const seed = newSeed();

    it(`each removal leaves all others in their order, loadable at every step (seed ${seed})`, function () {
        this.timeout(0);
        const random = new Random(seed);
        for (let round = 0; round < cases(250); ++round) {
            const before = randomStack(random);
            let catalog = catalogOf(before.entries);
            if (random.chance(30)) {
                try {
                    catalog = execute(catalog, planInstall(catalog, options));
                } catch (error) {
                    assert.ok(error instanceof WinsockError);
                }
            }
            const names = [...before.names];
            while (names.length > 0) {
                const some = names.splice(random.below(names.length), 1 + random.below(2));
                const staying = catalog.protocols["64"]!.filter(
                    (one) => !some.some((name) => one.name.startsWith(name)),
                );
                const after = execute(catalog, planRemove(catalog, { providers: some })).protocols["64"]!;
                assert.deepEqual(
                    after.map(({ id }) => id),
                    staying.map(({ id }) => id),
                );
                for (const [index, one] of after.entries()) {
                    const { chain: now, ...rest } = one;
                    const { chain: then, ...former } = staying[index]!;
                    assert.deepEqual(rest, former);
                    assert.ok(one.kind !== "layered" || now.length >= 2, "still a layered entry");
                    const kept = then.filter((id) => staying.some((other) => other.id === id));
                    assert.deepEqual(
                        kept.filter((id) => now.includes(id)),
                        kept,
                        "what stayed is in the chain, in order",
                    );
                    if (one.kind === "layered") {
                        assert.equal(endOf(one, after), endOf(staying[index]!, catalog.protocols["64"]!));
                    }
                }
                catalog = catalogOf(after);
            }
        }
    });
});

/** The base entry in which a chain ends, however many layers down. */
function endOf(from: CatalogEntry, entries: readonly CatalogEntry[]): number | undefined {
    const seen = new Set<CatalogEntry>();
    let at: CatalogEntry | undefined = from;
    while (at !== undefined && at.kind === "layered" && !seen.has(at)) {
        seen.add(at);
        const last: number | undefined = at.chain.at(-1);
        at = entries.find(({ id }) => id === last);
    }
    return at?.kind === "base" ? at.id : undefined;
}

/** Up to four providers over some base entries, each naming those below in one of the ways that there are. */
function randomStack(random: Random): { entries: CatalogEntry[]; names: string[] } {
    let entries = baseEntries();
    const names: string[] = [];
    for (let count = 1 + random.below(4); count > 0; --count) {
        const hiddenId = Math.max(...entries.map(({ id }) => id)) + 1 + random.below(50);
        const name = `Vendor ${names.length} `;
        const manner = random.below(3);
        const layered = baseEntries()
            .filter(() => random.chance(70))
            .flatMap((base, index): CatalogEntry[] => {
                const top = entries.find(
                    (one) => one.kind !== "hidden" && one.family === base.family && one.socketType === base.socketType,
                )!;
                const below =
                    top.kind === "base"
                        ? [top.id]
                        : manner === 0
                          ? [...top.chain]
                          : manner === 1
                            ? [top.id, ...top.chain.slice(1)]
                            : [top.id];
                return below.length >= 7
                    ? []
                    : [
                          entry({
                              id: hiddenId + 1 + index,
                              name: `${name}over ${base.name}`,
                              providerId: random.guid(),
                              chain: [hiddenId, ...below],
                              family: base.family,
                              socketType: base.socketType,
                              protocol: base.protocol,
                          }),
                      ];
            });
        const hidden = entry({ id: hiddenId, name, providerId: random.guid(), chain: [], providerFlags: 4 });
        entries = [...layered, ...entries, hidden];
        names.push(name);
    }
    return { entries, names };
}
