// The suites of test/native: each executable is one; it prints `ok NAME` or `not ok NAME` for each of its tests.
import { existsSync, readdirSync } from "node:fs";
import path from "node:path";
import { buildFolder, onWindows, project } from "./paths.mjs";
import { attempt } from "./processes.mjs";

export function nativeSuites({ environment, counts }) {
    const folder = path.join(buildFolder("linux"), "bin", "native");
    if (onWindows || !existsSync(folder)) {
        return [];
    }
    return readdirSync(folder)
        .sort()
        .map((name) => ({ name: `native ${name}`, run: () => runSuite(environment, counts, folder, name) }));
}

async function runSuite(environment, counts, folder, name) {
    const fuzzer = name.startsWith("fuzz_");
    const args = fuzzer ? ["--seconds", String(counts.fuzzSeconds)] : [];
    if (fuzzer && process.env.WINSOCK_SPI_SEED !== undefined) {
        args.push("--seed", process.env.WINSOCK_SPI_SEED);
    }
    const timeout = (fuzzer ? 10 * counts.fuzzSeconds : 0) * 1000 + 300_000;
    const [file, ...rest] = environment.enter([path.join(folder, name), ...args], project);
    const { code, signal, output } = await attempt(file, rest, { timeout });
    const count = (pattern) => (output.match(pattern) ?? []).length;
    const result = { passed: count(/^ok /gm), failed: count(/^not ok /gm), skipped: count(/^skipped /gm), output };
    if (code !== 0 && result.failed === 0) {
        return { ...result, failed: 1, output: `${output}\n${name} ended with ${code ?? signal}` };
    }
    return result;
}
