// Programs under Wine in a given prefix: their environment variables, paths and command lines.
import { mkdirSync } from "node:fs";
import path from "node:path";
import { local, project } from "./paths.mjs";
import { attempt } from "./processes.mjs";
import { SetupError } from "./progress.mjs";

/** The folder of what only Wine needs: the Winsock host side, its seed, the relay. */
export function wineBinaries(architecture) {
    return path.join(local, "build", architecture === "x64" ? "mingw-x64" : "mingw-x86", "bin", "wine");
}

/** A host path as Windows programs under Wine see it. */
export function toWindowsPath(file) {
    return `Z:${path.resolve(file).replaceAll("/", "\\")}`;
}

/** The environment of a program in that prefix. More variables, and changed ones, in `more`. */
export function wineVariables(prefix, more = {}) {
    const runtime = path.join(local, "run");
    mkdirSync(runtime, { recursive: true, mode: 0o700 });
    const variables = {
        ...process.env,
        WINEPREFIX: prefix,
        WINEDEBUG: process.env.WINEDEBUG ?? "-all",
        // No menus for desktops; no offers to install Mono and Gecko.
        WINEDLLOVERRIDES: "winemenubuilder.exe=;mscoree=;mshtml=",
        // Command lines and file names are UTF-8 on both sides.
        LC_ALL: "C.UTF-8",
        XDG_RUNTIME_DIR: runtime,
    };
    for (const name of Object.keys(variables)) {
        // What npm tells its scripts is not for the program; a display would be used if it were named.
        if (/^npm_/i.test(name) || ["INIT_CWD", "DISPLAY", "WAYLAND_DISPLAY"].includes(name)) {
            delete variables[name];
        }
    }
    return Object.assign(variables, more);
}

/** Runs a program of Wine itself (wine, wineserver), quietly; returns { code, output }. */
export function wine(environment, prefix, argv, options = {}) {
    const [file, ...args] = environment.enter(argv, options.folder ?? project);
    return attempt(file, args, { env: wineVariables(prefix), timeout: options.timeout ?? 120_000 });
}

export async function wineMust(environment, prefix, argv, options) {
    const result = await wine(environment, prefix, argv, options);
    if (result.code !== 0) {
        throw new SetupError(`${argv.join(" ")}: exit code ${result.code}\n${result.output}`);
    }
    return result.output;
}

/**
 * The command that runs a Windows program through the relay: { file, args, env }.
 * program: a Windows path or the name of a program in the Windows PATH. folder: the working folder, a host path.
 */
export function relayed({ environment, prefix, program, args, folder, variables }) {
    const relay = path.join(wineBinaries("x64"), "winsock_relay.exe");
    const [file, ...rest] = environment.enter(["wine", relay, program, ...args], folder);
    return { file, args: rest, env: wineVariables(prefix, variables) };
}
