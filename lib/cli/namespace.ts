// winsock-spi namespace: who answers name queries.

import { type Command, InvalidArgumentError, Option } from "commander";
import { formatTable } from "../catalog/format.js";
import { type Catalog, type CatalogName, catalogNames } from "../catalog/model.js";
import { namespaceNumber } from "../catalog/names.js";
import { readCatalog } from "../catalog/read.js";
import type { ChangeOptions, ChangeResult } from "../plan/execute.js";
import { enableNamespace, installNamespace, orderNamespaces, removeNamespace } from "../provider/namespaces.js";
import { addChangeFlags, applyChange, type ChangeFlags } from "./change.js";
import { inputPath, run } from "./frame.js";

interface CatalogFlags extends ChangeFlags {
    catalog?: CatalogName;
}

interface InstallFlags extends ChangeFlags {
    name: string;
    id: string;
    namespace: number;
    nsVersion: number;
}

const help = `
PROVIDER is a name, a GUID in braces, or the file name of its DLL. Without --catalog both catalogs are changed.`;

export function addNamespaceCommand(program: Command): void {
    const group = program
        .command("namespace")
        .description("list, install, remove, enable, disable and order namespace providers: who answers name queries");
    addList(group);
    addInstall(group);
    addChoice(group, "remove", "take a provider out of the catalogs; its DLL stays", removeNamespace);
    addChoice(group, "enable", "have a provider asked again that was disabled", (choice) =>
        enableNamespace({ ...choice, enabled: true }),
    );
    addChoice(group, "disable", "have a provider not asked; it stays in the catalogs", (choice) =>
        enableNamespace({ ...choice, enabled: false }),
    );
    addOrder(group);
}

function addList(group: Command): void {
    group
        .command("list")
        .description("show the namespace providers in the order in which they are asked")
        .option("--json", "print one JSON value")
        .action((flags: { json?: boolean }) =>
            run(flags, async (output) => {
                const { namespaces, problems } = await readCatalog();
                for (const problem of problems) {
                    output.note(problem);
                }
                output.value({ namespaces });
                output.text(formatNamespaces(namespaces));
            }),
        );
}

function formatNamespaces(namespaces: Catalog["namespaces"]): string {
    return catalogNames
        .flatMap((bits) => {
            const entries = namespaces[bits];
            if (entries === undefined) {
                return [];
            }
            const rows = entries.map((entry) => [
                entry.namespaceName,
                entry.enabled ? "on" : "off",
                entry.providerId,
                entry.name,
                entry.path,
            ]);
            const head = ["NAMESPACE", "", "ID", "NAME", "DLL"];
            return [`Namespaces of ${bits}-bit programs\n${formatTable([head, ...rows])}`];
        })
        .join("\n\n");
}

function parseNamespace(text: string): number {
    const number = namespaceNumber(text);
    if (number === undefined) {
        throw new InvalidArgumentError("a namespace is a name (NS_DNS, dns) or a number.");
    }
    return number;
}

function parseVersion(text: string): number {
    const number = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
    if (!(number <= 0xffff_ffff)) {
        throw new InvalidArgumentError("a version is a whole number.");
    }
    return number;
}

function addInstall(group: Command): void {
    const command = group
        .command("install")
        .description("append a namespace provider to the catalogs")
        .argument("<dll...>", "its DLL, one per bitness: the processor in each says for which catalog it is")
        .requiredOption("--name <name>", "how the entry is called")
        .requiredOption("--id <guid>", "GUID of the provider, in braces")
        .requiredOption("--namespace <namespace>", "what it answers for: NS_DNS, or a number", parseNamespace)
        .option("--ns-version <number>", "version of the provider", parseVersion, 1);
    addChangeFlags(command).action((dlls: string[], flags: InstallFlags) =>
        run(flags, (output) => {
            const { name, id, namespace, nsVersion } = flags;
            const files = dlls.map((dll) => inputPath(dll));
            const what = { dlls: files, name, providerId: id, namespace, version: nsVersion };
            return applyChange(output, flags, {
                apply: (how) => installNamespace({ ...what, ...how }),
                done,
                undo: () => `winsock-spi namespace remove ${id} --yes`,
            });
        }),
    );
}

const done = ({ plan: { text } }: ChangeResult): string =>
    `Done: ${text}. Programs see it when they start Winsock the next time.`;

const undo = ({ backup }: ChangeResult): string => `winsock-spi restore "${backup ?? "FILE"}"`;

const catalogOption = (): Option => new Option("--catalog <bits>", "only this catalog").choices(["64", "32"]);

function addChoice(
    group: Command,
    name: string,
    description: string,
    apply: (choice: { provider: string; catalog?: CatalogName } & ChangeOptions) => Promise<ChangeResult>,
): void {
    const command = group
        .command(name)
        .description(description)
        .argument("<provider>")
        .addOption(catalogOption())
        .addHelpText("after", help);
    addChangeFlags(command).action((provider: string, flags: CatalogFlags) =>
        run(flags, (output) => {
            const choice = { provider, ...(flags.catalog === undefined ? {} : { catalog: flags.catalog }) };
            return applyChange(output, flags, {
                apply: (how) => apply({ ...choice, ...how }),
                done,
                undo,
                nothing: "It is so already. Nothing was changed.",
            });
        }),
    );
}

function addOrder(group: Command): void {
    const command = group
        .command("order")
        .description("have these providers asked first, in this order")
        .argument("<provider...>")
        .addOption(catalogOption())
        .addHelpText("after", help);
    addChangeFlags(command).action((first: string[], flags: CatalogFlags) =>
        run(flags, (output) => {
            const choice = { first, ...(flags.catalog === undefined ? {} : { catalog: flags.catalog }) };
            return applyChange(output, flags, {
                apply: (how) => orderNamespaces({ ...choice, ...how }),
                done,
                undo,
                nothing: "They are asked in that order already. Nothing was changed.",
            });
        }),
    );
}
