// winsock-spi ask: decides held calls in the terminal.

import type { Command } from "commander";
import { beController, requireTerminal } from "./controller-run.js";
import { run } from "./frame.js";

const help = `
Each call that a rule holds (\`then: { ask: true }\`) is shown, and waits for the answer: a or d, and o, p or f for once,
for this process, or for ever. For ever is written into the policy in front of its rules (\`policy show\`).`;

export function addAskCommand(program: Command): void {
    program
        .command("ask")
        .description("decide the calls that rules ask about, in this terminal, until Ctrl-C")
        .addHelpText("after", help)
        .action(() =>
            run({}, (output) => {
                requireTerminal();
                return beController(output);
            }),
        );
}
