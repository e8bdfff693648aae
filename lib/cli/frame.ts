// What every command shares: exit codes, the one JSON value on stdout, how a failure is told, how a yes is asked for,
// and what a FILE argument counts from. A command file only parses, calls the library and prints.

import * as path from "node:path";
import { createInterface } from "node:readline/promises";
import { WinsockError, type ErrorReport } from "../errors.js";

/** Exit codes of the CLI; they are part of its contract. */
export const exitCodes = {
    /** Done, or healthy, or the same. */
    done: 0,
    /** The negative answer: it differs, there are findings, the user said no. */
    negative: 1,
    /** Failed, and nothing was changed. */
    failed: 2,
    /** Failed, and the catalog needs `restore`; the command is printed. */
    needsRestore: 3,
    /** The command line was wrong. */
    usage: 64,
} as const;

/** Where a command writes. Under `--json`, stdout carries JSON and nothing else. */
export interface Output {
    readonly json: boolean;
    /** Prints a value as JSON on one line, only under `--json`. Once per command (`watch`: once per record). */
    value(value: unknown): void;
    /** Prints text for people on stdout, only without `--json`. */
    text(text: string): void;
    /** Prints text for people on stderr, always. */
    note(text: string): void;
}

/** An {@link Output} onto this process's own streams. */
export function standardOutput(json: boolean): Output {
    return {
        json,
        value: (value) => {
            if (json) {
                process.stdout.write(`${JSON.stringify(value)}\n`);
            }
        },
        text: (text) => {
            if (!json) {
                process.stdout.write(`${text}\n`);
            }
        },
        note: (text) => process.stderr.write(`${text}\n`),
    };
}

/** `{ code, errno, syscall, message }` of anything that was thrown. */
export function describeError(error: unknown): ErrorReport {
    if (error instanceof WinsockError) {
        return error.toJSON();
    }
    if (error instanceof TypeError) {
        return { code: "ERR_USAGE", message: error.message };
    }
    return { code: "ERR_INTERNAL", message: error instanceof Error ? (error.stack ?? error.message) : String(error) };
}

/** The exit code that tells of this failure. */
export function exitCodeOf(error: unknown): number {
    if (error instanceof WinsockError) {
        if (error.code === "ERR_USAGE") {
            return exitCodes.usage;
        }
        return error.catalogDamaged ? exitCodes.needsRestore : exitCodes.failed;
    }
    return error instanceof TypeError ? exitCodes.usage : exitCodes.failed;
}

/** Tells of a failure (JSON on stdout under `--json`, else text on stderr) and returns the exit code that fits it. */
export function reportFailure(output: Output, error: unknown): number {
    const report = describeError(error);
    const restore =
        error instanceof WinsockError && error.catalogDamaged
            ? `winsock-spi restore "${error.backup ?? "FILE"}"  (without Node: winsock-spi-rescue.exe restore)`
            : undefined;
    if (output.json) {
        output.value({ error: restore === undefined ? report : { ...report, restore } });
        return exitCodeOf(error);
    }
    const call = [report.syscall, report.errno].filter((part) => part !== undefined).join(" ");
    output.note(`winsock-spi: ${report.code}: ${report.message}${call === "" ? "" : ` [${call}]`}`);
    if (restore !== undefined) {
        output.note(`The catalog needs to be put back: ${restore}`);
    }
    return exitCodeOf(error);
}

/** Runs a command's body; sets the exit code that the body returns (none: 0) or that fits what it throws. */
export async function run(
    options: { json?: boolean | undefined },
    body: (output: Output) => Promise<number | void> | number | void,
): Promise<void> {
    const output = standardOutput(options.json === true);
    try {
        process.exitCode = (await body(output)) ?? exitCodes.done;
    } catch (error) {
        process.exitCode = reportFailure(output, error);
    }
}

/**
 * Asks for a yes before the system is changed. With `yes` nothing is asked.
 *
 * @returns false if the user said no.
 * @throws WinsockError `ERR_CONFIRM` where there is no terminal to ask on.
 */
export async function confirm(question: string, options: { yes?: boolean | undefined }): Promise<boolean> {
    if (options.yes === true) {
        return true;
    }
    if (!process.stdin.isTTY || !process.stderr.isTTY) {
        throw new WinsockError(
            "This changes the system, and there is no terminal to ask on. Repeat it with --yes; --dry-run only shows.",
            { code: "ERR_CONFIRM" },
        );
    }
    const terminal = createInterface({ input: process.stdin, output: process.stderr });
    try {
        const answer = await terminal.question(`${question} [y/N] `);
        return /^\s*y(es)?\s*$/i.test(answer);
    } finally {
        terminal.close();
    }
}

/**
 * A FILE argument as a full path. npm runs a package's scripts in the package's folder: `npm run -s cli` leaves in
 * INIT_CWD where the user called it, and that is what a relative FILE counts from. In scripts of other packages it
 * counts from the working folder, as with any program.
 */
export function inputPath(file: string, environment: NodeJS.ProcessEnv = process.env): string {
    const base = environment["npm_package_name"] === "winsock-spi" ? environment["INIT_CWD"] : undefined;
    return path.resolve(base ?? process.cwd(), file);
}
