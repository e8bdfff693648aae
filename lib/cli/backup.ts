// winsock-spi backup [FILE]: the catalogs as one file; --list: those that were taken before every change.

import type { Command } from "commander";
import { backup } from "../catalog/backup.js";
import { type BackupListing, listBackups } from "../catalog/backups.js";
import { formatTable } from "../catalog/format.js";
import { type Output, inputPath, run } from "./frame.js";

interface BackupFlags {
    list?: boolean;
    json?: boolean;
}

export function addBackupCommand(program: Command): void {
    program
        .command("backup")
        .description("write a backup of the catalogs (without FILE: into %ProgramData%\\winsock-spi\\backups)")
        .argument("[file]", "file to write")
        .option("--list", "list the backups that were taken before every change; the newest 20 are kept")
        .option("--json", "print one JSON value")
        .action((file: string | undefined, flags: BackupFlags) =>
            run(flags, async (output) => {
                if (flags.list === true) {
                    if (file !== undefined) {
                        throw new TypeError("backup --list takes no FILE");
                    }
                    list(output, await listBackups());
                    return;
                }
                const result = await backup(file === undefined ? {} : { file: inputPath(file) });
                output.value({ file: result.file, created: result.backup.created, checksum: result.backup.checksum });
                output.text(`Backup written: ${result.file}`);
                output.text(`Bring it back:  winsock-spi restore "${result.file}"`);
            }),
        );
}

function list(output: Output, backups: readonly BackupListing[]): void {
    output.value(backups);
    if (backups.length === 0) {
        output.text("There are no automatic backups: nothing was changed yet.");
        return;
    }
    const rows = backups.map(({ created, size, entries, problem, file }) => [
        created,
        `${Math.ceil(size / 1024)} KiB`,
        problem === undefined
            ? Object.entries(entries ?? {})
                  .map(([bits, count]) => `${count} in ${bits}-bit`)
                  .join(", ")
            : "damaged",
        file,
    ]);
    output.text(formatTable([["TAKEN", "SIZE", "ENTRIES", "FILE"], ...rows]));
    for (const { problem } of backups) {
        if (problem !== undefined) {
            output.note(problem);
        }
    }
}
