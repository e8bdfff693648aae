// How benchmarks measure: two ways of doing the same thing, in turn, in one run. What counts is the ratio of each pair;
// what is printed is the median ratio with its spread, beside an A/A pair (one way against itself) that shows how much
// of it is noise.

/** The least number of pairs behind a ratio. */
export const leastPairs = 9;

export function median(numbers) {
    const sorted = [...numbers].sort((a, b) => a - b);
    const middle = sorted.length >> 1;
    return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

function summary(ratios) {
    return { median: median(ratios), least: Math.min(...ratios), most: Math.max(...ratios), pairs: ratios.length };
}

/**
 * Measures `ours` against `theirs`: functions that do it once and resolve to seconds (or to `{ seconds, ...more }`).
 * A ratio above 1 says that ours is faster. The order within a pair changes from pair to pair.
 */
export async function compare(ours, theirs, { pairs = leastPairs } = {}) {
    const runs = { ours: [], theirs: [], noise: [] };
    const once = async (work) => {
        const result = await work();
        return typeof result === "number" ? { seconds: result } : result;
    };
    await once(theirs); // warms up both sides
    await once(ours);
    for (let pair = 0; pair < pairs; ++pair) {
        const order = pair % 2 === 0 ? ["ours", "theirs", "noise"] : ["noise", "theirs", "ours"];
        for (const side of order) {
            runs[side].push(await once(side === "ours" ? ours : theirs));
        }
    }
    const ratios = (side) => runs.theirs.map(({ seconds }, pair) => seconds / runs[side][pair].seconds);
    return { ours: runs.ours, theirs: runs.theirs, ratio: summary(ratios("ours")), noise: summary(ratios("noise")) };
}

export function formatRatio({ median: middle, least, most }) {
    return `${middle.toFixed(2)} (${least.toFixed(2)}-${most.toFixed(2)})`;
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
