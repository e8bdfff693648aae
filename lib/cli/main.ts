#!/usr/bin/env node
// The CLI `winsock-spi`: strict about what it is given, one file per command.

import { Command, CommanderError } from "commander";
import { WinsockError } from "../errors.js";
import { packageVersion } from "../native.js";
import { addAskCommand } from "./ask.js";
import { addBackupCommand } from "./backup.js";
import { addCatalogCommand } from "./catalog.js";
import { addConfirmCommand } from "./confirm.js";
import { addDiffCommand } from "./diff.js";
import { addDoctorCommand } from "./doctor.js";
import { addExcludeCommand, addIncludeCommand } from "./exclude.js";
import { addHoldCommand } from "./hold.js";
import { addInstallCommand } from "./install.js";
import { addNamespaceCommand } from "./namespace.js";
import { addOrderCommand } from "./order.js";
import { addPolicyCommand } from "./policy.js";
import { addRecoverCommand } from "./recover.js";
import { addRestoreCommand } from "./restore.js";
import { addRunCommand } from "./run.js";
import { addSocketsCommand } from "./sockets.js";
import { addUninstallCommand } from "./uninstall.js";
import { addWatchCommand } from "./watch.js";
import { exitCodes, reportFailure, standardOutput } from "./frame.js";

const commands = [
    addCatalogCommand, addBackupCommand, addRestoreCommand, addDiffCommand,
    addDoctorCommand,
    addOrderCommand,
    addInstallCommand, addUninstallCommand,
    addExcludeCommand, addIncludeCommand, addNamespaceCommand,
    addPolicyCommand, addRunCommand, addAskCommand,
    addConfirmCommand, addRecoverCommand, addWatchCommand, addHoldCommand, addSocketsCommand,
];

/** The command line as commander wants it: strict everywhere, and telling of its errors through us. */
function makeProgram(json: boolean): Command {
    const program = new Command("winsock-spi");
    program
        .description(
            "Read, back up, compare and restore the Winsock catalog; install a layered provider and see Winsock calls; " +
                "hold listeners over restarts of their program.",
        )
        .version(packageVersion())
        .exitOverride()
        .configureOutput({ writeErr: (text) => (json ? undefined : process.stderr.write(text)) })
        .showHelpAfterError("(winsock-spi --help lists the commands)");
    for (const add of commands) {
        add(program);
    }
    return program;
}

/** Runs the CLI on these arguments (without `node` and the script) and sets the exit code. */
export async function main(argv: readonly string[]): Promise<void> {
    const end = argv.indexOf("--");
    const json = (end === -1 ? argv : argv.slice(0, end)).includes("--json");
    const program = makeProgram(json);
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
