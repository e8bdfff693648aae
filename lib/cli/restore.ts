// winsock-spi restore FILE: the catalogs as a backup has them.

import type { Command } from "commander";
import { restore } from "../catalog/restore.js";
import { addChangeFlags, applyChange, type ChangeFlags } from "./change.js";
import { inputPath, run } from "./frame.js";

export function addRestoreCommand(program: Command): void {
    const command = program
        .command("restore")
        .description("bring the catalogs to exactly what a backup holds")
        .argument("<file>", "backup file");
    addChangeFlags(command).action((file: string, flags: ChangeFlags) =>
        run(flags, (output) =>
            applyChange(output, flags, {
                apply: (how) => restore(inputPath(file), how),
                done: () =>
                    "The catalogs are as in the backup. Programs started from now on see it; restart Windows to " +
                    "reach all of them.",
                undo: ({ backup }) => `winsock-spi restore "${backup ?? "FILE"}"`,
                nothing: "The catalogs are as in the backup already. Nothing was changed.",
            }),
        ),
    );
}
