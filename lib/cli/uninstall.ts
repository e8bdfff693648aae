// winsock-spi uninstall: our provider, or anyone's, out of the catalogs.

import { type Command, Option } from "commander";
import type { CatalogName } from "../catalog/model.js";
import { WinsockError } from "../errors.js";
import { removeProvider } from "../provider/remove.js";
import { uninstall } from "../provider/uninstall.js";
import { addChangeFlags, applyChange, type ChangeFlags } from "./change.js";
import { run } from "./frame.js";

interface UninstallFlags extends ChangeFlags {
    leftovers?: boolean;
    catalog?: CatalogName;
    deleteDll?: boolean;
}

const help = `
PROVIDER is a name (of a provider, of one of its entries, or of its DLL), a GUID, or a catalog id; \`winsock-spi catalog\`
lists them. All entries of a provider go, and chains of others that lead through it are led past it. Base providers of
Windows stay.`;

export function addUninstallCommand(program: Command): void {
    const command = program
        .command("uninstall")
        .description(
            "take the provider out of the catalogs and delete its files (backups stay); with PROVIDER: take out " +
                "somebody else's",
        )
        .argument("[provider...]", "somebody else's providers")
        .option("--leftovers", "delete our files also if the catalog entries are gone already")
        .addOption(new Option("--catalog <bits>", "with PROVIDER: only out of this catalog").choices(["64", "32"]))
        .option("--delete-dll", "with PROVIDER: delete its DLLs too; those in use later")
        .addHelpText("after", help);
    addChangeFlags(command).action((providers: string[], flags: UninstallFlags) =>
        run(flags, (output) => {
            if (providers.length > 0) {
                if (flags.leftovers === true) {
                    throw new WinsockError("--leftovers is about our own files: leave PROVIDER out.", {
                        code: "ERR_USAGE",
                    });
                }
                const { catalog, deleteDll } = flags;
                const what = {
                    providers,
                    ...(catalog === undefined ? {} : { catalog }),
                    ...(deleteDll === undefined ? {} : { deleteDll }),
                };
                return applyChange(output, flags, {
                    apply: (how) => removeProvider({ ...what, ...how }),
                    done: ({ plan: { text } }) =>
                        `Done: ${text}. Programs that had loaded it keep it until they end.` +
                        (deleteDll === true ? "" : " Its files were left where they are."),
                    undo: ({ backup }) => `winsock-spi restore "${backup ?? "FILE"}"`,
                });
            }
            if (flags.catalog !== undefined || flags.deleteDll !== undefined) {
                throw new WinsockError("--catalog and --delete-dll are about somebody else's provider: name it.", {
                    code: "ERR_USAGE",
                });
            }
            return applyChange(output, flags, {
                apply: (how) => uninstall({ ...how, leftovers: flags.leftovers === true }),
                done: () =>
                    "The provider is out of the catalogs. Programs that had loaded it keep it until they end. " +
                    "Backups were left where they are.",
                undo: ({ plan: { steps } }) =>
                    steps.some((step) => step.do === "set-provider-path")
                        ? "winsock-spi install --method replace-base --accept-risk --yes"
                        : "winsock-spi install --yes",
            });
        }),
    );
}
