// Benchmarks of programs in every column: the same work in turn in Windows Nodes that run all the time, one per column,
// and in the host's once more (the A/A pair). `watched` is the provider's column with a watcher that reads every record.
import { formatNumber, formatRatio, interleave, median, printTable, ratios, summary } from "./measure.mjs";

/** What counts, as the issue names it: what our provider may cost, and what our host side under Wine may cost. */
const providerTarget = { atLeast: 0.97 };
const hostTarget = { atLeast: 0.95 };

const milliseconds = 200; // of each sample
const warmUp = 1500; // until then V8 compiles, which costs more than anything that is measured
const rounds = 21; // more than the least: one sample is short

/** The ratios of columns that are told, if both columns are here: [name, over, under, target]. */
const pairs = [
    ["provider / host", "provider", "host", providerTarget],
    ["host / bare", "host", "bare", hostTarget],
    ["watched / host", "watched", "host", undefined],
];

/**
 * A benchmark of rows { name, unit, call, given, targeted }: `call` is a function of bench/ends that is given
 * { milliseconds, ...given } and gives { perSecond, ...more } (more: numbers, whose medians are told). targeted: whether
 * its ratios have targets.
 */
export function sideBySide({ title, rows }) {
    const targets = {};
    for (const { name } of rows.filter(({ targeted }) => targeted)) {
        for (const [pair, , , target] of pairs) {
            if (target !== undefined) {
                targets[`${name}: ${pair}`] = target;
            }
        }
    }
    return { title, targets, measure: (options) => measure(rows, options) };
}

async function measure(rows, { quick, columns }) {
    await Promise.all(columns.names.map((name) => columns[name].ready()));
    const workers = {};
    for (const name of columns.names) {
        workers[name] = await columns[name].worker();
    }
    const watcher = await columns.provider?.worker("watcher");
    const results = { figures: {}, rows: {} };
    for (const row of rows) {
        process.stderr.write(`${row.name} ... `);
        const runs = await measureRow(row, { quick, workers, watcher });
        Object.assign(results.figures, figuresOf(row, runs));
        results.rows[row.name] = { unit: row.unit, ...mediansOf(runs) };
    }
    process.stderr.write("\n");
    printRows(rows, results);
    return results;
}

async function measureRow({ call, given }, { quick, workers, watcher }) {
    for (const worker of quick ? [] : Object.values(workers)) {
        await worker.ask(call, { milliseconds: warmUp, ...given });
    }
    const asked = { milliseconds: quick ? 20 : milliseconds, ...given };
    const sides = Object.fromEntries(
        Object.entries(workers).map(([name, worker]) => [name, () => worker.ask(call, asked)]),
    );
    sides.again = sides.host;
    if (watcher !== undefined) {
        sides.watched = async () => {
            await watcher.ask("watcher.start");
            const result = await sides.provider();
            return { ...result, ...(await watcher.ask("watcher.stop")) };
        };
    }
    return interleave(sides, quick ? 1 : rounds);
}

function figuresOf({ name }, runs) {
    const speeds = (side) => runs[side].map(({ perSecond }) => perSecond);
    const noise = ratios(speeds("again"), speeds("host"));
    return Object.fromEntries(
        pairs
            .filter(([, over, under]) => runs[over] !== undefined && runs[under] !== undefined)
            .map(([pair, over, under]) => [
                `${name}: ${pair}`,
                { ...ratios(speeds(over), speeds(under)), unit: "", noise },
            ]),
    );
}

/** Of each side, the median of everything that its runs tell. */
function mediansOf(runs) {
    return Object.fromEntries(
        Object.entries(runs).map(([side, results]) => [
            side,
            Object.fromEntries(
                Object.keys(results[0]).map((key) => [key, median(results.map((result) => result[key]))]),
            ),
        ]),
    );
}

function printRows(rows, { figures, rows: medians }) {
    const sides = ["bare", "host", "provider", "watched"].filter((side) => medians[rows[0].name][side] !== undefined);
    const shown = pairs.filter(([pair]) => figures[`${rows[0].name}: ${pair}`] !== undefined);
    const head = ["", ...sides, ...shown.map(([pair]) => pair), "A/A"];
    const body = rows.flatMap(({ name, unit, more = [] }) => [
        [
            `${name}, ${unit}`,
            ...sides.map((side) => formatNumber(medians[name][side].perSecond)),
            ...shown.map(([pair]) => formatRatio(figures[`${name}: ${pair}`])),
            formatRatio(figures[`${name}: ${pairs[0][0]}`]?.noise ?? summary([1])),
        ],
        ...more.map(([key, title]) => [
            title,
            ...sides.map((side) => formatNumber(medians[name][side][key])),
            ...shown.map(() => ""),
            "",
        ]),
    ]);
    printTable([head, ...body]);
}
