// Where ours stands among layers of others: on top of IFS ones, below the lowest that is not IFS, and out again without
// a trace. Hand-made catalogs, some of them as they are found on machines.
import assert from "node:assert/strict";
import type { CatalogEntry } from "#lib/catalog/model.js";
import { sameTriplet } from "#lib/catalog/model.js";
import { WinsockError } from "#lib/errors.js";
import { layeredEntryGuid } from "#lib/provider/identity.js";
import { coverableEntries, planInstall } from "#lib/provider/plan-install.js";
import { chainWithout } from "#lib/provider/plan-remove.js";
import { type EntryShape, baseEntries, entry } from "./catalogs.js";
import { catalogOf, ifs, install, isOurs, notIfs, options, uninstall } from "./chain-catalogs.js";

const tcp = { family: 2, socketType: 1, protocol: 6 };
const ourTcp = layeredEntryGuid(2, 1, 6);

const layer = (id: number, chain: readonly number[], shape: Partial<EntryShape> = {}): CatalogEntry =>
    entry({ id, name: `layer ${id}`, providerId: guidOf(id), chain, flags: notIfs, protocol: 6, ...shape });
const hidden = (id: number, shape: Partial<EntryShape> = {}): CatalogEntry =>
    entry({ id, name: `hidden ${id}`, providerId: guidOf(id), chain: [], providerFlags: 4, flags: notIfs, ...shape });
const guidOf = (id: number): string => `{AAAAAAAA-0000-0000-0000-00000000${id.toString().padStart(4, "0")}}`;

/** The chains over TCP and IPv4, in catalog order, ids as they are but ours as "ours". */
function tcpChains(entries: readonly CatalogEntry[]): [name: string | number, ...chain: (string | number)[]][] {
    const name = (id: number): string | number => (entries.some((one) => one.id === id && isOurs(one)) ? "ours" : id);
    return entries
        .filter((one) => one.kind !== "hidden" && sameTriplet(one, tcp))
        .map((one) => (one.kind === "base" ? [one.id] : [name(one.id), ...one.chain.map(name)]));
}

/** Installs, compares the chains over TCP and IPv4, and takes ours out again. */
function expectChains(entries: readonly CatalogEntry[], expected: (string | number)[][]): CatalogEntry[] {
    const installed = install(entries);
    assert.deepEqual(tcpChains(installed), expected);
    assert.deepEqual(uninstall(installed), entries);
    return installed;
}

function failure(action: () => unknown): { code: string; message: string } {
    try {
        action();
    } catch (error) {
        assert.ok(error instanceof WinsockError, String(error));
        return { code: error.code, message: error.message };
    }
    return { code: "no error", message: "" };
}

describe("chains of others", () => {
    it("ours goes directly below the one layer that is not IFS, and stays on top of the other protocols", () => {
        const entries = [layer(1021, [1020, 1001]), ...baseEntries(), hidden(1020)];
        const installed = expectChains(entries, [[1021, 1020, "ours", 1001], ["ours", "ours", 1001], [1001]]);
        const order = installed.filter((one) => one.kind !== "hidden").map((one) => (isOurs(one) ? "ours" : one.id));
        assert.deepEqual(order, [...Array<string>(5).fill("ours"), 1021, "ours", 1001, 1002, 1003, 1004, 1005, 1006]);
    });

    it("ours goes below two such layers, and above an IFS one below them, whether they name ids or hidden ids", () => {
        const ids = [
            layer(1041, [1040, 1031, 1021, 1001]),
            layer(1031, [1030, 1021, 1001]),
            layer(1021, [1020, 1001], { flags: ifs }),
        ];
        const hiddenIds = [
            layer(1041, [1040, 1030, 1020, 1001]),
            layer(1031, [1030, 1020, 1001]),
            layer(1021, [1020, 1001], { flags: ifs }),
        ];
        // What hidden entries say of themselves does not count: installers leave anything in them.
        const rest = [...baseEntries(), hidden(1020, { flags: 0 }), hidden(1030, { flags: ifs }), hidden(1040)];
        expectChains(
            [...ids, ...rest],
            [
                [1041, 1040, 1031, "ours", 1021, 1001],
                [1031, 1030, "ours", 1021, 1001],
                ["ours", "ours", 1021, 1001],
                [1021, 1020, 1001],
                [1001],
            ],
        );
        expectChains(
            [...hiddenIds, ...rest],
            [
                [1041, 1040, 1030, "ours", 1020, 1001],
                [1031, 1030, "ours", 1020, 1001],
                ["ours", "ours", 1021, 1001], // by its id, for its hidden one only stands for it
                [1021, 1020, 1001],
                [1001],
            ],
        );
    });

    it("ours goes on top where the topmost chain is IFS all through, whatever stands further down the catalog", () => {
        const entries = [
            layer(1031, [1030, 1001], { flags: ifs }),
            layer(1021, [1020, 1001]),
            ...baseEntries(),
            hidden(1020),
            hidden(1030),
        ];
        const expected = [["ours", "ours", 1031, 1001], [1031, 1030, 1001], [1021, 1020, 1001], [1001]];
        expectChains(entries, expected);
    });

    it("an IFS layer above one that is not keeps its place", () => {
        const entries = [
            layer(1031, [1030, 1021, 1001], { flags: ifs }),
            layer(1021, [1020, 1001]),
            ...baseEntries(),
            hidden(1020),
            hidden(1030),
        ];
        expectChains(entries, [
            [1031, 1030, 1021, "ours", 1001],
            [1021, 1020, "ours", 1001],
            ["ours", "ours", 1001],
            [1001],
        ]);
    });

    it("a chain that ends with another layered entry is left alone: that entry's own chain leads through ours", () => {
        const rest = [...baseEntries(), hidden(1020), hidden(1030)];
        const entries = [layer(1031, [1030, 1021]), layer(1021, [1020, 1001]), ...rest];
        expectChains(entries, [[1031, 1030, 1021], [1021, 1020, "ours", 1001], ["ours", "ours", 1001], [1001]]);
        const overIfs = [layer(1031, [1030, 1021]), layer(1021, [1020, 1001], { flags: ifs }), ...rest];
        expectChains(overIfs, [[1031, 1030, "ours", 1021], ["ours", "ours", 1021, 1001], [1021, 1020, 1001], [1001]]);
    });

    it("a provider that repeats its own hidden entry has us below the last of them", () => {
        const entries = [layer(1021, [1020, 1020, 1020, 1001]), ...baseEntries(), hidden(1020)];
        expectChains(entries, [[1021, 1020, 1020, 1020, "ours", 1001], ["ours", "ours", 1001], [1001]]);
    });

    it("one GUID for all entries: the step names the entry", () => {
        const shared = guidOf(1020);
        const entries = [
            layer(1021, [1020, 1001], { providerId: shared }),
            layer(1022, [1020, 1002], { providerId: shared, socketType: 2, protocol: 17 }),
            ...baseEntries(),
            hidden(1020, { providerId: shared }),
        ];
        expectChains(entries, [[1021, 1020, "ours", 1001], ["ours", "ours", 1001], [1001]]);
        const steps = planInstall(catalogOf(entries), options).steps.filter((step) => step.do === "update-provider");
        assert.deepEqual(
            steps.map((step) => "id" in step && step.id),
            [1021, 1022],
        );
    });

    it("a full chain is refused by its name, and nothing of the plan is done; six places become seven", () => {
        const of = (length: number): CatalogEntry[] => [
            layer(1021, [...Array<number>(length - 1).fill(1020), 1001]),
            ...baseEntries(),
            hidden(1020),
        ];
        const { code, message } = failure(() => install(of(7)));
        assert.equal(code, "ERR_CHAIN_FULL");
        assert.match(message, /"layer 1021" \(id 1021, 64-bit catalog\) has 7 entries/);
        assert.equal(install(of(6))[5]?.chain.length, 7);
        const without = install(of(7), { over: [1002] });
        assert.deepEqual(tcpChains(without), tcpChains(of(7)), "what is not covered may be full");
    });

    it("without rewriting it is refused, naming the layer and why; IFS layers do not mind", () => {
        const entries = [layer(1021, [1020, 1001]), ...baseEntries(), hidden(1020)];
        const { code, message } = failure(() => install(entries, { rewrite: false }));
        assert.equal(code, "ERR_NOT_IFS");
        assert.match(message, /"layer 1021" \(id 1021, 64-bit catalog\) is not IFS: .*--no-rewrite/);
        install(entries, { rewrite: false, over: [1002] });
        install([layer(1021, [1020, 1001], { flags: ifs }), ...baseEntries(), hidden(1020)], { rewrite: false });
    });

    it("each step says whose chain changes, below what, and what it becomes", () => {
        const layers = [layer(1031, [1030, 1021, 1001]), layer(1021, [1020, 1001])];
        const entries = [...layers, ...baseEntries(), hidden(1020), hidden(1030)];
        const texts = planInstall(catalogOf(entries), options)
            .steps.filter((step) => step.do === "update-provider")
            .map((step) => step.text);
        assert.deepEqual(texts, [
            '64-bit catalog: lead the chain of "layer 1031" (id 1031) through winsock-spi, below "layer 1021", which ' +
                "is not IFS: 1030 over 1021 over winsock-spi over 1001; new sockets of it go through the provider " +
                "from now on",
            '64-bit catalog: lead the chain of "layer 1021" (id 1021) through winsock-spi, below that provider, which ' +
                "is not IFS: 1020 over winsock-spi over 1001; new sockets of it go through the provider from now on",
        ]);
    });

    it("every chain is led through ours before the order changes, and after our entries are there", () => {
        const entries = [layer(1021, [1020, 1001]), ...baseEntries(), hidden(1020)];
        const { steps } = planInstall(catalogOf(entries), options);
        const kinds = steps.filter((step) => "catalog" in step).map((step) => step.do);
        assert.deepEqual(kinds, [...Array<string>(7).fill("install-provider"), "update-provider", "write-order"]);
    });

    it("uninstalling a chain that would be too long keeps its base", () => {
        const ours = new Map([
            [8, entry({ id: 8, chain: [9, 1, 2], providerId: ourTcp })],
            [9, entry({ id: 9, chain: [], providerId: ourTcp })],
        ]);
        assert.deepEqual(chainWithout([11, 12, 13, 14, 15, 16, 8], ours), [11, 12, 13, 14, 15, 16, 2]);
    });
});

describe("chains as they are found on machines", () => {
    it("an orphan whose hidden entry is gone: its place in its own chain is itself all the same", () => {
        const notIfsOrphan = [layer(1021, [1020, 1001]), ...baseEntries()];
        expectChains(notIfsOrphan, [[1021, 1020, "ours", 1001], ["ours", "ours", 1001], [1001]]);
        const ifsOrphan = [layer(1021, [1020, 1001], { flags: ifs }), ...baseEntries()];
        expectChains(ifsOrphan, [["ours", "ours", 1021, 1001], [1021, 1020, 1001], [1001]]);
    });

    it("a chain that still names a provider that has been removed: ours goes below what is there", () => {
        const middle = [layer(1021, [1020, 999, 1001]), ...baseEntries(), hidden(1020)];
        expectChains(middle, [[1021, 1020, "ours", 999, 1001], ["ours", "ours", 1001], [1001]]);
        const ifsMiddle = [layer(1021, [1020, 999, 1001], { flags: ifs }), ...baseEntries(), hidden(1020)];
        expectChains(ifsMiddle, [["ours", "ours", 1021, 1001], [1021, 1020, 999, 1001], [1001]]);
        const end = [layer(1021, [1020, 999]), ...baseEntries(), hidden(1020)];
        expectChains(end, [[1021, 1020, "ours", 999], ["ours", "ours", 1001], [1001]]);
    });

    it("what went from below ours without a word: uninstall takes it out of the chains above", () => {
        const lower = layer(1021, [1020, 1001], { flags: ifs });
        const before = [layer(1041, [1040, 999, 1021, 1001], { protocol: 17 }), lower, ...baseEntries(), hidden(1020)];
        const installed = install(before);
        const our = installed.find((one) => isOurs(one) && one.chain.includes(1021));
        assert.ok(our !== undefined);
        const above = layer(1051, [1050, our.id, 1021, 1001], { flags: ifs });
        const left = [above, ...installed.filter(({ id }) => id !== 1021 && id !== 1020)];
        const after = uninstall(left);
        assert.deepEqual(after.find(({ id }) => id === 1051)?.chain, [1050, 1001]);
        assert.deepEqual(after.find(({ id }) => id === 1041)?.chain, [1040, 999, 1021, 1001], "never led through ours");
    });

    it("a topmost chain that names nothing below is refused, with the reason; one further down is left alone", () => {
        const broken = layer(1021, [1020, 1020]);
        const { code, message } = failure(() => install([broken, ...baseEntries(), hidden(1020)]));
        assert.equal(code, "ERR_NOT_IFS");
        assert.match(message, /"layer 1021".*names no provider below it.*Remove that provider first/);
        const good = layer(1031, [1030, 1001]);
        expectChains(
            [good, broken, ...baseEntries(), hidden(1020), hidden(1030)],
            [[1031, 1030, "ours", 1001], [1021, 1020, 1020], ["ours", "ours", 1001], [1001]],
        );
    });

    it("two base entries of one triplet (VPN, Hyper-V): chains over the other one are not ours to change", () => {
        const second = entry({ id: 1050, name: "VPN TCP", protocol: 6, providerId: guidOf(1050) });
        const hyperV = [1060, 1061].map((id) => entry({ id, family: 34, protocol: 1, providerId: guidOf(1060) }));
        const rfcomm = entry({ id: 1062, family: 32, protocol: 3, providerId: guidOf(1062) });
        const bases = [...baseEntries(), second, ...hyperV, rfcomm];
        expectChains(
            [layer(1021, [1020, 1001]), layer(1022, [1020, 1050]), ...bases, hidden(1020)],
            [[1021, 1020, "ours", 1001], [1022, 1020, 1050], ["ours", "ours", 1001], [1001], [1050]],
        );
        // The topmost chain decides which base is below ours.
        expectChains(
            [layer(1022, [1020, 1050]), layer(1021, [1020, 1001]), ...bases, hidden(1020)],
            [[1022, 1020, "ours", 1050], [1021, 1020, 1001], [1001], ["ours", "ours", 1050], [1050]],
        );
    });

    it("a base entry that is not IFS (InfiniBand, some VPNs) is not covered where it is the first, and said so", () => {
        const ib = entry({ id: 1050, name: "IBAL", protocol: 6, providerId: guidOf(1050), flags: notIfs });
        const first = [ib, ...baseEntries()];
        assert.deepEqual(
            coverableEntries(first).map((one) => one.id),
            [1002, 1003, 1004, 1005, 1006],
        );
        assert.deepEqual(uninstall(install(first)), first);
        assert.match(failure(() => install(first, { over: [1050] })).message, /1050 \(IBAL\).*not IFS/);
        assert.equal(failure(() => install([ib])).code, "ERR_NOTHING_TO_COVER");
        const last = [...baseEntries(), ib];
        expectChains(last, [["ours", "ours", 1001], [1001], [1050]]);
    });

    it("a topmost chain over a base entry that is not IFS is refused", () => {
        const vpn = entry({ id: 1050, name: "VPN", protocol: 6, providerId: guidOf(1050), flags: notIfs });
        for (const flags of [ifs, notIfs]) {
            const entries = [layer(1021, [1020, 1050], { flags }), ...baseEntries(), vpn, hidden(1020)];
            const { code, message } = failure(() => install(entries));
            assert.equal(code, "ERR_NOT_IFS");
            assert.match(message, /"VPN" \(id 1050, 64-bit catalog\), which is below "layer 1021"/);
        }
    });

    it("24 entries of a suite over everything there is, one GUID, some IFS and some not", () => {
        const shared = guidOf(2000);
        const others = Array.from({ length: 17 }, (_, index) =>
            entry({ id: 1100 + index, family: [32, 34, 17][index % 3]!, protocol: index, providerId: guidOf(1100) }),
        );
        const bases = [...baseEntries(), ...others];
        const suite = bases.map((base, index) =>
            entry({
                id: 2001 + index,
                name: `Suite [${base.name}]`,
                providerId: shared,
                chain: [2000, base.id],
                family: base.family,
                socketType: base.socketType,
                protocol: base.protocol,
                flags: base.socketType === 3 ? ifs : notIfs,
            }),
        );
        const entries = [...suite, ...bases, hidden(2000, { providerId: shared })];
        assert.equal(entries.filter((one) => one.providerId === shared).length, 24);
        const installed = expectChains(entries, [[2001, 2000, "ours", 1001], ["ours", "ours", 1001], [1001]]);
        const changed = installed.filter((one) => !isOurs(one) && one.chain.length === 3);
        assert.deepEqual(
            changed.map((one) => one.id),
            [2001, 2002, 2004, 2005],
            "TCP and UDP; what is not IP stays",
        );
        const raw = installed.filter((one) => one.kind === "layered" && one.family === 2 && one.socketType === 3);
        assert.deepEqual(raw.map(isOurs), [true, false], "over an IFS entry of the same suite ours is on top");
    });
});
