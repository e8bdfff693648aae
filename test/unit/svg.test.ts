// The catalog as a picture: well-formed, self-contained, nothing stands upon anything else, names are escaped.
import assert from "node:assert/strict";
import type { Catalog, CatalogEntry } from "#lib/catalog/model.js";
import { formatSvg } from "#lib/catalog/svg.js";
import { type Box, type Layout, cellWidth, layoutCatalog } from "#lib/catalog/svg-layout.js";
import { cells } from "#lib/catalog/printable.js";
import { Random, baseEntries, cases, entry, freshCatalog, newSeed, withStranger } from "./catalogs.js";

const guid = "{11111111-2222-3333-4444-555555550000}";
const of64 = (entries: CatalogEntry[]): Catalog => ({ protocols: { "64": entries }, namespaces: {} });

/** The tags of an XML text; throws where they do not close each other or a sign is not allowed. */
function checkXml(text: string): number {
    assert.ok(!/[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/u.test(text), "only signs that XML allows");
    const open: string[] = [];
    let count = 0;
    const outside = text.replace(
        /<(\/?)([a-z]+)((?:\s+[\w:.-]+="[^"<]*")*)\s*(\/?)>/gi,
        (_, end: string, name: string, _attributes, empty: string) => {
            count++;
            if (end !== "") {
                assert.equal(open.pop(), name);
            } else if (empty === "") {
                open.push(name);
            }
            return "";
        },
    );
    assert.deepEqual(open, [], "every element ends");
    assert.ok(!/[<>]/.test(outside), "no bracket is left that is no tag");
    assert.ok(!/&(?!amp;|lt;|gt;|quot;|#39;)/.test(outside), "no ampersand that is no reference");
    return count;
}

const overlap = (a: Box, b: Box): boolean =>
    a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;

function checkLayout({ boxes, labels, arrows, width, height }: Layout): void {
    // A frame stands 3 off its box.
    const outer = boxes.map((box) => ({
        ...box,
        x: box.x - 4,
        y: box.y - 4,
        width: box.width + 8,
        height: box.height + 8,
    }));
    for (const [index, box] of outer.entries()) {
        assert.ok(
            box.x >= 0 && box.y >= 0 && box.x + box.width <= width && box.y + box.height <= height,
            "in the picture",
        );
        assert.ok(
            cells(box.title) * cellWidth <= box.width - 16 && cells(box.detail) * cellWidth <= box.width - 16,
            box.title,
        );
        for (const other of outer.slice(index + 1)) {
            assert.ok(!overlap(box, other), `${box.title} and ${other.title} stand upon each other`);
        }
        for (const { x, y, text } of labels) {
            const label: Box = { ...box, x, y: y - 13, width: cells(text) * cellWidth, height: 16 };
            assert.ok(
                !overlap(label, { ...box, x: box.x + 4, y: box.y + 4, width: box.width - 8, height: box.height - 8 }),
                `${text} stands upon ${box.title}`,
            );
        }
        for (const { x1, x2, y } of arrows) {
            const arrow: Box = { ...box, x: x1, y: y - 4, width: x2 - x1, height: 8 };
            const inner = { ...box, x: box.x + 4, y: box.y + 4, width: box.width - 8, height: box.height - 8 };
            assert.ok(!overlap(arrow, inner), "no arrow crosses a box");
        }
    }
    for (const { x, text } of labels) {
        assert.ok(x + cells(text) * cellWidth <= width, `${text} ends in the picture`);
    }
}

describe("svg", () => {
    it("draws one box for each place: rows are entries, columns are what their calls come to", () => {
        const layout = layoutCatalog(of64(withStranger(baseEntries(), { firstId: 1100, guid, count: 2 })));
        checkLayout(layout);
        const kinds = layout.boxes.map(({ kind }) => kind);
        assert.equal(kinds.filter((kind) => kind === "layered").length, 2);
        assert.equal(kinds.filter((kind) => kind === "base").length, 6 + 2);
        assert.equal(kinds.filter((kind) => kind === "hidden").length, 1);
        assert.equal(layout.arrows.length, 2);
        assert.equal(layout.boxes.filter(({ first }) => first).length, 6, "one first per protocol");
        const [top, below] = layout.boxes;
        assert.match(top!.detail, /^1101 layered s\.dll$/);
        assert.match(below!.detail, /^1001 base mswsock\.dll$/);
        assert.ok(below!.x > top!.x && below!.y === top!.y);
    });

    it("marks what is broken", () => {
        const broken = entry({ id: 1101, chain: [1100, 4242, 1001], path: "C:\\l.dll" });
        const hidden = entry({ id: 1100, chain: [], path: "C:\\l.dll" });
        const layout = layoutCatalog(of64([broken, ...baseEntries(), hidden]));
        checkLayout(layout);
        assert.deepEqual(
            layout.boxes.filter(({ kind }) => kind === "missing").map(({ title, detail }) => `${title} ${detail}`),
            ["4242 is not in the catalog"],
        );
        assert.equal(layout.arrows.filter((arrow) => arrow.broken).length, 1);
        assert.ok(layout.labels.some(({ text }) => text === "64-bit programs: 8 entries, 1 fault"));
    });

    it("is well-formed XML that refers to nothing, whatever the names are", () => {
        const evil = `<script>alert("1")</script>&amp; ]]> ' \u0000\u001B\uD800\uFFFE 日本 --`;
        const svg = formatSvg(of64([entry({ id: 1, name: evil, path: `C:\\${evil}` })]), { title: evil });
        checkXml(svg);
        assert.ok(svg.includes("&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;amp;"));
        assert.ok(!/<script|href|url\(|@import|<image|<foreignObject/i.test(svg));
        assert.deepEqual(
            svg.match(/https?:[^"]*/g),
            ["http://www.w3.org/2000/svg"],
            "the namespace and no other address",
        );
    });

    it("can be read on light and on dark pages", () => {
        const svg = formatSvg(freshCatalog());
        const colorsOf = (rules: string): Map<string, string> =>
            new Map([...rules.matchAll(/([.,\w]+)\{fill:(#\w+)/g)].map(([, names, color]) => [names!, color!]));
        const [light, dark] = svg.split("prefers-color-scheme:dark").map(colorsOf);
        assert.ok(light!.size > 8);
        assert.deepEqual([...dark!.keys()], [...light!.keys()]);
        /** 0 to 255, roughly as the eye sees it. */
        const brightness = (color: string): number => {
            const [red, green, blue] = [1, 3, 5].map((at) => Number.parseInt(color.slice(at, at + 2), 16));
            return 0.3 * red! + 0.6 * green! + 0.1 * blue!;
        };
        for (const colors of [light!, dark!]) {
            for (const background of [".page", ".base", ".layered", ".hidden", ".namespace", ".missing"]) {
                const contrast = Math.abs(brightness(colors.get("text")!) - brightness(colors.get(background)!));
                assert.ok(contrast > 120, `text on ${background}: ${contrast}`);
            }
        }
    });

    it("lets nothing stand upon anything else, whatever the catalog is", () => {
        const seed = newSeed();
        const random = new Random(seed);
        for (let round = 0; round < cases(60); round++) {
            const entries = Array.from({ length: random.below(14) }, (_, index) =>
                entry({
                    id: index + 1,
                    name: random.pick(["", "W".repeat(200), "日本".repeat(60), "a < b", "x"]),
                    chain: Array.from({ length: random.below(8) }, () => random.below(16)),
                    family: random.pick([2, 23]),
                    socketType: random.pick([1, 2, 3]),
                    protocol: random.pick([0, 6, 17]),
                }),
            );
            const catalog = of64(entries);
            try {
                checkLayout(layoutCatalog(catalog));
                checkXml(formatSvg(catalog));
            } catch (error) {
                throw new Error(`seed ${seed}: ${JSON.stringify(catalog)}`, { cause: error });
            }
        }
    });
});
