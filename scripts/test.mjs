// npm test, npm run test:full: the set-up, then every suite; the last line is `N passed, N failed, N skipped`.
//
//   scripts/checks  formatting, linters, documentation, workflows, the package
//   test/unit       mocha on this Node
//   the package     its tarball, installed by each package manager (scripts/test-package.mjs)
//   test/native     unit tests and fuzzers of native/core, with sanitizers (Linux)
//   bench           the benchmarks of programs, with tiny counts
//   test/windows    mocha in Windows Node, each file in a process and, on Linux, in a Wine prefix of its own
//
// Words after the options are parts of file names: `npm test -- diff ring` runs only the suites that have one of them;
// with such a word, "windows" and "native", which all of their suites have, say nothing.
//
// A suite that failed is run once more at the end, by itself: on a machine that does three other things a time-out does
// not tell what hangs from what waits. If it passes then it counts as passed, and what had failed is listed as SLOW
// (nothing but time-outs) or UNSTABLE (anything else: a defect to be found, told here so that it is). More than
// `toleratedUnstable` suites are no accident: then the first results stand.
import os from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { compiledTests } from "./build.mjs";
import { nodes } from "./nodes.mjs";
import { say, seconds } from "./progress.mjs";
import { setup } from "./setup.mjs";
import { benchSuites } from "./test-bench.mjs";
import { checkSuites } from "./test-checks.mjs";
import { nativeSuites } from "./test-native.mjs";
import { packageSuites } from "./test-package.mjs";
import { unitSuites } from "./test-unit.mjs";
import { windowsSuites } from "./test-windows.mjs";

/** Suites that may fail at first and pass by themselves. */
const toleratedUnstable = 3;

export async function main(args) {
    const full = args.includes("--full");
    const words = args.filter((argument) => !argument.startsWith("--"));
    const telling = words.filter((word) => word !== "windows" && word !== "native");
    const filters = telling.length > 0 ? telling : words;
    process.env.WINSOCK_SPI_FULL = full ? "1" : "0";
    const environment = await setup({ nodes: Object.keys(nodes), tests: true });
    const { counts } = await import(pathToFileURL(path.join(compiledTests, "support", "counts.js")).href);

    const given = { environment, counts, full };
    const suites = (
        await Promise.all([
            windowsSuites(given),
            nativeSuites(given),
            unitSuites(given),
            checkSuites(given),
            packageSuites(given),
            benchSuites(),
        ])
    )
        .flat()
        .filter(({ name }) => filters.length === 0 || filters.some((filter) => name.includes(filter)));
    const begin = performance.now();
    const results = new Map();
    const run = async (suite) => {
        const suiteBegin = performance.now();
        const result = await suite.run();
        process.stdout.write(`\n===== ${suite.name} (${seconds(suiteBegin)})\n${result.output.trimEnd()}\n`);
        results.set(suite, result);
    };
    await inParallel(suites, run);
    const slow = suites.filter((suite) => onlyTimeouts(results.get(suite)));
    const unstable = suites.filter((suite) => results.get(suite).failed > 0 && !slow.includes(suite));
    const again = [...slow, ...(unstable.length <= toleratedUnstable ? unstable : [])];
    const lines = [];
    for (const suite of again) {
        const first = results.get(suite);
        await run(suite);
        if (results.get(suite).failed === 0) {
            lines.push(...failureLines(slow.includes(suite) ? "SLOW" : "UNSTABLE", suite, first));
        }
    }
    say(`winsock-spi: tests: ${seconds(begin)}`);
    const total = { passed: 0, failed: 0, skipped: 0 };
    for (const [suite, result] of results) {
        for (const key of Object.keys(total)) {
            total[key] += result[key];
        }
        lines.push(...failureLines("FAILED", suite, result));
    }
    const none = total.passed + total.failed === 0;
    process.stdout.write(`\n${none ? "No test ran.\n" : ""}${lines.map((line) => `${line}\n`).join("")}`);
    process.stdout.write(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped\n`);
    return total.failed === 0 && !none ? 0 : 1;
}

function onlyTimeouts({ failed, failures = [] }) {
    return failed > 0 && failures.length === failed && failures.every(({ timedOut }) => timedOut);
}

/** What failed in a suite: a line each, at the end of the output, where it is found. */
function failureLines(word, suite, { failed, failures = [] }) {
    const untold = failed - failures.length;
    return [
        ...failures.map(
            ({ title, message }) => `${word} ${suite.name}: ${title}: ${message.split("\n")[0].slice(0, 300)}`,
        ),
        ...(untold > 0 ? [`${word} ${suite.name}: ${untold} failed`] : []),
    ];
}

/** Runs the suites in their order, one more at once than there are processors (they also wait); `alone` ones one by one. */
async function inParallel(suites, runSuite) {
    const workers = Math.min(4, os.availableParallelism() + 1);
    const queue = suites.filter(({ alone }) => !alone);
    const work = async () => {
        for (let suite = queue.shift(); suite !== undefined; suite = queue.shift()) {
            await runSuite(suite);
        }
    };
    await Promise.all(Array.from({ length: workers }, work));
    for (const suite of suites.filter(({ alone }) => alone)) {
        await runSuite(suite);
    }
}
