#!/usr/bin/env node
// The CLI `winsock-spi`: strict about what it is given. The commands are in program.ts, one file each.

import { CommanderError } from "commander";
import { WinsockError } from "../errors.js";
import { exitCodes, reportFailure, standardOutput } from "./frame.js";
import { makeProgram } from "./program.js";

/** Runs the CLI on these arguments (without `node` and the script) and sets the exit code. */
export async function main(argv: readonly string[]): Promise<void> {
    const end = argv.indexOf("--");
    const json = (end === -1 ? argv : argv.slice(0, end)).includes("--json");
    const program = await makeProgram(argv, json);
    try {
        await program.parseAsync([...argv], { from: "user" });
    } catch (error) {
        if (!(error instanceof CommanderError)) {
            throw error;
        }
        if (error.exitCode === 0) {
            process.exitCode = exitCodes.done; // --help and --version come here too
        } else if (json) {
            const usage = new WinsockError(error.message.replace(/^error: /, ""), { code: "ERR_USAGE" });
            process.exitCode = reportFailure(standardOutput(true), usage);
        } else {
            process.exitCode = exitCodes.usage; // commander has told it
        }
    }
}

await main(process.argv.slice(2));
