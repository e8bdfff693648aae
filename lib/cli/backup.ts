// winsock-spi backup [FILE]: the catalogs as one file.

import type { Command } from "commander";
import { backup } from "../catalog/backup.js";
import { inputPath, run } from "./frame.js";

export function addBackupCommand(program: Command): void {
    program
        .command("backup")
        .description("write a backup of the catalogs (without FILE: into %ProgramData%\\winsock-spi\\backups)")
        .argument("[file]", "file to write")
        .option("--json", "print one JSON value")
        .action((file: string | undefined, options: { json?: boolean }) =>
            run(options, async (output) => {
                const result = await backup(file === undefined ? {} : { file: inputPath(file) });
                output.value({ file: result.file, created: result.backup.created, checksum: result.backup.checksum });
                output.text(`Backup written: ${result.file}`);
                output.text(`Bring it back:  winsock-spi restore "${result.file}"`);
            }),
        );
}
