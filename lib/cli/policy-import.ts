// winsock-spi policy import FILE, policy export FILE: policies from other programs' rules, and as JSON.

import { writeFile } from "node:fs/promises";
import type { Command } from "commander";
import { WinsockError } from "../errors.js";
import { formatPolicy, toPolicyFile } from "../policy/format.js";
import { importLittleSnitch } from "../policy/import-lsrules.js";
import { importProxifier } from "../policy/import-proxifier.js";
import { yaml } from "../policy/parsers.js";
import { exitCodes, inputPath, type Output, run } from "./frame.js";
import { readPolicyFile, readText } from "./policy-files.js";

/** Onto stdout, or into a new file. */
async function write(output: Output, text: string, to: string | undefined): Promise<void> {
    if (to === undefined) {
        process.stdout.write(text);
        return;
    }
    try {
        await writeFile(inputPath(to), text, { flag: "wx" });
    } catch (error) {
        throw new WinsockError(`${to} cannot be written (it must not exist yet): ${(error as Error).message}`, {
            code: "ERR_FILE",
            cause: error,
        });
    }
    output.note(`Written to ${to}.`);
}

export function addPolicyImport(group: Command): void {
    group
        .command("import")
        .description("a policy from a Proxifier profile (.ppx) or Little Snitch rules (.lsrules)")
        .argument("<file>", "what to import; XML is Proxifier's, JSON is Little Snitch's")
        .option("--output <file>", "write the policy there instead of printing it")
        .option("--json", "print { policy, notes } as one JSON value instead of YAML")
        .action((file: string, options: { output?: string; json?: boolean }) =>
            run(options, async (output) => {
                const text = await readText(file);
                const { policy, notes } = /^\ufeff?\s*</.test(text) ? importProxifier(text) : importLittleSnitch(text);
                if (output.json && options.output === undefined) {
                    output.value({ policy: toPolicyFile(policy), notes });
                    return exitCodes.done;
                }
                for (const note of notes) {
                    output.note(note);
                }
                await write(output, yaml().stringify(toPolicyFile(policy), { lineWidth: 120 }), options.output);
                output.value({ written: options.output, notes });
                return exitCodes.done;
            }),
        );
}

export function addPolicyExport(group: Command): void {
    group
        .command("export")
        .description("a policy file as JSON (its passwords too)")
        .argument("<file>", "policy file, YAML or JSON")
        .option("--output <file>", "write it there instead of printing it")
        .action((file: string, options: { output?: string }) =>
            run({}, async (output) => {
                await write(output, formatPolicy(await readPolicyFile(file)), options.output);
            }),
        );
}
