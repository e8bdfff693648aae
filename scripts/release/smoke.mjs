// node scripts/release/smoke.mjs [SPEC]: installs the package with MANAGER (npm, pnpm or yarn; from the environment) into
// an empty project, without install scripts, and tries it. SPEC: what to install; by default this version from the
// registry, waiting up to ten minutes for it to be there.
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { npm } from "../npm.mjs";
import { onWindows, project } from "../paths.mjs";
import { attempt, run } from "../processes.mjs";

const managers = {
    npm: (spec) => ["install", spec, "--ignore-scripts", "--no-audit", "--no-fund"],
    pnpm: (spec) => ["exec", "--yes", "--package=pnpm@10.34.8", "--", "pnpm", "add", spec, "--ignore-scripts"],
    yarn: (spec) => ["exec", "--yes", "--package=@yarnpkg/cli-dist@4.18.1", "--", "yarn", "add", spec],
};

// What a first program would do. Where there is no Winsock the calls say so, and nothing else goes wrong.
const program = `
import { WinsockError, readCatalog } from "winsock-spi";
try {
    const { protocols } = await readCatalog();
    console.log("catalog:", Object.values(protocols).flat().length, "entries");
} catch (error) {
    if (process.platform === "win32" || !(error instanceof WinsockError) || error.code !== "ERR_UNSUPPORTED_PLATFORM") {
        throw error;
    }
    console.log(error.code);
}`;

const { name, version } = JSON.parse(readFileSync(path.join(project, "package.json"), "utf8"));
const manager = process.env.MANAGER ?? "npm";
const [given] = process.argv.slice(2);
const folder = mkdtempSync(path.join(os.tmpdir(), "winsock-spi-"));
try {
    writeFileSync(path.join(folder, "package.json"), '{ "name": "smoke", "private": true, "type": "module" }\n');
    writeFileSync(path.join(folder, "smoke.mjs"), program);
    // Yarn takes the folder for a part of another project otherwise, and has install scripts off only by a setting.
    writeFileSync(path.join(folder, "yarn.lock"), "");
    writeFileSync(path.join(folder, ".yarnrc.yml"), "nodeLinker: node-modules\nenableScripts: false\n");
    await install(given === undefined ? `${name}@${version}` : `${name}@file:${path.resolve(given)}`);
    console.log((await run(process.execPath, ["smoke.mjs"], { cwd: folder, what: `${manager}: the program` })).trim());
    const bin = path.join(folder, "node_modules", name, "dist", "cli", "main.js");
    const cli = await attempt(process.execPath, [bin, "catalog", "--json"], { cwd: folder });
    const expected = onWindows ? 0 : 2;
    if (cli.code !== expected) {
        throw new Error(`winsock-spi catalog: exit code ${cli.code}, not ${expected}\n${cli.output}`);
    }
    console.log(`${manager}: ${name} installed and tried`);
} finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
}

async function install(spec) {
    const deadline = Date.now() + (given === undefined ? 600_000 : 0);
    for (;;) {
        const [file, args] = npm(managers[manager](spec));
        const { code, output } = await attempt(file, args, { cwd: folder });
        if (code === 0) {
            return;
        }
        if (Date.now() > deadline) {
            throw new Error(`${manager} cannot install ${spec}:\n${output}`);
        }
        await sleep(20_000);
    }
}
