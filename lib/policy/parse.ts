/** From the text of a policy file to the policy. Pure. */

import { WinsockError, refuseUnknownOptions } from "../errors.js";
import type { Policy, Rule } from "./model.js";
import { readAction, readDefault } from "./parse-action.js";
import { readMatch } from "./parse-match.js";
import { callsOf } from "./applies.js";
import { MapReader } from "./reader.js";
import { readSource, type Position, type Problem, type Problems, type SourceNode } from "./source.js";

export type { Position, Problem } from "./source.js";

/** What {@link parsePolicy} may be told. */
export interface ParseOptions {
    /** Name of the file, for messages. */
    file?: string | undefined;
}

/** A policy with what is wrong and where its rules stand. */
export interface ReadPolicy {
    /** What could be read; to be used only if there are no problems. */
    readonly policy: Policy;
    readonly problems: readonly Problem[];
    /** Where each rule stands. */
    readonly positions: readonly Position[];
}

const policyKeys = ["$schema", "version", "default", "failClosed", "rules"] as const;
const ruleKeys = ["name", "match", "then"] as const;
const mostRules = 1_000_000;
/** Problems that are told; the rest is counted. */
const toldProblems = 20;

function readRule(problems: Problems, node: SourceNode, number: number): Rule | undefined {
    const before = problems.list.length;
    const map = new MapReader(problems, node, "a rule", ruleKeys);
    const name = map.text("name") ?? `rule ${number}`;
    if (name.trim() === "" || name.length > 200) {
        map.fail("name", "a rule's name has 1 to 200 characters");
    }
    const given = map.get("match");
    const match = given === undefined ? {} : readMatch(problems, given);
    const thenNode = map.required("then");
    const then = thenNode === undefined ? undefined : readAction(problems, thenNode);
    if (then === undefined) {
        return undefined;
    }
    const rule = { name, match, then };
    if (problems.list.length === before && callsOf(rule).length === 0) {
        map.fail("match", "this rule can match no call: " + whyNoCall(rule));
    }
    return rule;
}

function whyNoCall({ match, then }: Rule): string {
    if (callsOf({ name: "", match, then: { kind: "allow" } }).length > 0) {
        return `${then.kind === "relay" ? "what goes through the relay" : "a redirect"} concerns connect and sendto only`;
    }
    return match.to !== undefined && match.call?.every((call) => call === "bind" || call === "listen") === true
        ? `"${match.call.join('" and "')}" have no remote end; their own is "local"`
        : `"direction: ${match.direction ?? ""}" and "call" exclude each other`;
}

/** Reads as much as can be read, and says what is wrong with the rest. */
export function readPolicy(text: string): ReadPolicy {
    const { root, problems } = readSource(text.replace(/^\ufeff/, ""));
    const empty: Policy = { version: 1, default: { kind: "allow" }, rules: [] };
    const nothing: ReadPolicy = { policy: empty, problems: problems.list, positions: [] };
    if (problems.list.length > 0) {
        return nothing;
    }
    if (root.kind !== "map") {
        problems.add(root.at, 'a policy has the keys "version", "default" and "rules"');
        return nothing;
    }
    const map = new MapReader(problems, root, "a policy", policyKeys);
    const version = map.required("version");
    if (version !== undefined && (version.kind !== "number" || version.number !== 1)) {
        map.fail(
            "version",
            "this winsock-spi knows version 1 of policies; for another one another winsock-spi is needed",
        );
    }
    const defaultNode = map.get("default");
    const rulesNode = map.get("rules");
    const nodes = rulesNode?.kind === "list" ? rulesNode.items : [];
    if (rulesNode !== undefined && rulesNode.kind !== "list" && rulesNode.kind !== "nothing") {
        map.fail("rules", '"rules" is a list: each rule begins with "- name: ..."');
    }
    if (nodes.length > mostRules) {
        map.fail("rules", `a policy has at most ${mostRules} rules`);
    }
    const rules: Rule[] = [];
    const positions: Position[] = [];
    for (const [index, node] of nodes.slice(0, mostRules).entries()) {
        const rule = readRule(problems, node, index + 1);
        if (rule !== undefined) {
            rules.push(rule);
            positions.push(problems.position(node.at));
        }
    }
    const failClosed = map.has("failClosed") ? { failClosed: map.flag("failClosed") } : {};
    const policy: Policy = {
        version: 1,
        default: defaultNode === undefined ? { kind: "allow" } : readDefault(problems, defaultNode),
        ...failClosed,
        rules,
    };
    return { policy, problems: problems.list, positions };
}

/** `policy.yaml:6:20: ...`, as compilers write it and editors follow it. */
export function formatProblem({ line, column, message }: Problem, file = "policy"): string {
    return `${file}:${line}:${column}: ${message}`;
}

/**
 * The policy that a text (YAML 1.2 or JSON) says. Throws a WinsockError with the code ERR_POLICY_SYNTAX that tells every
 * problem with its line, its column and the way out.
 */
export function parsePolicy(text: string, options: ParseOptions = {}): Policy {
    refuseUnknownOptions("parsePolicy", options, ["file"]);
    if (typeof text !== "string") {
        throw new TypeError("parsePolicy: the text of a policy is needed, as a string");
    }
    const { policy, problems } = readPolicy(text);
    if (problems.length > 0) {
        const told = [...problems]
            .sort((a, b) => a.line - b.line || a.column - b.column)
            .slice(0, toldProblems)
            .map((problem) => formatProblem(problem, options.file));
        const more = problems.length > told.length ? [`and ${problems.length - told.length} more`] : [];
        throw new WinsockError([...told, ...more].join("\n"), { code: "ERR_POLICY_SYNTAX" });
    }
    return policy;
}
