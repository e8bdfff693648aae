// winsock-spi order: which entries of the protocol catalogs come first.

import { type Command, Option } from "commander";
import type { CatalogName } from "../catalog/model.js";
import { order } from "../provider/order.js";
import { addChangeFlags, applyChange, type ChangeFlags } from "./change.js";
import { run } from "./frame.js";

interface OrderFlags extends ChangeFlags {
    first?: string[];
    all?: string[];
    catalog?: CatalogName;
    bypass?: boolean;
}

export function addOrderCommand(program: Command): void {
    const command = program
        .command("order")
        .description("put entries of the protocol catalogs first; everything else keeps its order behind them")
        .option("--first <id|name|guid...>", "what comes first; a layered provider's name stands for all its entries")
        .option("--all <id...>", "instead: the ids of all entries, in their new order")
        .addOption(new Option("--catalog <bits>", "only this catalog").choices(["64", "32"]))
        .option("--bypass", "allow that a layered entry comes behind what it covers, so that programs go past it");
    addChangeFlags(command).action((flags: OrderFlags) =>
        run(flags, (output) =>
            applyChange(output, flags, {
                apply: (how) =>
                    order({
                        ...how,
                        catalog: flags.catalog,
                        bypass: flags.bypass,
                        ...(flags.all === undefined ? {} : { order: flags.all.map(Number) }),
                        ...(flags.first === undefined ? {} : { first: flags.first }),
                    }),
                done: () => "The catalogs are in that order. Programs started from now on see it.",
                undo: ({ backup }) => `winsock-spi restore "${backup ?? "FILE"}"`,
                nothing: "The catalogs are in that order already. Nothing was changed.",
            }),
        ),
    );
}
