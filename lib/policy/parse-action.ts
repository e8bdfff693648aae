/** `then` of a rule in a policy file, and what else says allow or deny. */

import { errorName, winsockErrorNames } from "../error-names.js";
import { parseIp } from "./ip.js";
import type { Action, Endpoint, Otherwise, Policy, Proxy, RelayAction } from "./model.js";
import { BadText, parseDuration, parseEndpoint, parsePercent, parseProxy, parseRate } from "./parse-values.js";
import { MapReader, textOf, wordOf } from "./reader.js";
import { suggestion, type Problems, type SourceNode } from "./source.js";

const plainVerdicts = ["allow", "deny", "observe", "ask"] as const;
const relayKeys = ["proxy", "delay", "jitter", "rate", "loss", "reset", "rewrite", "capture"] as const;
export const actionKeyNames = [...plainVerdicts, "redirect", ...relayKeys, "timeout", "otherwise"] as const;

export const defaultError = "WSAEACCES";
const defaultTimeout = 10_000;
const longestTimeout = 600_000;
const mostHops = 8;

/** Errors that tell a program that its call goes on, or that it is no program's to get: no denial. */
const noDenial = new Set(["WSAEWOULDBLOCK", "WSAEINPROGRESS", "WSAEALREADY", "WSAEISCONN"]);
export const denialErrors = winsockErrorNames.filter((name) => !noDenial.has(name));

/** The error of `deny`: a name, its number, or true for {@link defaultError}. */
function readError(node: SourceNode): string {
    if (node.kind === "boolean") {
        if (!node.boolean) {
            throw new BadText('"deny: false" says nothing; write "allow"');
        }
        return defaultError;
    }
    const text = textOf(node);
    const name = node.kind === "number" ? errorName(node.number) : text;
    if (noDenial.has(name)) {
        throw new BadText(
            `${name} would tell the program that its call goes on; deny with another error, like ${defaultError}`,
        );
    }
    if (!denialErrors.includes(name)) {
        throw new BadText(
            `"${text.slice(0, 80)}" is no Winsock error, like ${defaultError} or WSAECONNREFUSED` +
                suggestion(name, denialErrors),
        );
    }
    return name;
}

/** `allow`, `deny`, or `deny: ERROR`. */
function readPlain(problems: Problems, node: SourceNode, what: string): Otherwise {
    if (node.kind !== "map") {
        return wordOf(node, ["allow", "deny"]) === "allow" ? { kind: "allow" } : { kind: "deny", error: defaultError };
    }
    const map = new MapReader(problems, node, what, ["deny"]);
    const [error = defaultError] = map.list("deny", readError) ?? [];
    return { kind: "deny", error };
}

export function readDefault(problems: Problems, node: SourceNode): Policy["default"] {
    return readGuarded(problems, node, () => readPlain(problems, node, "default")) ?? { kind: "allow" };
}

function readGuarded<T>(problems: Problems, node: SourceNode, read: () => T): T | undefined {
    try {
        return read();
    } catch (error) {
        if (error instanceof BadText) {
            problems.add(node.at, error.message);
            return undefined;
        }
        throw error;
    }
}

function readOtherwise(problems: Problems, map: MapReader, ifAbsent: Otherwise): Otherwise {
    const node = map.get("otherwise");
    return node === undefined
        ? ifAbsent
        : (readGuarded(problems, node, () => readPlain(problems, node, "otherwise")) ?? ifAbsent);
}

const denied: Otherwise = { kind: "deny", error: defaultError };

function readRedirect(problems: Problems, map: MapReader): Action {
    const to: Endpoint[] = map.list("redirect", (node) => parseEndpoint(textOf(node))) ?? [];
    const families = to.map(({ address }) => parseIp(address)?.family);
    if (new Set(families).size < families.length) {
        map.fail("redirect", "a redirect goes to one address, or to one of each family (IPv4, IPv6)");
    }
    return { kind: "redirect", to, otherwise: readOtherwise(problems, map, denied) };
}

function readRelay(problems: Problems, map: MapReader): RelayAction {
    const proxy: Proxy[] | undefined = map.list("proxy", (node) => parseProxy(textOf(node)));
    if ((proxy?.length ?? 0) > mostHops) {
        map.fail("proxy", `a chain has at most ${mostHops} proxies`);
    }
    const delay = map.parsed("delay", parseDuration);
    const jitter = map.parsed("jitter", parseDuration);
    if ((jitter ?? 0) > (delay ?? 0)) {
        map.fail("jitter", "jitter is so much more or less than delay, so it cannot be more than delay");
    }
    const rate = map.parsed("rate", parseRate);
    const loss = map.parsed("loss", parsePercent);
    const reset = map.parsed("reset", parsePercent);
    const rewrite = map.flag("rewrite");
    const capture = map.flag("capture");
    return {
        kind: "relay",
        ...(proxy && { proxy }),
        ...(delay !== undefined && { delay }),
        ...(jitter !== undefined && { jitter }),
        ...(rate !== undefined && { rate }),
        ...(loss !== undefined && { loss }),
        ...(reset !== undefined && { reset }),
        ...(rewrite && { rewrite }),
        ...(capture && { capture }),
        otherwise: readOtherwise(problems, map, proxy === undefined ? { kind: "allow" } : denied),
    };
}

function readAsk(problems: Problems, map: MapReader): Action {
    const node = map.get("ask");
    const text = node?.kind === "text" ? map.text("ask") : undefined;
    if (text === undefined) {
        map.flag("ask");
    }
    const timeout = map.parsed("timeout", parseDuration) ?? defaultTimeout;
    if (timeout < 1 || timeout > longestTimeout) {
        map.fail("timeout", `a call is held for 1ms to ${longestTimeout / 60_000}m`);
    }
    return {
        kind: "ask",
        ...(text !== undefined && { text }),
        timeout,
        otherwise: readOtherwise(problems, map, denied),
    };
}

/** Which verdict the keys of `then` mean; says where they mean none, or more than one. */
function kindOf(problems: Problems, map: MapReader): Action["kind"] | undefined {
    const off = (key: string): boolean => {
        const node = map.get(key);
        return node?.kind === "boolean" && !node.boolean;
    };
    const plain = [...plainVerdicts, "redirect" as const].filter((key) => map.has(key) && !off(key));
    const relay = relayKeys.filter((key) => map.has(key) && !off(key));
    const [first, ...more] = [...plain, ...relay.slice(0, 1)];
    if (first === undefined) {
        problems.add(map.at, `then says nothing: ${[...plainVerdicts, "redirect", ...relayKeys].join(", ")}`);
        return undefined;
    }
    if (more[0] !== undefined) {
        map.fail(
            more[0],
            `"${first}" and "${more[0]}" are two verdicts; a rule has one (rules of their own, the ` +
                "first that matches counts)",
        );
        return;
    }
    const kind = relay.length > 0 ? "relay" : (first as Action["kind"]);
    const mayFail = kind === "relay" || kind === "redirect" || kind === "ask";
    if (map.has("otherwise") && !mayFail) {
        map.fail("otherwise", `"${kind}" can always be carried out: "otherwise" means nothing with it`);
    }
    if (map.has("timeout") && kind !== "ask") {
        map.fail("timeout", '"timeout" is for "ask"');
    }
    return kind;
}

/** `then`: a word, or keys. Undefined: a problem was said. */
export function readAction(problems: Problems, node: SourceNode): Action | undefined {
    if (node.kind !== "map") {
        switch (readGuarded(problems, node, () => wordOf(node, plainVerdicts))) {
            case "allow":
                return { kind: "allow" };
            case "deny":
                return { kind: "deny", error: defaultError };
            case "observe":
                return { kind: "observe" };
            case "ask":
                return { kind: "ask", timeout: defaultTimeout, otherwise: denied };
            case undefined:
                return undefined;
        }
    }
    const map = new MapReader(problems, node, "then", actionKeyNames);
    switch (kindOf(problems, map)) {
        case "allow":
            map.flag("allow");
            return { kind: "allow" };
        case "observe":
            map.flag("observe");
            return { kind: "observe" };
        case "deny": {
            const [error = defaultError] = map.list("deny", readError) ?? [];
            return { kind: "deny", error };
        }
        case "redirect":
            return readRedirect(problems, map);
        case "relay":
            return readRelay(problems, map);
        case "ask":
            return readAsk(problems, map);
        case undefined:
            return undefined;
    }
}
