// How benchmarks measure: two or more ways of doing the same thing, in turn, in one run. What counts is the ratio of each pair;
// what is printed is the median ratio with its spread, beside an A/A pair (one way against itself) that shows how much
// of it is noise.

/** The least number of pairs behind a ratio. */
export const leastPairs = 9;

export function median(numbers) {
    const sorted = [...numbers].sort((a, b) => a - b);
    const middle = sorted.length >> 1;
    return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** { median, least, most, pairs } of numbers. */
export function summary(numbers) {
    return { median: median(numbers), least: Math.min(...numbers), most: Math.max(...numbers), pairs: numbers.length };
}

/**
 * Does each of `sides` ({ name: function }) once in each round, after a round that only warms up, and gives what they
 * resolved to: { name: [of each round] }. The order changes from round to round, so that none is always the first.
 */
export async function interleave(sides, rounds = leastPairs) {
    const names = Object.keys(sides);
    for (const name of names) {
        await sides[name]();
    }
    const results = Object.fromEntries(names.map((name) => [name, []]));
    for (let round = 0; round < rounds; ++round) {
        const turned = names.map((_, index) => names[(index + (round >> 1)) % names.length]);
        for (const name of round % 2 === 0 ? turned : turned.reverse()) {
            results[name].push(await sides[name]());
        }
    }
    return results;
}

/** What each pair's ratio is: of the numbers `over` to the numbers `under`, one of each round. */
export function ratios(over, under) {
    return summary(over.map((number, round) => number / under[round]));
}

/**
 * Measures `ours` against `theirs`: functions that do it once and resolve to seconds (or to `{ seconds, ...more }`).
 * A ratio above 1 says that ours is faster.
 */
export async function compare(ours, theirs, { pairs = leastPairs } = {}) {
    const measured = (work) => async () => {
        const result = await work();
        return typeof result === "number" ? { seconds: result } : result;
    };
    const sides = { theirs: measured(theirs), ours: measured(ours), noise: measured(theirs) };
    const runs = await interleave(sides, pairs);
    const seconds = (side) => runs[side].map((run) => run.seconds);
    return {
        ours: runs.ours,
        theirs: runs.theirs,
        ratio: ratios(seconds("theirs"), seconds("ours")),
        noise: ratios(seconds("theirs"), seconds("noise")),
    };
}

/** Whether a figure is what its target ({ atLeast } or { atMost }) says. */
export function reaches({ atLeast = -Infinity, atMost = Infinity }, { median: middle }) {
    return middle >= atLeast && middle <= atMost;
}

/** A number as people read it: three digits that count, thousands apart. */
export function formatNumber(number) {
    if (Math.abs(number) >= 100) {
        return Math.round(number).toLocaleString("en");
    }
    return number.toFixed(Math.abs(number) < 10 ? 2 : 1);
}

export function formatRatio({ median: middle, least, most }) {
    return `${middle.toFixed(2)} (${least.toFixed(2)}-${most.toFixed(2)})`;
}

/** The same with its unit, if it has one; of numbers of any size. */
export function formatFigure({ median: middle, least, most, unit = "" }) {
    const spread = least === undefined ? "" : ` (${formatNumber(least)}-${formatNumber(most)})`;
    return `${formatNumber(middle)}${spread}${unit === "" ? "" : ` ${unit}`}`;
}

/** Prints rows of cells, the first row as head. */
export function printTable(rows) {
    const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => String(row[column]).length)));
    for (const [index, row] of rows.entries()) {
        console.log(
            row
                .map((cell, column) => String(cell).padEnd(widths[column]))
                .join("  ")
                .trimEnd(),
        );
        if (index === 0) {
            console.log(widths.map((width) => "-".repeat(width)).join("  "));
        }
    }
}

/** Every target of every benchmark that was run: [{ name, target, figure }]; figure is undefined if it was not measured. */
export function targetsOf(results) {
    return Object.values(results.benchmarks).flatMap(({ targets = {}, figures = {} }) =>
        Object.entries(targets).map(([name, target]) => ({ name, target, figure: figures[name] })),
    );
}

/** Prints what was to be reached beside what was measured. */
export function printTargets(results) {
    const rows = targetsOf(results).map(({ name, target, figure }) => [
        name,
        figure === undefined ? "not measured" : formatFigure(figure),
        figure?.noise === undefined ? "" : formatFigure(figure.noise),
        [
            target.atLeast === undefined ? "" : `at least ${formatNumber(target.atLeast)}`,
            target.atMost === undefined ? "" : `at most ${formatNumber(target.atMost)}`,
        ].join(""),
        figure === undefined ? "" : reaches(target, figure) ? "yes" : "NO",
    ]);
    if (rows.length > 0) {
        console.log("\n=== targets\n");
        printTable([["figure", "median (spread)", "A/A (spread)", "target", "reached"], ...rows]);
    }
}
