// npm run bench [NAMES] [--quick]: every benchmark, or those that are named; a table each, then all targets beside what
// was measured; bench/results.json and, when all have run, bench/results.svg. --quick: tiny counts, nothing is written:
// only whether everything still runs.
//
// A benchmark is a module that exports
//   title    one line
//   inside   "host" or "provider": it runs in a Windows Node of its own in that column, by itself. Without it, it runs
//            here and is given the columns, to measure programs on them side by side (columns.mjs, worker.mjs)
//   targets  { [figure]: { atLeast: number } or { atMost: number } }; may be absent
//   measure({ quick, columns })  (`columns` only here) prints a table and resolves to an object for results.json, in it
//            `figures`: { [figure]: { median, least, most, pairs, unit, noise: { median, least, most } } }
//            unit: "" for ratios; noise: the A/A pair, absent where the figure is not of pairs
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { arch, cpus, release } from "node:os";
import path from "node:path";
import { local, project } from "../scripts/paths.mjs";
import { SetupError } from "../scripts/progress.mjs";
import { native } from "../scripts/run-windows.mjs";
import * as calls from "./calls.mjs";
import { openColumns } from "./columns.mjs";
import * as handOver from "./hand-over.mjs";
import { printTargets } from "./measure.mjs";
import * as policy from "./policy.mjs";
import * as policyCalls from "./policy-calls.mjs";
import * as processes from "./process.mjs";
import * as records from "./records.mjs";
import * as relay from "./relay.mjs";
import { picture } from "./svg.mjs";
import * as throughput from "./throughput.mjs";
import { traffic } from "./traffic.mjs";

export const benchmarks = {
    calls,
    ...traffic,
    "hand-over": handOver,
    throughput,
    policy,
    "policy-calls": policyCalls,
    process: processes,
    records,
    relay,
};

export async function bench({ environment, names, quick }) {
    const unknown = names.filter((name) => benchmarks[name] === undefined);
    if (unknown.length > 0) {
        const known = Object.keys(benchmarks).join(", ");
        throw new SetupError(`There is no benchmark ${unknown.join(", ")} (there is: ${known}).`, 64);
    }
    const results = {
        node: process.version,
        arch: arch(),
        system: `${process.platform} ${release()}`,
        processors: cpus().length,
        processor: cpus()[0].model,
        started: new Date().toISOString(),
        benchmarks: {},
    };
    const columns = await openColumns(environment);
    try {
        for (const [name, benchmark] of Object.entries(benchmarks)) {
            if (names.length === 0 || names.includes(name)) {
                console.log(`\n=== ${name}: ${benchmark.title}\n`);
                const result = await (benchmark.inside === undefined
                    ? benchmark.measure({ quick, columns })
                    : measureInside(name, benchmark, { quick, columns }));
                results.benchmarks[name] = { targets: benchmark.targets, ...result };
            }
        }
    } finally {
        await columns.close();
    }
    printTargets(results);
    if (!quick) {
        const file = path.join(project, "bench", "results.json");
        writeFileSync(file, `${JSON.stringify(results, null, 2)}\n`);
        console.log(`\nwritten: ${file}`);
        if (names.length === 0) {
            writeFileSync(path.join(project, "bench", "results.svg"), picture(results));
            console.log(`written: ${path.join(project, "bench", "results.svg")}`);
        }
    }
    return 0;
}

async function measureInside(name, { inside }, { quick, columns }) {
    if (columns[inside] === undefined) {
        console.log(`not here: there is no column "${inside}" (WINSOCK_SPI_LIVE=1 and administrator rights make it)`);
        return {};
    }
    mkdirSync(local, { recursive: true });
    const file = path.join(local, `bench-${name}-${process.pid}.json`);
    await columns[inside].runScript(
        path.join(project, "bench", "inside.mjs"),
        [name, native(file), ...(quick ? ["--quick"] : [])],
        { show: true },
    );
    return JSON.parse(readFileSync(file, "utf8"));
}
