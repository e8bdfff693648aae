// Finds and loads the addon's file, and says why it could not. Importing this file does nothing; only lib/native.ts calls
// loadAddon.

import * as fs from "node:fs";
import { createRequire } from "node:module";
import * as path from "node:path";
import { fileURLToPath } from "node:url";
import { WinsockError } from "../errors.js";
import { processorHeaderSize, processorOf } from "./processor.js";

/** The name of the addon's file in every place where it may lie. */
const addonName = "winsock_spi.node";

/** The folder of this package: dist/native/load.js lies two levels below it. */
export const packageRoot = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..", "..");

/** The version in this package's package.json. */
export function packageVersion(): string {
    const manifest = JSON.parse(fs.readFileSync(path.join(packageRoot, "package.json"), "utf8")) as { version: string };
    return manifest.version;
}

/**
 * Environment variables by which node-gyp-build can be sent elsewhere. A tool that administrators run must not load a
 * DLL because of a variable that somebody else could set, and whether we are elevated is known only to the addon that
 * is still to be loaded: so they are ignored always.
 */
const overrides = [
    "WINSOCK_SPI_PREBUILD",
    "PREBUILDS_ONLY",
    "npm_config_arch",
    "npm_config_platform",
    "LIBC",
    "ARM_VERSION",
];

function withoutOverrides<T>(call: () => T): T {
    const saved = new Map<string, string>();
    for (const name of overrides) {
        const value = process.env[name];
        if (value !== undefined) {
            saved.set(name, value);
            delete process.env[name];
        }
    }
    try {
        return call();
    } finally {
        for (const [name, value] of saved) {
            process.env[name] = value;
        }
    }
}

/**
 * The places where the addon may lie, all inside this package, in the order of preference of node-gyp-build: who has
 * built it means to use that.
 */
export function addonCandidates(root: string, arch: string): string[] {
    return [
        path.join(root, "build", "Release", addonName),
        path.join(root, "build", "Debug", addonName),
        path.join(root, "prebuilds", `win32-${arch}`, addonName),
    ];
}

/**
 * The candidates with the answer of node-gyp-build first. It is believed only if it is one of them: it also looks beside
 * node.exe, and a copy of it that another package loaded earlier may have kept an override.
 */
function inOrder(require: NodeJS.Require): string[] {
    const candidates = addonCandidates(packageRoot, process.arch);
    const found = withoutOverrides(() => {
        try {
            const build = require("node-gyp-build") as { path(root: string): string };
            return path.resolve(build.path(packageRoot));
        } catch {
            return undefined; // a bundler may have left it out, too
        }
    });
    return found === undefined || !candidates.includes(found)
        ? candidates
        : [found, ...candidates.filter((candidate) => candidate !== found)];
}

/** One place that was tried, and what came of it. */
export interface LoadAttempt {
    readonly file: string;
    /** What went wrong, for people; undefined where there is no such file. */
    readonly reason?: string | undefined;
    /** Of the error, e.g. `ERR_DLOPEN_FAILED`. */
    readonly code?: string | undefined;
    /** For which processor the file was made, as Node names it, if it is a Windows binary. */
    readonly arch?: string | undefined;
}

/** What a message about a failed load is made of. */
export interface LoadFacts {
    readonly attempts: readonly LoadAttempt[];
    readonly root: string;
    /** `process.version`, `process.platform`, `process.arch`. */
    readonly node: string;
    readonly platform: string;
    readonly arch: string;
    /** Names of the folders in prebuilds/; undefined where that folder is missing. */
    readonly brought: readonly string[] | undefined;
}

/** Why the addon could not be loaded: every place with its own reason, then what to do. Pure. */
export function describeLoadFailure(facts: LoadFacts): string {
    const lines = facts.attempts.map((attempt) => {
        const made = attempt.arch === undefined ? "" : ` (made for ${attempt.arch})`;
        return `  ${attempt.file}${made}: ${attempt.reason ?? "no such file"}`;
    });
    return [
        `The native part of winsock-spi could not be loaded in Node ${facts.node} (${facts.platform}-${facts.arch}). Tried:`,
        ...lines,
        ...remedies(facts).map((remedy) => `- ${remedy}`),
    ].join("\n");
}

const rebuild =
    "build it: npm install --no-save node-addon-api@8, then in the package's folder npx node-gyp@12 rebuild (needs " +
    "Python and Visual Studio Build Tools with C++)";

function remedies({ attempts, root, arch, brought }: LoadFacts): string[] {
    const failed = attempts.filter(({ reason }) => reason !== undefined);
    const wrong = failed.find((attempt) => attempt.arch !== undefined && attempt.arch !== arch);
    if (failed.some(({ code }) => code === "ERR_DLOPEN_DISABLED")) {
        return [
            "Node was started so that it loads no addons: add --allow-addons to --permission, or drop --no-addons.",
        ];
    }
    if (wrong !== undefined) {
        return [`${wrong.file} is for ${wrong.arch ?? ""}: delete it and install the package again.`];
    }
    if (failed.length > 0) {
        return [
            "If Windows blocked the file (Smart App Control, WDAC, AppLocker), Event Viewer says so: Applications and " +
                "Services Logs, Microsoft, Windows, CodeIntegrity, Operational, event 3077. Use a signed release of the " +
                "package; do not turn the protection off for it.",
            "If the file is damaged, or antivirus took a part of it: install the package again.",
        ];
    }
    const packed = /\.asar([\\/]|$)/.test(root);
    if (brought === undefined || packed) {
        return [
            "The package's folder prebuilds is missing: a bundler or packager left it out. Keep winsock-spi out of the " +
                "bundle (external) and its files on disk (Electron: asarUnpack); else install the package again.",
        ];
    }
    return [
        `The package brings ${brought.join(", ") || "no binaries"}, and nothing for win32-${arch}: use Node for one of ` +
            `these, install the package again, or ${rebuild}.`,
    ];
}

/** For which processor a file was made; undefined if it cannot be read or is no Windows binary. */
function processorOfFile(file: string): string | undefined {
    const header = Buffer.alloc(processorHeaderSize);
    try {
        const opened = fs.openSync(file, "r");
        try {
            return processorOf(header.subarray(0, fs.readSync(opened, header, 0, header.byteLength, 0)));
        } finally {
            fs.closeSync(opened);
        }
    } catch {
        return undefined;
    }
}

function foldersOf(folder: string): string[] | undefined {
    try {
        return fs.readdirSync(folder).sort();
    } catch {
        return undefined;
    }
}

/**
 * Loads the addon from the first place where that works.
 *
 * @throws WinsockError `ERR_NATIVE_LOAD`: {@link describeLoadFailure} is its message.
 */
export function loadAddon(): unknown {
    const require = createRequire(import.meta.url);
    const attempts: LoadAttempt[] = [];
    let cause: unknown;
    for (const file of inOrder(require)) {
        if (!fs.existsSync(file)) {
            attempts.push({ file });
            continue;
        }
        try {
            return require(file) as unknown;
        } catch (error) {
            cause ??= error;
            const { code } = error as { code?: unknown };
            attempts.push({
                file,
                reason: String(error instanceof Error ? error.message : error).split("\n")[0] ?? "",
                code: typeof code === "string" ? code : undefined,
                arch: processorOfFile(file),
            });
        }
    }
    const message = describeLoadFailure({
        attempts,
        root: packageRoot,
        node: process.version,
        platform: process.platform,
        arch: process.arch,
        brought: foldersOf(path.join(packageRoot, "prebuilds")),
    });
    throw new WinsockError(message, { code: "ERR_NATIVE_LOAD", cause });
}
