// The suites of test/unit: mocha on this Node, on any operating system.
import { existsSync, readdirSync } from "node:fs";
import path from "node:path";
import { compiledTests } from "./build.mjs";
import { buildFolder, local, onWindows, project } from "./paths.mjs";
import { runMocha } from "./test-mocha.mjs";

const timeout = { quick: 300_000, full: 4 * 3_600_000 };

export function unitSuites({ environment, counts, full }) {
    const folder = path.join(compiledTests, "unit");
    const files = testFiles(folder);
    if (files.length === 0) {
        return [];
    }
    return [
        {
            name: "unit",
            run: () =>
                runMocha({
                    files,
                    report: path.join(local, "report-unit.json"),
                    native: (file) => file,
                    command: (args, variables) => ({
                        file: process.execPath,
                        args,
                        env: {
                            ...process.env,
                            WINSOCK_SPI_CASES: String(counts.cases),
                            ...nativePrograms(environment),
                            ...variables,
                        },
                    }),
                    timeout: full ? timeout.full : timeout.quick,
                }),
        },
    ];
}

/** How tests run a program of test/native (test/support/native.ts). They are only built on Linux. */
function nativePrograms(environment) {
    const file = path.join(buildFolder("linux"), "bin", "native", "@PROGRAM@");
    return onWindows ? {} : { WINSOCK_SPI_NATIVE: JSON.stringify(environment.enter([file], project)) };
}

/** The compiled *.test.js of a folder. */
export function testFiles(folder) {
    return existsSync(folder)
        ? readdirSync(folder)
              .filter((name) => name.endsWith(".test.js"))
              .sort()
              .map((name) => path.join(folder, name))
        : [];
}
