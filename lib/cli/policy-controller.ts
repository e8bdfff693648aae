// winsock-spi policy controller: relays streams and asks about calls, for the policy that is in force.

import type { Command } from "commander";
import { beController } from "./controller-run.js";
import { run } from "./frame.js";

const help = `
Rules that say proxy, delay, rate, loss, reset, rewrite, capture or ask need a controller; without one their \`otherwise\`
holds. There is one per machine, and it needs administrator rights.`;

export function addPolicyControllerCommand(group: Command): void {
    group
        .command("controller")
        .description("carry relays and ask about calls in this terminal, until Ctrl-C")
        .option("--json", "print one JSON value when it is ready")
        .addHelpText("after", help)
        .action((flags: { json?: boolean }) => run(flags, (output) => beController(output)));
}
