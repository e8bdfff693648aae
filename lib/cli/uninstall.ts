// winsock-spi uninstall: the provider out of the catalogs.

import type { Command } from "commander";
import { uninstall } from "../provider/uninstall.js";
import { addChangeFlags, applyChange, type ChangeFlags } from "./change.js";
import { run } from "./frame.js";

export function addUninstallCommand(program: Command): void {
    const command = program
        .command("uninstall")
        .description("take the provider out of the catalogs and delete its files; backups stay")
        .option("--leftovers", "delete the files also if the catalog entries are gone already");
    addChangeFlags(command).action((flags: ChangeFlags & { leftovers?: boolean }) =>
        run(flags, (output) =>
            applyChange(output, flags, {
                apply: (how) => uninstall({ ...how, leftovers: flags.leftovers === true }),
                done: () =>
                    "The provider is out of the catalogs. Programs that had loaded it keep it until they end. " +
                    "Backups were left where they are.",
                undo: () => "winsock-spi install --yes",
            }),
        ),
    );
}
