// winsock-spi catalog: what is registered.

import type { Command } from "commander";
import { formatCatalog } from "../catalog/format.js";
import { readCatalog } from "../catalog/read.js";
import { followCatalog } from "./catalog-follow.js";
import { printTree, writeSvg } from "./catalog-pictures.js";
import { describePending, pendingChange } from "../plan/confirm.js";
import { run } from "./frame.js";

interface CatalogFlags {
    json?: boolean;
    tree?: boolean;
    svg?: string;
    follow?: boolean;
    raw?: boolean;
}

/** At most one of the ways to show it. */
function checkFlags({ json, tree, svg, follow, raw }: CatalogFlags): void {
    if ([tree, svg, follow].filter((flag) => flag !== undefined).length > 1) {
        throw new TypeError("catalog: --tree, --svg and --follow exclude each other");
    }
    if (raw === true && json !== true) {
        throw new TypeError("catalog: --raw goes with --json");
    }
    if (tree === true && json === true) {
        throw new TypeError("catalog: --tree is a drawing for people; --json alone gives the data");
    }
}

export function addCatalogCommand(program: Command): void {
    program
        .command("catalog")
        .description("show the Winsock catalogs: protocol chains and namespace providers, 64- and 32-bit")
        .option("--json", "print one JSON value (--follow: one per line)")
        .option("--raw", "with --json: the registry's bytes of each protocol entry, too")
        .option("--tree", "draw the chains: what a program gets, and the way of its calls")
        .option("--svg <file>", "write the same drawing into FILE as a picture")
        .option("--follow", "show changes as they happen, by whatever program, until Ctrl-C")
        .action((options: CatalogFlags) =>
            run(options, async (output) => {
                checkFlags(options);
                if (options.follow === true) {
                    return followCatalog(output);
                }
                if (options.svg !== undefined) {
                    return writeSvg(output, options.svg);
                }
                if (options.tree === true) {
                    return printTree(output);
                }
                const read = await readCatalog({ raw: options.raw === true });
                const { problems, sources, namespaceSources, ...catalog } = read;
                for (const problem of problems) {
                    output.note(problem);
                }
                const pending = pendingChange();
                if (pending !== undefined) {
                    output.note(describePending(pending));
                }
                output.value({ ...catalog, sources: { protocols: sources, namespaces: namespaceSources } });
                output.text(formatCatalog(catalog));
                return;
            }),
        );
}
