/** Which rule a call would hit, and why the ones before do not match. Pure. */

import { WinsockError } from "../errors.js";
import { decide, firstMismatch, type MatchKey } from "./decide.js";
import { formatEndpoint, formatMatch } from "./format.js";
import { policyCalls, type CallFacts, type Decision, type Policy, type PolicyCall, type Rule } from "./model.js";
import { BadText, parseEndpoint, parseTimes } from "./parse-values.js";
import { suggestion } from "./source.js";

/** A rule that a call does not match. */
export interface PassedRule {
    readonly rule: number;
    readonly name: string;
    readonly key: MatchKey;
    readonly reason: string;
}

export interface Explanation {
    readonly call: CallFacts;
    readonly decision: Decision;
    /** The rules before the one that decides, each with the first key of its match that does not hold. */
    readonly passed: readonly PassedRule[];
}

const grammar =
    "PROGRAM CALL [ADDRESS[:PORT]] [tcp|udp|NUMBER] [from ADDRESS[:PORT]] [host NAME] [user USER] [pid PID] [parent PROGRAM] " +
    "[line COMMANDLINE] [module FILE] [at DAY HH:MM], like: curl.exe connect 1.2.3.4:443";

function bad(message: string): WinsockError {
    return new WinsockError(`${message}. A call is written: ${grammar}`, { code: "ERR_USAGE" });
}

/** Words, of which those in quotes may have spaces. */
function wordsOf(text: string): string[] {
    const found = text.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g);
    return Array.from(found, ([, double, single, plain]) => double ?? single ?? plain ?? "");
}

type Draft = { -readonly [key in keyof CallFacts]?: CallFacts[key] };

/** A call as people write it; see {@link grammar}. */
export function parseCall(text: string): CallFacts {
    const [program, callName = "", ...words] = wordsOf(text);
    if (program === undefined) {
        throw bad("The call is empty");
    }
    const call = policyCalls.find((each) => each === callName.toLowerCase());
    if (call === undefined) {
        throw bad(`"${callName}" is no call${suggestion(callName, policyCalls)}`);
    }
    const process: { -readonly [key in keyof CallFacts["process"]]: CallFacts["process"][key] } = { pid: 0, program };
    const draft: Draft = {};
    while (words.length > 0) {
        const word = words.shift() ?? "";
        try {
            readWord(word, words, { call, draft, process });
        } catch (error) {
            if (!(error instanceof BadText)) {
                throw error;
            }
            throw bad(error.message);
        }
    }
    return { protocol: call === "sendto" ? "udp" : "tcp", ...draft, call, process };
}

interface Target {
    readonly call: PolicyCall;
    readonly draft: Draft;
    readonly process: { -readonly [key in keyof CallFacts["process"]]: CallFacts["process"][key] };
}

function readWord(word: string, words: string[], { call, draft, process }: Target): void {
    const next = (): string => words.shift() ?? raise(`something must follow "${word}"`);
    switch (word.toLowerCase()) {
        case "tcp":
            draft.protocol = "tcp";
            return;
        case "udp":
            draft.protocol = "udp";
            return;
        case "from":
            draft.local = parseEndpoint(next());
            return;
        case "host":
            draft.host = next().toLowerCase();
            return;
        case "module":
            draft.module = next();
            return;
        case "line":
            process.commandLine = next();
            return;
        case "parent":
            process.ancestors = [...(process.ancestors ?? []), { pid: 0, program: next() }];
            return;
        case "pid":
            process.pid = Number(/^\d+$/.exec(next())?.[0] ?? raise("a pid is a number"));
            return;
        case "user": {
            const user = next();
            Object.assign(process, /^S-\d/i.test(user) ? { user } : { userName: user });
            return;
        }
        case "at": {
            const [day, clock] = [next(), next()];
            draft.minuteOfWeek = parseTimes(`${day} ${clock}-24:00`)[0]?.first ?? 0;
            return;
        }
        default:
            if (/^\d{1,3}$/.test(word)) {
                draft.protocol = Number(word);
            } else if (call === "bind" || call === "listen") {
                draft.local = parseEndpoint(word);
            } else {
                draft.remote = parseEndpoint(word);
            }
    }
}

function raise(message: string): never {
    throw new BadText(message);
}

/** What the call has where the rule asks for something else. */
function given(key: MatchKey, { process, ...facts }: CallFacts): string {
    switch (key) {
        case "call":
        case "direction":
            return facts.call;
        case "protocol":
            return String(facts.protocol);
        case "family":
            return (facts.remote ?? facts.local)?.address ?? "";
        case "to":
            return [facts.remote && formatEndpoint(facts.remote), facts.host].filter(Boolean).join(" ");
        case "local":
            return facts.local === undefined ? "" : formatEndpoint(facts.local);
        case "program":
            return process.program;
        case "commandLine":
            return process.commandLine ?? "";
        case "pid":
            return String(process.pid);
        case "tree":
            return [process, ...(process.ancestors ?? [])].map(({ program, pid }) => program || pid).join(", below ");
        case "user":
            return process.userName ?? process.user ?? "";
        case "module":
            return facts.module ?? "";
        case "time":
            return facts.minuteOfWeek === undefined ? "" : `minute ${facts.minuteOfWeek} of the week`;
    }
}

function reasonOf(key: MatchKey, rule: Rule, facts: CallFacts): string {
    const has = given(key, facts);
    const wanted = key === "call" && rule.match.call === undefined ? undefined : formatMatch(rule.match)[key];
    if (wanted === undefined) {
        return `"${rule.then.kind}" does not concern ${facts.call}`;
    }
    const said = [wanted]
        .flat()
        .map((each) => (typeof each === "object" ? JSON.stringify(each) : String(each)))
        .join(", ");
    const hosts = key === "to" && facts.host === undefined && rule.match.to?.some(({ host }) => host !== undefined);
    const why = hosts ? " (no host name is known: only the relay learns it)" : "";
    return `${key}: ${has === "" ? "not given" : has} is not ${said}${why}`;
}

/** Which rule decides the call, and why those before it do not. */
export function explain(policy: Policy, call: CallFacts): Explanation {
    const decision = decide(policy, call);
    const before = decision.rule === 0 ? policy.rules : policy.rules.slice(0, decision.rule - 1);
    return {
        call,
        decision,
        passed: before.map((rule, index) => {
            const key = firstMismatch(rule, call) ?? "call";
            return { rule: index + 1, name: rule.name, key, reason: reasonOf(key, rule, call) };
        }),
    };
}
