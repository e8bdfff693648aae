// winsock-spi install: the provider into the catalogs.

import { type Command, InvalidArgumentError } from "commander";
import { type InstallOptions, install } from "../provider/install.js";
import { addChangeFlags, applyChange, type ChangeFlags } from "./change.js";
import { inputPath, run } from "./frame.js";

interface InstallFlags extends ChangeFlags {
    name?: string;
    over?: number[];
    rewrite: boolean;
    dll?: string[];
}

function parseId(text: string, previous: number[] = []): number[] {
    const id = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
    if (!(id <= 0xffff_ffff)) {
        throw new InvalidArgumentError("a catalog id is a whole number.");
    }
    return [...previous, id];
}

function parseName(text: string): string {
    if (text === "") {
        throw new InvalidArgumentError("a name is not empty.");
    }
    return text;
}

export function addInstallCommand(program: Command): void {
    const command = program
        .command("install")
        .description("install the layered provider, so that `watch` can see the Winsock calls of every program")
        .option("--name <name>", "name of the catalog entries (default: winsock-spi)", parseName)
        .option("--over <id>", "cover this base entry only (repeatable; ids are in `catalog`)", parseId)
        .option(
            "--no-rewrite",
            "refuse (ERR_NOT_IFS) where chains of other providers would have to be led through this one",
        )
        .option("--dll <path...>", "register this provider DLL where it is (one per bitness) instead of the package's");
    addChangeFlags(command).action((flags: InstallFlags) =>
        run(flags, (output) => {
            const options: InstallOptions = {
                ...(flags.name === undefined ? {} : { name: flags.name }),
                ...(flags.over === undefined ? {} : { over: flags.over }),
                rewrite: flags.rewrite,
                ...(flags.dll === undefined ? {} : { dlls: flags.dll.map((dll) => inputPath(dll)) }),
            };
            return applyChange(output, flags, {
                apply: (how) => install({ ...options, ...how }),
                done: () =>
                    "The provider is installed. Programs started from now on use it; see `winsock-spi watch`.",
                undo: ({ plan: { helpers } }) => {
                    const rescue = helpers?.["64"] ?? helpers?.["32"] ?? "winsock-spi-rescue.exe";
                    return `winsock-spi uninstall --yes  (where Node cannot start: "${rescue}" remove)`;
                },
            });
        }),
    );
}
