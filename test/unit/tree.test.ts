// The catalog as a drawing for the terminal: what a program gets first, chains, faults, widths, names that lie.
import assert from "node:assert/strict";
import type { Catalog, CatalogEntry } from "#lib/catalog/model.js";
import { cells, cut, fitted, printable } from "#lib/catalog/printable.js";
import { formatTree } from "#lib/catalog/tree.js";
import { Random, baseEntries, cases, entry, freshCatalog, newSeed, withStranger } from "./catalogs.js";

const guid = "{11111111-2222-3333-4444-555555550000}";
const of64 = (entries: CatalogEntry[]): Catalog => ({ protocols: { "64": entries }, namespaces: {} });
const section = (drawn: string, title: string): string[] => {
    const lines = drawn.split("\n");
    const start = lines.indexOf(title);
    assert.notEqual(start, -1, `${title} is in\n${drawn}`);
    const end = lines.indexOf("", start);
    return lines.slice(start + 1, end === -1 ? undefined : end);
};

describe("tree", () => {
    it("draws who serves a protocol in catalog order, what a program gets marked, its chain below it", () => {
        const drawn = formatTree(of64(withStranger(baseEntries(), { firstId: 1100, guid, name: "Layer" })));
        assert.match(drawn, /^64-bit programs: 13 entries\n/);
        assert.deepEqual(
            section(drawn, "UDP/IPv6").map((line) => line.replace(/ {2,}/g, "  ")),
            [
                "> 1105  Layer over [MSAFD Tcpip [UDP/IPv6]]  layered  s.dll",
                "  └─ 1005 MSAFD Tcpip [UDP/IPv6]  base  mswsock.dll",
                "  1005  MSAFD Tcpip [UDP/IPv6]  base  mswsock.dll",
            ],
        );
        assert.match(
            section(drawn, "Hidden: stand for their providers in chains")[0]!,
            /1100 +Layer +in 6 chains +s\.dll$/,
        );
    });

    it("marks what is served though Winsock does not list it", () => {
        assert.match(section(formatTree(freshCatalog()), "RAW/IPv4")[0]!, /^> 1003 .* base, unlisted /);
    });

    it("marks ids that nobody has, chains that end nowhere, hidden entries in no chain, ids given twice", () => {
        const layered = (id: number, chain: number[]): CatalogEntry =>
            entry({ id, chain, providerId: guid, path: "C:\\l.dll", name: "L" });
        const hidden = entry({ id: 1100, chain: [], providerId: guid, path: "C:\\l.dll", name: "H" });
        const drawn = formatTree(
            of64([
                layered(1101, [1100, 4242, 1001]),
                layered(1102, [1100, 1001, 1100]),
                ...baseEntries(),
                hidden,
                entry({ id: 1200, chain: [], providerId: guid, path: "C:\\o.dll", name: "Orphan" }),
                layered(1101, [1100, 1001]),
            ]),
        );
        assert.match(drawn, /^64-bit programs: 11 entries, 4 faults\n/);
        const tcp = section(drawn, "TCP/IPv4").join("\n");
        assert.match(tcp, /> 1101 .*\n +└─ ✗ 4242 is not in the catalog\n +└─ 1001 /);
        assert.match(tcp, /✗ the chain does not end at a base entry/);
        assert.match(tcp, /✗ another entry has the id 1101 too/);
        assert.match(drawn, /1200 +Orphan +in no chain/);
    });

    it("draws the first place of a chain where it stands for somebody else", () => {
        const own = entry({ id: 1101, chain: [1101, 1001], path: "C:\\l.dll" });
        const strange = entry({ id: 1102, chain: [1002, 1001], path: "C:\\l.dll" });
        const tcp = section(formatTree(of64([own, strange, ...baseEntries()])), "TCP/IPv4");
        assert.equal(tcp.length, 2 + 3 + 1);
    });

    it("shows namespaces, and which are off", () => {
        const catalog = freshCatalog();
        catalog.namespaces["64"] = [
            {
                name: "NTDS",
                providerId: guid,
                path: "%SystemRoot%\\System32\\winrnr.dll",
                namespace: 32,
                namespaceName: "NS_NTDS",
                enabled: false,
                version: 0,
                storesServiceClassInfo: false,
            },
        ];
        assert.match(
            section(formatTree(catalog), "Names: asked in this order")[0]!,
            /NTDS +NS_NTDS, off +winrnr\.dll$/,
        );
    });

    it("leaves nothing in names that a terminal would obey", () => {
        const evil = "a\u001B[2Jb\u009Bc\r\nd\u202Ee\u0000\uD800f";
        assert.equal(printable(evil), "a\uFFFD[2Jb\uFFFDc\uFFFD\uFFFDd\uFFFDe\uFFFD\uFFFDf");
        const drawn = formatTree(of64([entry({ id: 1, name: evil, path: `C:\\${evil}.dll` })]));
        assert.ok(!/[\u0000-\u0009\u000B-\u001F\u007F-\u009F\u202E]/.test(drawn));
    });

    it("has colours only where they are asked for", () => {
        assert.ok(!formatTree(freshCatalog()).includes("\u001B"));
        const colored = formatTree(freshCatalog(), { colors: true });
        assert.ok(colored.includes("\u001B[1m"));
        assert.equal(colored.replace(/\u001B\[\d+m/g, ""), formatTree(freshCatalog()));
    });

    it("counts cells: wide signs take two, signs upon signs none", () => {
        assert.equal(cells("abc"), 3);
        assert.equal(cells("日本"), 4);
        assert.equal(cells("e\u0301"), 1);
        assert.equal(cut("日本語", 5), "日本…");
        assert.equal(cut("日本語", 4), "日…");
        assert.equal(cut("abc", 0), "");
        assert.equal(fitted("日", 4), "日  ");
    });

    it("keeps every line within the width, whatever the catalog and the names are", () => {
        const seed = newSeed();
        const random = new Random(seed);
        const signs = ["a", "W", "日", "e\u0301", "\u001B", " ", "🙂", "ﬁ"];
        const text = (): string => Array.from({ length: random.below(40) }, () => random.pick(signs)).join("");
        for (let round = 0; round < cases(300); round++) {
            const entries = Array.from({ length: random.below(12) }, (_, index) =>
                entry({
                    id: random.chance(5) ? 0xffff_ffff : index + 1,
                    name: text(),
                    path: `C:\\${text()}.dll`,
                    chain: Array.from({ length: random.below(8) }, () => random.below(14)),
                    family: random.pick([2, 23, 34, 99]),
                    socketType: random.pick([1, 2, 3, 9]),
                    protocol: random.below(300),
                }),
            );
            const width = 40 + random.below(120);
            const drawn = formatTree(of64(entries), { width });
            for (const line of drawn.split("\n")) {
                assert.ok(cells(line) <= width, `seed ${seed}: ${cells(line)} cells of ${width}: ${line}`);
            }
            for (const { id, kind } of entries.filter(({ kind }) => kind !== "hidden")) {
                assert.ok(new RegExp(`\\b${id}\\b`).test(drawn), `seed ${seed}: ${kind} ${id} is drawn`);
            }
        }
    });

    it("says what is wrong with its arguments", () => {
        assert.throws(() => formatTree(freshCatalog(), { width: 39 }), TypeError);
        assert.equal(formatTree({ protocols: {}, namespaces: {} }), "There is no catalog.");
    });
});
