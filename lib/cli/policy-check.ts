// winsock-spi policy check FILE: what is wrong with a policy file, and with --explain which rule a call would hit.

import type { Command } from "commander";
import { explain, parseCall } from "../policy/explain.js";
import { exitCodes, run } from "./frame.js";
import { explanationText, explanationValue } from "./policy-explain.js";
import { checkFile } from "./policy-files.js";

const count = ({ length }: readonly unknown[], what: string): string => `${length} ${what}${length === 1 ? "" : "s"}`;

export function addPolicyCheck(group: Command): void {
    group
        .command("check")
        .description(
            "whether a policy file is right, and what in it is probably not meant (exit code 1: it is not right)",
        )
        .argument("<file>", "policy file, YAML or JSON")
        .option("--explain <call>", "which rule this call would hit, like 'curl.exe connect 1.2.3.4:443'")
        .option("--json", "print one JSON value")
        .action((file: string, options: { explain?: string; json?: boolean }) =>
            run(options, async (output) => {
                const call = options.explain === undefined ? undefined : parseCall(options.explain);
                const { policy, problems, warnings, lines } = await checkFile(file);
                const right = problems.length === 0;
                const explanation = call === undefined || !right ? undefined : explain(policy, call);
                output.value({
                    right,
                    rules: policy.rules.length,
                    problems,
                    warnings,
                    ...(explanation !== undefined && { explanation: explanationValue(explanation) }),
                });
                output.text(
                    [
                        ...lines,
                        ...(right
                            ? [`${count(policy.rules, "rule")}, ${count(warnings, "warning")}: the policy is right.`]
                            : []),
                        ...(explanation === undefined ? [] : ["", explanationText(explanation)]),
                    ].join("\n"),
                );
                return right ? exitCodes.done : exitCodes.negative;
            }),
        );
}
