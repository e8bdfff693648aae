// winsock-spi install: the provider into the catalogs.

import { type Command, InvalidArgumentError, Option } from "commander";
import { parseCategories } from "../catalog/categories.js";
import { type InstallMethod, type InstallOptions, install } from "../provider/install.js";
import { addChangeFlags, applyChange, type ChangeFlags } from "./change.js";
import { inputPath, run } from "./frame.js";

interface InstallFlags extends ChangeFlags {
    name?: string;
    over?: number[];
    rewrite: boolean;
    dll?: string[];
    categories?: string[];
    exclude: boolean;
    method?: InstallMethod;
    acceptRisk?: boolean;
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

/** How to have the former version again. A backup alone would not do it: the former DLLs are deleted. */
function installFormer(from: readonly string[]): string {
    const [version, ...others] = from.filter((one) => /^\d/.test(one));
    const dlls = from.filter((one) => !/^\d/.test(one)).map((dll) => ` --dll "${dll}"`);
    return version !== undefined && others.length === 0 && dlls.length === 0
        ? `npx winsock-spi@${version} install --yes`
        : `winsock-spi install --yes${dlls.join("")}`;
}

export function addInstallCommand(program: Command): void {
    const command = program
        .command("install")
        .description(
            "install the layered provider, so that `watch` can see the Winsock calls of every program; over another " +
                "version: upgrade or downgrade to this one",
        )
        .option("--name <name>", "name of the catalog entries (default: winsock-spi)", parseName)
        .option("--over <id>", "cover this base entry only (repeatable; ids are in `catalog`)", parseId)
        .option(
            "--no-rewrite",
            "refuse (ERR_NOT_IFS) where chains of other providers would have to be led through this one",
        )
        .option("--dll <path...>", "register this provider DLL where it is (one per bitness) instead of the package's");
    command
        .option("--categories <category...>", "LSP categories of the provider, names or numbers (default: none)")
        .option("--no-exclude", "do not keep the provider out of the programs of WSL, which fail with one in them")
        .addOption(
            new Option(
                "--method <method>",
                "layered (default), or replace-base: base providers' entries lead to this provider, which loads " +
                    "theirs; reaches system processes too",
            ).choices(["layered", "replace-base"]),
        )
        .option("--accept-risk", "what --method replace-base needs: you have read docs/replace-base.md");
    addChangeFlags(command).action((flags: InstallFlags) =>
        run(flags, (output) => {
            const options: InstallOptions = {
                ...(flags.name === undefined ? {} : { name: flags.name }),
                ...(flags.over === undefined ? {} : { over: flags.over }),
                ...(flags.method === undefined ? {} : { method: flags.method }),
                ...(flags.acceptRisk === undefined ? {} : { acceptRisk: flags.acceptRisk }),
                ...(flags.method === "replace-base" && flags.rewrite ? {} : { rewrite: flags.rewrite }),
                ...(flags.categories === undefined ? {} : { categories: parseCategories(flags.categories) }),
                ...(flags.exclude ? {} : { exclude: [] }),
                ...(flags.dll === undefined ? {} : { dlls: flags.dll.map((dll) => inputPath(dll)) }),
            };
            return applyChange(output, flags, {
                apply: (how) => install({ ...options, ...how }),
                done: ({ plan: { text, versions } }) =>
                    versions === undefined
                        ? "The provider is installed. Programs started from now on use it; see `winsock-spi watch`."
                        : `Done: ${text}. Programs started from now on use it; those that run keep what they have ` +
                          "until they end.",
                undo: ({ plan: { helpers, versions } }) => {
                    if (versions !== undefined && versions.from.length > 0) {
                        return installFormer(versions.from);
                    }
                    const rescue = helpers?.["64"] ?? helpers?.["32"] ?? "winsock-spi-rescue.exe";
                    return `winsock-spi uninstall --yes  (where Node cannot start: "${rescue}" remove)`;
                },
            });
        }),
    );
}
