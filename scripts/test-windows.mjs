// The suites of test/windows: mocha in Windows Node, each file in a process of its own. On Linux each gets a Wine prefix
// of its own too, copied from the template; on Windows they share the machine's catalog and run one after the other.
import { existsSync, readdirSync } from "node:fs";
import { rm } from "node:fs/promises";
import path from "node:path";
import { compiledTests } from "./build.mjs";
import { reasonNotToChange } from "./live.mjs";
import { nodePath, nodes } from "./nodes.mjs";
import { architectures, buildFolder, local, onWindows, project } from "./paths.mjs";
import { bareProgram, copyTemplate, endPrefix } from "./prefix.mjs";
import { ensurePrograms } from "./programs.mjs";
import { SetupError } from "./progress.mjs";
import { native } from "./run-windows.mjs";
import { runMocha } from "./test-mocha.mjs";
import { testFiles } from "./test-unit.mjs";
import { relayed } from "./wine.mjs";

/** A file that hangs is ended after this. All stackings of strange providers, in the full run, take some hours. */
const timeout = { quick: 600_000, full: 5 * 3_600_000 };

/** The files that run other people's programs; those are fetched only for them. */
const needPrograms = new Set(["acceptance-programs", "share-runtimes"]);

export async function windowsSuites(given) {
    const { environment, full } = given;
    const node = testNode();
    await removeLeftPrefixes();
    const facts = {
        project: native(project),
        nodes: usableNodes(environment),
        builds: Object.fromEntries(
            architectures.map(({ name, preset }) => [
                name === "x64" ? 64 : 32,
                native(path.join(buildFolder(preset), "bin")),
            ]),
        ),
        bareProgram: onWindows ? undefined : bareProgram,
        unchangeable: await reasonNotToChange(),
    };
    return testFiles(path.join(compiledTests, "windows")).map((file) => {
        const name = path.basename(file, ".test.js");
        return {
            name: `windows ${name}`,
            alone: onWindows,
            run: async () =>
                runFile({
                    environment,
                    node,
                    file,
                    name,
                    facts: JSON.stringify({
                        ...facts,
                        programs: needPrograms.has(name) ? await programFiles(given) : {},
                    }),
                    timeout: full ? timeout.full : timeout.quick,
                }),
        };
    });
}

/**
 * The Node that runs the suites: on Windows the one that runs us, under Wine the first of those that tests use; another
 * 64-bit one by WINSOCK_SPI_TEST_NODE. (From a 32-bit one, tests would see the system's files redirected.)
 */
function testNode() {
    const name = process.env.WINSOCK_SPI_TEST_NODE;
    const usable = Object.keys(nodes).filter((candidate) => nodes[candidate].arch === "x64");
    if (name !== undefined && !usable.includes(name)) {
        throw new SetupError(`WINSOCK_SPI_TEST_NODE=${name}: it must be one of ${usable.join(", ")}.`, 64);
    }
    return onWindows && name === undefined ? process.execPath : nodePath(name ?? "node");
}

const testPrefixes = path.join(local, "test-prefixes");

/** Prefixes of test runs that were killed: their names end with the process id of the run. */
async function removeLeftPrefixes() {
    for (const name of existsSync(testPrefixes) ? readdirSync(testPrefixes) : []) {
        if (!existsSync(`/proc/${name.split("-").at(-1)}`)) {
            await rm(path.join(testPrefixes, name), { recursive: true, force: true, maxRetries: 3 });
        }
    }
}

/** node.exe of each Windows Node that runs here, as Windows names it. */
function usableNodes(environment) {
    const usable = Object.keys(nodes).filter(
        (name) => existsSync(nodePath(name)) && (onWindows || environment.complete || nodes[name].oldWine),
    );
    return Object.fromEntries(usable.map((name) => [name, native(nodePath(name))]));
}

/** Other people's programs as Windows names them: { file } or { missing: reason } by name. */
async function programFiles(given) {
    const found = Object.entries(await ensurePrograms(given));
    return Object.fromEntries(
        found.map(([name, { file, missing }]) => [name, file === undefined ? { missing } : { file: native(file) }]),
    );
}

async function runFile({ environment, node, facts, file, name, timeout }) {
    const prefix = path.join(testPrefixes, `${name}-${process.pid}`);
    const run = (command) =>
        runMocha({
            files: [file],
            report: path.join(local, `report-${name}-${process.pid}.json`),
            native,
            timeout,
            command,
        });
    if (onWindows) {
        return run((args, variables) => ({
            file: node,
            args,
            env: { ...process.env, WINSOCK_SPI_TEST: facts, ...variables },
        }));
    }
    copyTemplate(prefix);
    try {
        return await run((args, variables) =>
            relayed({
                environment,
                prefix,
                args,
                folder: project,
                program: native(node),
                variables: { WINSOCK_SPI_TEST: facts, ...variables },
            }),
        );
    } finally {
        await endPrefix(environment, prefix);
        await rm(prefix, { recursive: true, force: true, maxRetries: 3 });
    }
}
