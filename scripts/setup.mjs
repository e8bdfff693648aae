// The set-up of a clone: everything that a command needs, made if missing or stale, else left alone.
import { buildLibrary, buildNative, buildNativeTests, buildTests, prebuildsFilled } from "./build.mjs";
import { ensureNodes } from "./nodes.mjs";
import { ensureDependencies } from "./npm.mjs";
import { givenBinaries, onWindows } from "./paths.mjs";
import { ensurePrefixes } from "./prefix.mjs";
import { SetupError, say, seconds } from "./progress.mjs";
import { environment } from "./root.mjs";

/** Below this the set-up did nothing worth a line. */
const quietMilliseconds = 3000;

/**
 * wanted: { nodes: names of Windows Nodes, tests: also what only the tests need }.
 * Returns the environment that Windows programs run in; undefined on Windows, which is one.
 */
export async function setup(wanted = {}) {
    const begin = performance.now();
    const where = await (onWindows ? setupOnWindows(wanted) : setupOnLinux(wanted));
    if (performance.now() - begin > quietMilliseconds) {
        say(`winsock-spi: set-up: ${seconds(begin)}`);
    }
    return where;
}

async function setupOnLinux({ nodes = [], tests = false }) {
    if (process.platform !== "linux" || process.arch !== "x64") {
        throw new SetupError(
            `winsock-spi is developed on Windows or on x86-64 Linux, not on ${process.platform} ${process.arch}.`,
            2,
        );
    }
    // Three things that wait for the network, not for each other.
    const [where] = await allDone([environment(), ensureNodes(nodes), ensureDependencies()]);
    await allDone([
        buildNative(where)
            .then(() => ensurePrefixes(where))
            .then(() => (tests ? buildNativeTests(where) : undefined)),
        buildLibrary().then(() => (tests ? buildTests() : undefined)),
    ]);
    return where;
}

async function setupOnWindows({ nodes = [], tests = false }) {
    await ensureDependencies();
    if (tests || givenBinaries !== undefined || !prebuildsFilled()) {
        await buildNative(undefined);
    }
    await ensureNodes(nodes);
    await buildLibrary();
    if (tests) {
        await buildTests();
    }
    return undefined;
}

/** Promise.all that fails only when all are done, so that nothing goes on behind an error message. */
async function allDone(promises) {
    const results = await Promise.allSettled(promises);
    const failed = results.find(({ status }) => status === "rejected");
    if (failed !== undefined) {
        throw failed.reason;
    }
    return results.map(({ value }) => value);
}
