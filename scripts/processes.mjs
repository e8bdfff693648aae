// Running programs from the set-up: quietly, with the output shown only when they fail.
import { spawn } from "node:child_process";
import { SetupError } from "./progress.mjs";

const shownOnFailure = 6000;

/**
 * Runs a program to its end and returns { code, signal, output }. Never rejects for an exit code.
 * options: cwd, env, input (string), timeout in milliseconds (the program is killed; code is then null).
 */
export function attempt(file, args, options = {}) {
    return new Promise((resolve) => {
        let output = "";
        const child = spawn(file, args, {
            cwd: options.cwd,
            env: options.env ?? process.env,
            stdio: [options.input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
            timeout: options.timeout,
            killSignal: "SIGKILL",
            shell: options.shell ?? false,
        });
        const add = (chunk) => {
            output += chunk;
        };
        child.stdout.setEncoding("utf8").on("data", add);
        child.stderr.setEncoding("utf8").on("data", add);
        child.on("error", (error) => resolve({ code: null, signal: null, output: String(error.message), error }));
        child.on("close", (code, signal) => resolve({ code, signal, output }));
        if (options.input !== undefined) {
            child.stdin.on("error", () => {}); // it may end without reading
            child.stdin.end(options.input);
        }
    });
}

/** Like attempt, but anything except exit code 0 is a SetupError that shows the end of the output. */
export async function run(file, args, options = {}) {
    const result = await attempt(file, args, options);
    if (result.code !== 0) {
        const how =
            result.code === null ? `ended by ${result.signal ?? result.error?.code}` : `exit code ${result.code}`;
        throw new SetupError(
            `${options.what ?? [file, ...args].join(" ")}: ${how}\n${result.output.slice(-shownOnFailure)}`,
        );
    }
    return result.output;
}
