// winsock-spi run: a program, and what it starts, under a policy of its own.

import type { Command } from "commander";
import { WinsockError } from "../errors.js";
import type { Policy } from "../policy/model.js";
import { applyRun } from "../policy/run-layer.js";
import { requireAdministrator } from "../policy/store.js";
import { type TerminalController, startTerminalController } from "./controller-run.js";
import { exitCodes, type Output, run } from "./frame.js";
import { readPolicyFile } from "./policy-files.js";
import { startProgram } from "./start-program.js";

interface RunFlags {
    policy: string;
    json?: boolean;
    dryRun?: boolean;
}

/** Our own controller; undefined where another process is the machine's, which then answers for our rules too. */
async function ownController(output: Output, onInterrupt: () => void): Promise<TerminalController | undefined> {
    try {
        return await startTerminalController(output, onInterrupt);
    } catch (error) {
        if (error instanceof WinsockError && error.code === "ERR_CONTROLLER_RUNNING") {
            output.note("run: another process is this machine's controller; it relays and asks for this policy too");
            return undefined;
        }
        throw error;
    }
}

async function runProgram(output: Output, policy: Policy, name: string, args: readonly string[]): Promise<number> {
    requireAdministrator();
    // Ctrl-C reaches PROGRAM by itself, through the console.
    const ignore = (): void => undefined;
    const signals = ["SIGINT", "SIGBREAK"] as const;
    signals.forEach((signal) => process.on(signal, ignore));
    const controller = await ownController(output, ignore);
    try {
        const applied = applyRun(policy, name);
        try {
            return await startProgram(name, args, { ownOutput: true, job: applied.job }).exited;
        } finally {
            applied.remove();
        }
    } finally {
        await controller?.[Symbol.asyncDispose]();
        signals.forEach((signal) => process.off(signal, ignore));
    }
}

const help = `
The policy holds for PROGRAM and all that it starts, from the first instruction on; other programs keep the machine's
policy, whose rules stand behind these. What PROGRAM has started and left running is ended with it, as nothing would
limit it any more. Relays and asks are carried out by this process. The exit code is PROGRAM's.

If this program is killed, Windows ends PROGRAM and what it started; the rules, which then match no process, go with the
next change of the policy.

Example: winsock-spi run --policy slow.yaml -- node client.js`;

export function addRunCommand(program: Command): void {
    program
        .command("run")
        .description("run PROGRAM, and what it starts, under a policy of its own")
        .usage("--policy FILE [--dry-run] -- PROGRAM [ARGS...]")
        .argument("<program...>", "start this program, and exit as it does")
        .requiredOption("--policy <file>", "the policy, YAML or JSON")
        .option("--dry-run", "only check the policy")
        .option("--json", "a failure is printed as one JSON value")
        .addHelpText("after", help)
        .action(([name = "", ...args]: string[], flags: RunFlags) =>
            run(flags, async (output) => {
                const policy = await readPolicyFile(flags.policy);
                if (flags.dryRun === true) {
                    output.value({ changed: false, rules: policy.rules.length });
                    output.text(`Would run ${name} under ${policy.rules.length} rules. Nothing was changed.`);
                    return exitCodes.done;
                }
                return runProgram(output, policy, name, args);
            }),
        );
}
