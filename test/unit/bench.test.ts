// The pure parts of the benchmarks: how pairs become ratios, what counts as reached, and the picture.
import assert from "node:assert/strict";
import * as path from "node:path";
import { pathToFileURL } from "node:url";
import { DOMParser } from "@xmldom/xmldom";
import { packageRoot } from "#lib/native.js";

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- modules without types
const load = (name: string): Promise<any> => import(pathToFileURL(path.join(packageRoot, "bench", name)).href);

describe("bench: measuring", () => {
    it("does each side once in every round after one that warms up, and none is always the first", async () => {
        const { interleave } = await load("measure.mjs");
        const order: string[] = [];
        const side = (name: string) => (): number => order.push(name);
        const results = await interleave({ a: side("a"), b: side("b"), c: side("c") }, 6);
        assert.deepEqual(Object.keys(results), ["a", "b", "c"]);
        assert.equal(order.length, 3 + 3 * 6);
        assert.equal(results.a.length, 6, "what the warm-up gave is not counted");
        const rounds = Array.from({ length: 6 }, (_, round) => order.slice(3 + 3 * round, 6 + 3 * round));
        for (const round of rounds) {
            assert.deepEqual(round.toSorted(), ["a", "b", "c"]);
        }
        assert.deepEqual([...new Set(rounds.map(([first]) => first))].sort(), ["a", "b", "c"]);
    });

    it("compares by the ratio of each pair: above 1 is faster, with median, spread and an A/A pair", async () => {
        const { compare, leastPairs } = await load("measure.mjs");
        assert.ok(leastPairs >= 9);
        let pair = 0;
        const { ratio, noise, ours } = await compare(
            () => ({ seconds: [9, 1, 2, 4][pair++], note: "kept" }),
            () => 4,
            { pairs: 3 },
        );
        assert.deepEqual(ratio, { median: 2, least: 1, most: 4, pairs: 3 });
        assert.deepEqual(noise, { median: 1, least: 1, most: 1, pairs: 3 });
        assert.equal(ours[0].note, "kept");
    });

    it("finds the median of an even number, and does not sort what it was given", async () => {
        const { median } = await load("measure.mjs");
        const numbers = [10, 1, 2, 9];
        assert.equal(median(numbers), 5.5);
        assert.deepEqual(numbers, [10, 1, 2, 9]);
    });

    it("writes numbers of every size as people read them", async () => {
        const { formatNumber, formatFigure } = await load("measure.mjs");
        assert.deepEqual([0.974, 3.456, 76.54, 1234567].map(formatNumber), ["0.97", "3.46", "76.5", "1,234,567"]);
        assert.equal(formatFigure({ median: 3.5, least: 3, most: 4, unit: "ns" }), "3.50 (3.00-4.00) ns");
    });

    it("holds programs to the targets of the issue", async () => {
        const { traffic } = await load("traffic.mjs");
        const benchmarks = Object.values<{ targets: Record<string, unknown> }>(traffic);
        const all = Object.fromEntries(benchmarks.flatMap(({ targets }) => Object.entries(targets)));
        for (const name of ["HTTP, kept alive", "HTTP, new connections", "UDP", "DNS, lookup", "DNS, queries"]) {
            assert.deepEqual(all[`${name}: provider / host`], { atLeast: 0.97 });
            assert.deepEqual(all[`${name}: host / bare`], { atLeast: 0.95 });
        }
    });
});

describe("bench: the picture", () => {
    const figure = (median: number) => ({ median, least: median * 0.9, most: median * 1.1, pairs: 9, unit: "ns" });
    const results = {
        node: "v22.0.0",
        system: "linux 6",
        processors: 2,
        processor: 'A "processor" <fast> & cheap',
        started: "2026-01-02T03:04:05Z",
        benchmarks: {
            calls: {
                targets: { good: { atMost: 5 }, bad: { atMost: 5 }, absent: { atLeast: 1 } },
                figures: { good: figure(4), bad: figure(6), other: figure(1) },
            },
            http: {
                figures: {},
                rows: { HTTP: { unit: "requests/s", host: { perSecond: 2000 }, provider: { perSecond: 1000 } } },
            },
        },
    };

    it("is well-formed, whatever is in the names", async () => {
        const { picture } = await load("svg.mjs");
        const problems: string[] = [];
        const parser = new DOMParser({ onError: (_level, message) => void problems.push(message) });
        const document = parser.parseFromString(picture(results), "image/svg+xml");
        assert.deepEqual(problems, []);
        const texts = Array.from(document.getElementsByTagName("text"), ({ textContent }) => textContent);
        assert.ok(texts.some((text) => text?.includes('A "processor" <fast> & cheap')));
    });

    it("shows each target that was measured, reached or not, and no other", async () => {
        const { picture } = await load("svg.mjs");
        const svg: string = picture(results);
        assert.equal(svg.match(/class="reached"/g)?.length, 1);
        assert.equal(svg.match(/class="missed"/g)?.length, 1);
        assert.match(svg, />4\.00 ns, at most 5\.00</);
        assert.doesNotMatch(svg, /absent|other/);
    });

    it("draws columns to one scale per group, and only those that there are", async () => {
        const { picture } = await load("svg.mjs");
        const bars = [...picture(results).matchAll(/width="([\d.]+)" height="14" rx="2" class="(\w+)"/g)];
        const length = (kind: string): number => Number(bars.find((bar) => bar[2] === kind)?.[1]);
        assert.equal(length("host"), 2 * length("provider"));
        assert.ok(!bars.some((bar) => bar[2] === "bare"));
    });

    it("can be read in light and in dark", async () => {
        const { picture } = await load("svg.mjs");
        assert.match(picture(results), /prefers-color-scheme: dark/);
    });
});
