// Wine prefixes, in three steps, each copied from the one before:
//   <user's cache>/prefixes/<environment>   a plain Windows 10, made by Wine once
//   .cache/template                         with the Winsock host side that this clone built, and the base catalog
//   .cache/prefix                           of `npm run cli` and `windows`; tests copy the template for themselves
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import path from "node:path";
import { copyPrefix } from "./copy-prefix.mjs";
import { withLock } from "./lock.mjs";
import { local, shared } from "./paths.mjs";
import { step } from "./progress.mjs";
import { contentKey } from "./stamp.mjs";
import { toWindowsPath, wine, wineBinaries, wineMust } from "./wine.mjs";

export const prefixes = path.join(shared, "prefixes");
export const template = path.join(local, "template");
export const cliPrefix = path.join(local, "prefix");

/** The folders of a prefix that hold its ws2_32.dll, with the architecture of the programs that load it. */
const systemFolders = [
    { folder: "drive_c/windows/system32", architecture: "x64" },
    { folder: "drive_c/windows/syswow64", architecture: "ia32" },
];
const hostFiles = ["ws2_32.dll", "winsock_wine_base.dll"];

/** A program with this name gets Wine's own Winsock in these prefixes: what a test compares with. */
export const bareProgram = "winsock_bare.exe";

const bareProgramSettings = `REGEDIT4

[HKEY_CURRENT_USER\\Software\\Wine\\AppDefaults\\${bareProgram}\\DllOverrides]
"ws2_32"="builtin"
`;

/** Which Winsock host files a prefix has. Written last, so that a half-made change is made again. */
const marker = "winsock-spi-host";

/** Makes or refreshes the template and the prefix of cli and windows. */
export async function ensurePrefixes(environment) {
    const key = hostKey(environment);
    if (isCurrent(template, key) && isCurrent(cliPrefix, key)) {
        return;
    }
    await withLock(local, async () => {
        if (!isCurrent(template, key)) {
            await makeTemplate(environment, key);
        }
        if (!existsSync(path.join(cliPrefix, "system.reg"))) {
            await rm(cliPrefix, { recursive: true, force: true });
            copyPrefix(template, cliPrefix);
        } else if (!isCurrent(cliPrefix, key)) {
            await step("putting the rebuilt Winsock host side into the prefix", () => refresh(environment, key));
        }
    });
}

/** A prefix of its own for one run of tests, in a folder that does not exist yet. */
export function copyTemplate(to) {
    mkdirSync(path.dirname(to), { recursive: true });
    copyPrefix(template, to);
}

/** Ends everything that runs in a prefix. Only for prefixes of tests: never what a user started. */
export async function endPrefix(environment, prefix) {
    await wine(environment, prefix, ["wineserver", "-k"], { timeout: 30_000 });
    await wine(environment, prefix, ["wineserver", "-w"], { timeout: 30_000 });
}

function isCurrent(prefix, key) {
    const file = path.join(prefix, marker);
    return existsSync(file) && readFileSync(file, "utf8") === key;
}

function hostKey(environment) {
    const files = architecturesOf(environment).flatMap(({ architecture }) =>
        hostFiles.map((file) => path.join(wineBinaries(architecture), file)),
    );
    return contentKey(
        [...files, path.join(wineBinaries("x64"), "winsock_wine_seed.exe")],
        environment.key + bareProgramSettings,
    );
}

function architecturesOf(environment) {
    return systemFolders.filter(({ architecture }) => environment.complete || architecture === "x64");
}

async function makeTemplate(environment, key) {
    const base = await ensureBase(environment);
    await step("making the Wine prefix with our Winsock host side", async () => {
        const temporary = `${template}.tmp`;
        await rm(temporary, { recursive: true, force: true });
        mkdirSync(local, { recursive: true });
        copyPrefix(base, temporary);
        for (const { folder, architecture } of architecturesOf(environment)) {
            const system = path.join(temporary, folder);
            mkdirSync(path.join(system, "winsock-wine"));
            renameSync(path.join(system, "ws2_32.dll"), path.join(system, "winsock-wine", "ws2_32.dll"));
            placeHostFiles(system, architecture);
        }
        const seed = path.join(wineBinaries("x64"), "winsock_wine_seed.exe");
        await wineMust(environment, temporary, ["wine", seed]);
        await importSettings(environment, temporary, bareProgramSettings);
        await wineMust(environment, temporary, ["wineserver", "-k"], { timeout: 30_000 }).catch(() => {});
        await wineMust(environment, temporary, ["wineserver", "-w"]);
        writeFileSync(path.join(temporary, marker), key);
        await rm(template, { recursive: true, force: true });
        renameSync(temporary, template);
    });
}

function placeHostFiles(system, architecture) {
    for (const file of hostFiles) {
        // Through a new file, so that programs which have the old one mapped keep it.
        const target = path.join(system, file);
        copyFileSync(path.join(wineBinaries(architecture), file), `${target}.new`);
        rmSync(target, { force: true });
        renameSync(`${target}.new`, target);
    }
}

/** New host files for the prefix of cli and windows; its registry, and what is installed in it, stays. */
async function refresh(environment, key) {
    // The server keeps the sections of DLLs that it has seen; programs still running in the prefix get their time to end.
    const ended = await wine(environment, cliPrefix, ["wineserver", "-w"], { timeout: 20_000 });
    if (ended.code === null) {
        await endPrefix(environment, cliPrefix);
    }
    for (const { folder, architecture } of architecturesOf(environment)) {
        placeHostFiles(path.join(cliPrefix, folder), architecture);
    }
    await importSettings(environment, cliPrefix, bareProgramSettings);
    writeFileSync(path.join(cliPrefix, marker), key);
}

/** Where the plain prefix of an environment is; its name changes with the settings in it. */
export function basePrefix(environment) {
    return path.join(prefixes, `${environment.key}-${contentKey([], baseSettings).slice(0, 8)}`);
}

/** The plain Windows 10 prefix of this environment, with Wine's own Winsock; made if it is not there. */
export async function ensureBase(environment) {
    const base = basePrefix(environment);
    if (!existsSync(base)) {
        await withLock(base, async () => {
            if (!existsSync(base)) {
                await step("making a plain Windows 10 prefix (once per user)", () => makeBase(environment, base));
            }
        });
    }
    return base;
}

// No display; a program that crashes ends, and says so by its exit code, with no window and no debugger; a ws2_32.dll
// that is not Wine's own is taken where there is one.
const baseSettings = `REGEDIT4

[HKEY_CURRENT_USER\\Software\\Wine\\Drivers]
"Graphics"="null"

[HKEY_CURRENT_USER\\Software\\Wine\\WineDbg]
"ShowCrashDialog"=dword:00000000

[HKEY_CURRENT_USER\\Software\\Wine\\DllOverrides]
"ws2_32"="native,builtin"

[HKEY_LOCAL_MACHINE\\Software\\Microsoft\\Windows NT\\CurrentVersion\\AeDebug]
"Debugger"=""

[HKEY_LOCAL_MACHINE\\Software\\Wow6432Node\\Microsoft\\Windows NT\\CurrentVersion\\AeDebug]
"Debugger"=""
`;

async function importSettings(environment, prefix, settings) {
    const file = path.join(prefix, "winsock-spi.reg");
    writeFileSync(file, settings);
    await wineMust(environment, prefix, ["wine", "regedit", "/S", toWindowsPath(file)]);
}

async function makeBase(environment, base) {
    mkdirSync(prefixes, { recursive: true });
    const temporary = path.join(prefixes, `.making-${process.pid}-${path.basename(base)}`);
    try {
        await wineMust(environment, temporary, ["wineboot", "-i"], { timeout: 300_000 });
        await importSettings(environment, temporary, baseSettings);
        await wineMust(environment, temporary, ["winecfg", "-v", "win10"]);
        for (const { folder } of architecturesOf(environment)) {
            await wineMust(environment, temporary, [
                "wine",
                `C:\\windows\\${path.basename(folder)}\\cmd.exe`,
                "/c",
                "exit 0",
            ]);
        }
        await wineMust(environment, temporary, ["wineserver", "-k"], { timeout: 30_000 }).catch(() => {});
        await wineMust(environment, temporary, ["wineserver", "-w"]);
        renameSync(temporary, base);
    } finally {
        await rm(temporary, { recursive: true, force: true });
    }
}
