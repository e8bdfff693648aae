// Runs one Windows program in the foreground: on Windows directly, on Linux through the relay in the clone's prefix.
// Its three streams are ours, and its exit code is what the returned promise gives.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import path from "node:path";
import { nodePath, nodes } from "./nodes.mjs";
import { callersFolder, onWindows } from "./paths.mjs";
import { cliPrefix } from "./prefix.mjs";
import { SetupError } from "./progress.mjs";
import { relayed, toWindowsPath } from "./wine.mjs";

/** What PROGRAM means: the name of a Node, a file if it has a slash or backslash, else a name in the Windows PATH. */
export function findProgram(name) {
    if (Object.hasOwn(nodes, name)) {
        return native(nodePath(name));
    }
    if (!/[\\/]/.test(name) || /^[a-z]:|^\\\\/i.test(name)) {
        return name;
    }
    const file = path.resolve(callersFolder, onWindows ? name : name.replaceAll("\\", "/"));
    if (!existsSync(file)) {
        throw new SetupError(`There is no file ${file}.`, 127);
    }
    return native(file);
}

/** A path of this host as Windows programs write it. */
export function native(file) {
    return onWindows ? file : toWindowsPath(file);
}

/**
 * environment: what setup() returned. program: as findProgram gives it. variables: added to the program's environment.
 */
export async function runWindows({ environment, program, args, variables = {}, folder = callersFolder }) {
    // So that `node` means the same in the program's own command lines.
    const command = onWindows
        ? { file: program, args, env: { ...process.env, ...variables } }
        : relayed({
              environment,
              prefix: cliPrefix,
              program,
              args,
              folder,
              variables: { WINEPATH: path.win32.dirname(native(nodePath("node"))), ...variables },
          });
    const streams = [process.stdin, process.stdout, process.stderr];
    const child = spawn(command.file, command.args, {
        cwd: folder,
        env: command.env,
        // Wine turns a terminal into a Windows console and draws on it; the program's own bytes are wanted.
        stdio: streams.map((stream) => (!onWindows && stream.isTTY ? "pipe" : "inherit")),
    });
    child.stdin?.on("error", () => {}); // it may end without reading
    if (child.stdin !== null) {
        process.stdin.pipe(child.stdin);
    }
    child.stdout?.pipe(process.stdout, { end: false });
    child.stderr?.pipe(process.stderr, { end: false });
    const stopListening = passSignals(child);
    try {
        return await ended(child, command.file);
    } finally {
        stopListening();
        process.stdin.unref?.();
        process.stdin.pause();
    }
}

/** A Ctrl-C in a terminal reaches the program itself; every other signal reaches only us. */
function passSignals(child) {
    const terminal = process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY;
    const handlers = {
        SIGINT: () => terminal || child.kill("SIGINT"),
        SIGTERM: () => child.kill("SIGTERM"),
        SIGHUP: () => child.kill("SIGTERM"),
    };
    for (const [signal, handler] of Object.entries(handlers)) {
        process.on(signal, handler);
    }
    return () => {
        for (const [signal, handler] of Object.entries(handlers)) {
            process.off(signal, handler);
        }
    };
}

const signalNumbers = { SIGHUP: 1, SIGINT: 2, SIGKILL: 9, SIGTERM: 15 };

function ended(child, file) {
    return new Promise((resolve, reject) => {
        child.on("error", (error) => reject(new SetupError(`${file} cannot be started: ${error.message}`, 126)));
        child.on("close", (code, signal) => resolve(code ?? 128 + (signalNumbers[signal] ?? 0)));
    });
}
