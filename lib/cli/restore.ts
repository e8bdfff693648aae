// winsock-spi restore FILE: the catalogs as a backup has them.

import { type Command, Option } from "commander";
import { type RestoreWay, restore } from "../catalog/restore.js";
import { addChangeFlags, applyChange, type ChangeFlags } from "./change.js";
import { inputPath, run } from "./frame.js";

interface RestoreFlags extends ChangeFlags {
    way: RestoreWay;
    force?: boolean;
}

export function addRestoreCommand(program: Command): void {
    const command = program
        .command("restore")
        .description("bring the catalogs to exactly what a backup holds")
        .argument("<file>", "backup file (`backup --list` shows those taken before every change)")
        .addOption(
            new Option(
                "--way <way>",
                "registry: everything as it was, catalog ids too; winsock: by Winsock's functions, entries that went " +
                    "get new ids",
            )
                .choices(["registry", "winsock"])
                .default("registry"),
        )
        .option("--force", "bring back entries whose DLLs are gone, too");
    addChangeFlags(command).action((file: string, flags: RestoreFlags) =>
        run(flags, (output) =>
            applyChange(output, flags, {
                apply: (how) => restore(inputPath(file), { ...how, way: flags.way, force: flags.force === true }),
                done: () =>
                    `The catalogs are as in the backup${flags.way === "winsock" ? ", catalog ids apart" : ""}. ` +
                    "Programs started from now on see it; restart Windows to reach all of them.",
                undo: ({ backup }) => `winsock-spi restore "${backup ?? "FILE"}"`,
                nothing: "The catalogs are as in the backup already. Nothing was changed.",
            }),
        ),
    );
}
