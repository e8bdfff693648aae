// winsock-spi policy explain FILE CALL: which rule decides a call, and why the ones before do not match.

import type { Command } from "commander";
import { explain, parseCall, type Explanation } from "../policy/explain.js";
import { formatAction } from "../policy/format.js";
import { exitCodes, run } from "./frame.js";
import { readPolicyFile } from "./policy-files.js";

/** More rules than these are not told one by one. */
const toldRules = 200;

/** As JSON: the verdict in the words of policy files, passwords hidden. */
export function explanationValue({ decision, passed }: Explanation): object {
    const { rule, name, then } = decision;
    return { rule, ...(name !== undefined && { name }), then: formatAction(then, { hideSecrets: true }), passed };
}

export function explanationText({ decision, passed }: Explanation): string {
    const { rule, name, then } = decision;
    const told = passed.slice(-toldRules).map((each) => `  ${each.rule} "${each.name}" does not match. ${each.reason}`);
    const left = passed.length - told.length;
    const verdict = Object.entries(formatAction(then, { hideSecrets: true }))
        .map(([key, value]) =>
            [key, ...(value === true ? [] : [typeof value === "string" ? value : JSON.stringify(value)])].join(" "),
        )
        .join(", ");
    return [
        ...(left > 0 ? [`  (${left} rules before these do not match either)`] : []),
        ...told,
        rule === 0
            ? `no rule matches, so the default decides: ${verdict}`
            : `rule ${rule} "${name ?? ""}" decides: ${verdict}`,
    ].join("\n");
}

export function addPolicyExplain(group: Command): void {
    group
        .command("explain")
        .description("which rule of a policy file a call would hit, and why the rules before it do not match")
        .argument("<file>", "policy file, YAML or JSON")
        .argument("<call...>", "the call, like: curl.exe connect 1.2.3.4:443")
        .option("--json", "print one JSON value")
        .addHelpText(
            "after",
            `
A call: PROGRAM CALL [ADDRESS[:PORT]] [tcp|udp|NUMBER] [from ADDRESS[:PORT]] [host NAME] [user USER] [pid PID]
        [parent PROGRAM] [line COMMANDLINE] [module FILE] [at DAY HH:MM]
CALL is connect, bind, listen, accept or sendto. What is not said is not known, and rules that ask for it do not match.`,
        )
        .action((file: string, words: string[], options: { json?: boolean }) =>
            run(options, async (output) => {
                // The shell has taken quotes away: a word with a space was quoted.
                const quoted = words.map((word) => (words.length > 1 && /\s/.test(word) ? `"${word}"` : word));
                const call = parseCall(quoted.join(" "));
                const explanation = explain(await readPolicyFile(file), call);
                output.value(explanationValue(explanation));
                output.text(explanationText(explanation));
                return exitCodes.done;
            }),
        );
}
