// The suites of the package as its users get it: the tarball installed into an empty project by each package manager,
// with no scripts run, then imported, required, compiled against and started there. What npm has installed is also loaded
// by Windows Nodes, which read the catalog.
//
// The package managers come from the npm registry, pinned, into the user's cache. Where the registry cannot be reached
// these suites are skipped, with the reason.
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import path from "node:path";
import { withLock } from "./lock.mjs";
import { nodePath, nodes } from "./nodes.mjs";
import { npm } from "./npm.mjs";
import { packed } from "./pack.mjs";
import { fetchPackage } from "./packages.mjs";
import { local, onWindows, project, shared } from "./paths.mjs";
import { copyTemplate, endPrefix } from "./prefix.mjs";
import { attempt } from "./processes.mjs";
import { step } from "./progress.mjs";
import { native } from "./run-windows.mjs";
import { relayed } from "./wine.mjs";

const place = path.join(local, "installed");
const installTimeout = 300_000;

const managers = {
    npm: {
        install: (tarball) =>
            npm(["install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline", tarball]),
        typesToo: true,
        windowsToo: true,
    },
    pnpm: {
        package: "pnpm",
        version: "10.34.8",
        sha512: "9ieo6XE0Ov5J39D2PQKCNCAd+oMdXLWIcz4eX42ya/FpiaMhYatcG02zsf28NzFgYGtbieAC323RmoWt+R/FqA==",
        main: "bin/pnpm.cjs",
        install: (tarball) => ["add", "--ignore-scripts", "--prefer-offline", "--store-dir", cache("pnpm"), tarball],
        typesToo: true,
    },
    "yarn-berry": {
        package: "@yarnpkg/cli-dist",
        version: "4.18.1",
        sha512: "EH+A4TxAtBWXKE0DGQxW9Bo9crXHLJ73mfxjTQJuv8XonNWWTpei8BQ5JjczHJNU9GROTycwMFn8iOvRIZXUcA==",
        main: "bin/yarn.js",
        // Plug'n'Play, as yarn does it by itself: the harder case for a package with files that Windows has to load.
        settings: () =>
            `enableScripts: false\nenableTelemetry: false\nglobalFolder: ${JSON.stringify(cache("yarn"))}\n`,
        install: (tarball) => ["add", `winsock-spi@file:${tarball.replaceAll("\\", "/")}`],
        run: (args) => ["node", ...args],
    },
    "yarn-classic": {
        package: "yarn",
        version: "1.22.22",
        sha512: "prL3kGtyG7o9Z9Sv8IPfBNrWTDmXB4Qbes8A9rEzt6wkJV8mUvoirjU0Mp3GGAU06Y0XQyA3/2/RQFVuK7MTfg==",
        main: "bin/yarn.js",
        install: (tarball) => [
            ...[
                "add",
                "--ignore-scripts",
                "--non-interactive",
                "--prefer-offline",
                "--cache-folder",
                cache("yarn-classic"),
            ],
            `file:${tarball}`,
        ],
    },
};

function cache(name) {
    return path.join(shared, "package-managers", `${name}-cache`);
}

/** What a user's program does first. Its last line says what came of it. */
const consumer = `
import * as library from "winsock-spi";
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
const require = createRequire(import.meta.url);
const required = require("winsock-spi");
const found = { same: required.install === library.install, schema: typeof require("winsock-spi/policy.schema.json") };
const root = path.dirname(require.resolve("winsock-spi/package.json"));
found.binaries = ["x64", "ia32"].every((arch) => existsSync(path.join(root, "prebuilds", "win32-" + arch, "winsock_spi.node")));
try {
    const { protocols } = await library.readCatalog();
    found.entries = Object.fromEntries(Object.entries(protocols).map(([bits, entries]) => [bits, entries.length]));
} catch (error) {
    found.code = error.code;
    found.instance = error instanceof library.WinsockError;
}
console.log(JSON.stringify(found));
`;

export function packageSuites({ environment }) {
    return Object.keys(managers).map((name) => ({
        name: `package ${name}`,
        run: () => runSuite(name, environment),
    }));
}

class Skip extends Error {}

async function runSuite(name, environment) {
    const lines = [];
    const failures = [];
    const result = { passed: 0, failed: 0, skipped: 0, failures };
    const test = async (title, work) => {
        try {
            await work();
            result.passed++;
            lines.push(`  ✔ ${title}`);
        } catch (error) {
            if (error instanceof Skip) {
                result.skipped++;
                lines.push(`  - ${title}: skipped: ${error.message}`);
                return false;
            }
            result.failed++;
            const message = error.forPeople ? error.message : String(error.stack);
            failures.push({ title, message, timedOut: false });
            lines.push(`  ${result.failed}) ${title}\n${message}`);
            return false;
        }
        return true;
    };
    const folder = path.join(place, name);
    const manager = managers[name];
    let size;
    const installed = await test("installs the tarball, with no scripts", async () => {
        ({ size } = await packed());
        await install(name, folder);
    });
    if (installed) {
        await test("imports, requires and calls it", async () =>
            expectConsumer(await run(...inProject(name, folder, ["consumer.mjs"]), folder)));
        if (name !== "yarn-berry") {
            await test("starts the CLI", () => startCli(folder));
        }
        if (manager.typesToo) {
            await test("compiles against its types", () => compile(folder));
        }
        if (manager.windowsToo && !onWindows) {
            await test("loads it in Windows Nodes, which read the catalog", () => readCatalogs(environment, folder));
        }
    }
    lines.push(`  tarball: ${size} bytes`);
    return { ...result, output: lines.join("\n") };
}

async function install(name, folder) {
    const { tarball } = await packed();
    const manager = managers[name];
    await rm(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    writeFileSync(
        path.join(folder, "package.json"),
        JSON.stringify({ name: "consumer", version: "1.0.0", private: true, type: "module" }),
    );
    writeFileSync(path.join(folder, "consumer.mjs"), consumer);
    if (manager.settings !== undefined) {
        writeFileSync(path.join(folder, ".yarnrc.yml"), manager.settings());
        writeFileSync(path.join(folder, "yarn.lock"), ""); // else it takes the project around it for its own
    }
    if (manager.package !== undefined) {
        await fetchManager(name);
    }
    const words = manager.install(tarball);
    const command = manager.package === undefined ? words : [process.execPath, [mainOf(name), ...words]];
    const { code, output } = await attempt(...command, { cwd: folder, env: variables(), timeout: installTimeout });
    if (code !== 0) {
        if (/ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH/.test(output)) {
            throw new Skip("the npm registry cannot be reached");
        }
        throw new Error(`${name}: exit code ${code}\n${output}`);
    }
}

/** What npm tells the scripts that it runs is not for other package managers. */
function variables() {
    const kept = Object.entries(process.env).filter(([name]) => !/^(npm_|INIT_CWD|CI$)/i.test(name));
    return Object.fromEntries(kept);
}

function managerFolder(name) {
    return path.join(shared, "package-managers", `${name}-${managers[name].version}`);
}

function mainOf(name) {
    return path.join(managerFolder(name), managers[name].main);
}

async function fetchManager(name) {
    const wanted = managers[name];
    await withLock(`package-manager-${name}`, async () => {
        if (!existsSync(mainOf(name))) {
            await step(`fetching ${wanted.package} ${wanted.version}`, () =>
                fetchPackage(wanted, managerFolder(name)),
            ).catch((error) => {
                throw error.unexpected
                    ? error
                    : new Skip(`${wanted.package} could not be fetched from the npm registry`);
            });
        }
    });
}

/** File and arguments that run Node in that project. */
function inProject(name, folder, args) {
    const { run: words } = managers[name];
    return [process.execPath, words === undefined ? args : [mainOf(name), ...words(args)]];
}

async function run(file, args, folder) {
    const { code, output } = await attempt(file, args, { cwd: folder, env: variables(), timeout: 120_000 });
    if (code !== 0) {
        throw new Error(`${path.basename(file)} ${args.join(" ")}: exit code ${code}\n${output}`);
    }
    return output;
}

/** The output of consumer.mjs: on Windows the catalog was read, elsewhere the error says that this is not Windows. */
function expectConsumer(output, bits = onWindows ? catalogsHere() : undefined) {
    const found = JSON.parse(output.trim().split("\n").at(-1));
    const whole = found.same && found.schema === "object" && found.binaries;
    const read = (name) => found.entries?.[name] > 0;
    const answered =
        bits === undefined ? found.code === "ERR_UNSUPPORTED_PLATFORM" && found.instance : bits.every(read);
    if (!whole || !answered) {
        throw new Error(`the program found ${JSON.stringify(found)}`);
    }
}

function catalogsHere() {
    return process.arch === "ia32" ? ["32"] : ["64", "32"];
}

async function startCli(folder) {
    const manifest = path.join(folder, "node_modules", "winsock-spi", "package.json");
    const { bin } = JSON.parse(readFileSync(manifest, "utf8"));
    const main = path.join(path.dirname(manifest), bin["winsock-spi"]);
    const { code, output } = await attempt(process.execPath, [main, "catalog", "--json"], { cwd: folder });
    const answer = JSON.parse(output);
    if (onWindows ? code !== 0 : code !== 2 || answer.error.code !== "ERR_UNSUPPORTED_PLATFORM") {
        throw new Error(`winsock-spi catalog --json: exit code ${code}\n${output}`);
    }
    const shim = path.join(folder, "node_modules", ".bin", onWindows ? "winsock-spi.cmd" : "winsock-spi");
    if (!existsSync(shim)) {
        throw new Error(`${shim}: not made`);
    }
}

async function compile(folder) {
    const types = path.join(folder, "node_modules", "@types");
    rmSync(types, { recursive: true, force: true });
    mkdirSync(types);
    symlinkSync(path.join(project, "node_modules", "@types", "node"), path.join(types, "node"), "junction");
    const source =
        'import { type LiveCatalog, readCatalog } from "winsock-spi";\nexport const c: Promise<LiveCatalog> = readCatalog();\n';
    writeFileSync(path.join(folder, "consumer.ts"), source);
    const compilerOptions = { noEmit: true, strict: true, module: "nodenext", target: "es2022", skipLibCheck: true };
    writeFileSync(path.join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["consumer.ts"] }));
    await run(process.execPath, [path.join(project, "node_modules", "typescript", "bin", "tsc")], folder);
}

/** Wine's 32-bit half and the newer Nodes are there where the environment is complete. */
async function readCatalogs(environment, folder) {
    const wanted = ["node20", "node26", "node-x86"].filter((name) => environment.complete || nodes[name].oldWine);
    const prefix = path.join(local, "test-prefixes", `package-${process.pid}`);
    copyTemplate(prefix);
    try {
        for (const name of wanted) {
            const { file, args, env } = relayed({
                environment,
                prefix,
                program: native(nodePath(name)),
                args: [native(path.join(folder, "consumer.mjs"))],
                folder,
                variables: {},
            });
            const { code, output } = await attempt(file, args, { cwd: folder, env, timeout: 120_000 });
            if (code !== 0) {
                throw new Error(`${name}: exit code ${code}\n${output}`);
            }
            expectConsumer(output, environment.complete ? ["64", "32"] : ["64"]);
        }
    } finally {
        await endPrefix(environment, prefix);
        await rm(prefix, { recursive: true, force: true, maxRetries: 3 });
    }
}
