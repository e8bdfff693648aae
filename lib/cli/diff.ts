// winsock-spi diff A [B]: what differs between two backups, or a backup and the live catalogs.

import type { Command } from "commander";
import { readBackup, takeBackup } from "../catalog/backup.js";
import { diff, formatDiff } from "../catalog/diff.js";
import { exitCodes, inputPath, run } from "./frame.js";

export function addDiffCommand(program: Command): void {
    program
        .command("diff")
        .description("compare two backups, or a backup with the live catalogs (exit code 0: the same, 1: they differ)")
        .argument("<a>", "backup file: before")
        .argument("[b]", "backup file: after (default: the live catalogs)")
        .option("--json", "print one JSON value")
        .action((a: string, b: string | undefined, options: { json?: boolean }) =>
            run(options, async (output) => {
                const before = await readBackup(inputPath(a));
                const after = b === undefined ? await takeBackup() : await readBackup(inputPath(b));
                const changes = diff(before, after);
                output.value(changes);
                if (!changes.same) {
                    output.text(formatDiff(changes));
                }
                return changes.same ? exitCodes.done : exitCodes.negative;
            }),
        );
}
