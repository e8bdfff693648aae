// Starting the PROGRAM of a command line.

import * as fs from "node:fs";
import { win32 as path } from "node:path";
import { WinsockError } from "../errors.js";
import { native } from "../native.js";
import { findProgram, startLine } from "./find-program.js";
import { inputPath } from "./frame.js";

/** A program that runs; `exited` gives its exit code. */
export interface StartedProgram {
    readonly pid: number;
    readonly exited: Promise<number>;
}

export interface StartProgramOptions {
    /** Its standard output is ours; else it goes to our standard error. Default false. */
    readonly ownOutput?: boolean;
    /** It is ended when this process ends, even by a kill. Default false. */
    readonly endWithUs?: boolean;
    /** In a new job object of this name, with all that it starts, which ends with this process. Default: in none. */
    readonly job?: string;
}

/**
 * Starts PROGRAM with this process's standard input and environment.
 *
 * @throws WinsockError ERR_FILE_NOT_FOUND, ERR_PROGRAM_NOT_STARTED
 */
export function startProgram(
    program: string,
    args: readonly string[],
    options: StartProgramOptions = {},
): StartedProgram {
    const folder = inputPath(".");
    const isFile = (file: string): boolean => fs.statSync(file, { throwIfNoEntry: false })?.isFile() === true;
    const found = findProgram(program, { environment: process.env, folder, isFile });
    if (found === undefined) {
        throw new WinsockError(
            /[\\/:]/.test(program)
                ? `There is no program ${path.resolve(folder, program)}.`
                : `There is no program "${program}" on the PATH. A name with a slash or backslash is taken as a file.`,
            { code: "ERR_FILE_NOT_FOUND" },
        );
    }
    const { file, line } = startLine(found, args, path.join(native().machine().systemRoot, "System32", "cmd.exe"));
    try {
        return native().startProgram(file, line, folder, options);
    } catch (error) {
        throw new WinsockError(`${found} could not be started: ${(error as Error).message}`, {
            code: "ERR_PROGRAM_NOT_STARTED",
            cause: error,
        });
    }
}
