// npm run bench: every benchmark, or those whose names are given; a table each, and bench/results.json.
import { writeFileSync } from "node:fs";
import { arch, cpus, release } from "node:os";
import { fileURLToPath } from "node:url";
import * as handOver from "./hand-over.mjs";
import * as policy from "./policy.mjs";
import * as policyCalls from "./policy-calls.mjs";
import * as relay from "./relay.mjs";
import * as throughput from "./throughput.mjs";

const benchmarks = { "hand-over": handOver, throughput, policy, "policy-calls": policyCalls, relay };

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => benchmarks[name] === undefined);
if (unknown.length > 0) {
    console.error(`There is no benchmark ${unknown.join(", ")} (there is: ${Object.keys(benchmarks).join(", ")}).`);
    process.exit(64);
}

const results = {
    node: process.version,
    arch: arch(),
    system: release(),
    processors: cpus().length,
    started: new Date().toISOString(),
    benchmarks: {},
};
for (const [name, { title, measure }] of Object.entries(benchmarks)) {
    if (asked.length === 0 || asked.includes(name)) {
        console.log(`\n=== ${name}: ${title}\n`);
        results.benchmarks[name] = await measure();
    }
}
const file = fileURLToPath(new URL("results.json", import.meta.url));
writeFileSync(file, `${JSON.stringify(results, null, 2)}\n`);
console.log(`\nwritten: ${file}`);
process.exit(0); // channels of child processes may still be open
