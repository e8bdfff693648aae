// winsock-spi catalog: what is registered.

import type { Command } from "commander";
import { formatCatalog } from "../catalog/format.js";
import { readCatalog } from "../catalog/read.js";
import { run } from "./frame.js";

export function addCatalogCommand(program: Command): void {
    program
        .command("catalog")
        .description("show the Winsock catalogs: protocol chains and namespace providers, 64- and 32-bit")
        .option("--json", "print one JSON value")
        .action((options: { json?: boolean }) =>
            run(options, async (output) => {
                const { protocols, namespaces, problems } = await readCatalog();
                for (const problem of problems) {
                    output.note(problem);
                }
                output.value({ protocols, namespaces });
                output.text(formatCatalog({ protocols, namespaces }));
            }),
        );
}
