// npm test, npm run test:full: the set-up, then every suite; the last line is `N passed, N failed, N skipped`.
//
//   test/unit       mocha on this Node
//   test/native     unit tests and fuzzers of native/core, with sanitizers (Linux)
//   test/windows    mocha in Windows Node, each file in a process and, on Linux, in a Wine prefix of its own
//
// Words after the options are parts of file names: `npm test -- diff ring` runs only the suites that have one of them.
import os from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { compiledTests } from "./build.mjs";
import { nodes } from "./nodes.mjs";
import { say, seconds } from "./progress.mjs";
import { setup } from "./setup.mjs";
import { nativeSuites } from "./test-native.mjs";
import { unitSuites } from "./test-unit.mjs";
import { windowsSuites } from "./test-windows.mjs";

export async function main(args) {
    const full = args.includes("--full");
    const filters = args.filter((argument) => !argument.startsWith("--"));
    process.env.WINSOCK_SPI_FULL = full ? "1" : "0";
    const environment = await setup({ nodes: Object.keys(nodes), tests: true });
    const { counts } = await import(pathToFileURL(path.join(compiledTests, "support", "counts.js")).href);

    const given = { environment, counts, full };
    const suites = (await Promise.all([windowsSuites(given), nativeSuites(given), unitSuites(given)]))
        .flat()
        .filter(({ name }) => filters.length === 0 || filters.some((filter) => name.includes(filter)));
    const begin = performance.now();
    const total = { passed: 0, failed: 0, skipped: 0 };
    const failures = [];
    await inParallel(suites, async (suite) => {
        const suiteBegin = performance.now();
        const result = await suite.run();
        process.stdout.write(`\n===== ${suite.name} (${seconds(suiteBegin)})\n${result.output.trimEnd()}\n`);
        for (const key of Object.keys(total)) {
            total[key] += result[key];
        }
        if (result.failed > 0) {
            failures.push(`${suite.name}: ${result.failed} failed`);
        }
    });
    say(`winsock-spi: tests: ${seconds(begin)}`);
    const none = total.passed + total.failed === 0;
    process.stdout.write(`\n${none ? "No test ran.\n" : ""}${failures.map((line) => `FAILED ${line}\n`).join("")}`);
    process.stdout.write(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped\n`);
    return total.failed === 0 && !none ? 0 : 1;
}

/** Runs the suites in their order, at most as many at once as there are processors; `alone` ones one after the other. */
async function inParallel(suites, runSuite) {
    const workers = Math.min(4, Math.max(2, os.availableParallelism()));
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
