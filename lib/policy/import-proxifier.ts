/**
 * Proxifier profiles (.ppx, XML) as policies. Both take the first rule that matches, so rules stay in their order. What
 * has no counterpart is left out and noted. Pure.
 */

import type { Element } from "@xmldom/xmldom";
import { WinsockError } from "../errors.js";
import { uniqueName, type ImportedPolicy } from "./import-shared.js";
import type { Action, AddressPattern, PortRange, Proxy, Rule } from "./model.js";
import { BadText, parsePorts, parseTarget } from "./parse-values.js";
import { xmldom } from "./parsers.js";

function children(parent: Element | undefined, name: string): Element[] {
    return parent === undefined
        ? []
        : Array.from(parent.childNodes).filter((node): node is Element => node.nodeName === name);
}
function child(parent: Element | undefined, ...path: readonly string[]): Element | undefined {
    return path.reduce<Element | undefined>((element, name) => children(element, name)[0], parent);
}
function textOf(parent: Element | undefined, name: string): string {
    return child(parent, name)?.textContent?.trim() ?? "";
}
function isEnabled(element: Element | undefined): boolean {
    return element?.getAttribute("enabled") !== "false";
}
/** "a; b" as Proxifier writes lists; quotes around paths. */
function parts(text: string): string[] {
    return text
        .split(/[;\r\n]+/)
        .map((part) => part.trim().replace(/^"(.*)"$/, "$1"))
        .filter((part) => part !== "");
}

/** "192.168.*.*" as a range. */
function parseMask(text: string): AddressPattern[] {
    const fields = text.split(".");
    const stars = fields.findIndex((field) => field === "*");
    if (fields.length !== 4 || stars < 1 || fields.slice(stars).some((field) => field !== "*")) {
        return parseTarget(text);
    }
    const fill = (value: string): string => fields.map((field) => (field === "*" ? value : field)).join(".");
    return parseTarget(`${fill("0")}-${fill("255")}`);
}

class Importer {
    readonly notes: string[] = [];
    readonly #proxies = new Map<string, Proxy>();
    readonly #chains = new Map<string, Proxy[]>();

    constructor(profile: Element) {
        for (const element of children(child(profile, "ProxyList"), "Proxy")) {
            this.#readProxy(element);
        }
        for (const element of children(child(profile, "ChainList"), "Chain")) {
            const ids = children(element, "Proxy")
                .filter(isEnabled)
                .map((each) => each.textContent?.trim() ?? "");
            const proxies = ids.flatMap((id) => this.#proxies.get(id) ?? []);
            if (proxies.length === ids.length && ids.length > 0) {
                this.#chains.set(element.getAttribute("id") ?? "", proxies);
            }
            if ((element.getAttribute("type") ?? "simple") !== "simple") {
                this.notes.push(
                    `chain "${textOf(element, "Name")}" is redundant or balances load; it became a simple chain ` +
                        "of all its proxies",
                );
            }
        }
    }

    #readProxy(element: Element): void {
        const id = element.getAttribute("id") ?? "";
        const type = element.getAttribute("type") ?? "";
        const kind = type === "SOCKS5" ? "socks5" : type === "HTTPS" || type === "HTTP" ? "http" : undefined;
        const [host, port] = [textOf(element, "Address"), Number(textOf(element, "Port"))];
        if (kind === undefined || host === "" || !(port > 0 && port <= 65535)) {
            this.notes.push(`proxy ${id} (${type} ${host}) is left out: SOCKS5 and HTTP CONNECT are known`);
            return;
        }
        const login = child(element, "Authentication");
        const user = login?.getAttribute("enabled") === "true" ? textOf(login, "Username") : "";
        if (user !== "") {
            this.notes.push(`proxy ${id}: Proxifier encrypts passwords; write the one of "${user}" into its address`);
        }
        this.#proxies.set(id, { kind, host, port, ...(user !== "" && { user }) });
    }

    rule(element: Element): Rule | undefined {
        const name = textOf(element, "Name") || "rule";
        if (!isEnabled(element)) {
            this.notes.push(`rule "${name}" is switched off and left out`);
            return undefined;
        }
        const then = this.#action(name, child(element, "Action"));
        if (then === undefined) {
            return undefined;
        }
        const program = parts(textOf(element, "Applications")).filter((each) => each !== "*");
        const ports = this.#ports(name, textOf(element, "Ports"));
        const targets = parts(textOf(element, "Targets"));
        const to = targets.flatMap((target) => this.#target(name, target));
        if (targets.length > 0 && to.length === 0) {
            this.notes.push(`rule "${name}" is left out: none of its targets can be told`);
            return undefined;
        }
        const whole = ports === undefined ? to : (to.length > 0 ? to : [{}]).map((each) => ({ ...each, ports }));
        return {
            name,
            then,
            match: {
                ...(program.length > 0 && { program }),
                call: ["connect"],
                ...(whole.length > 0 && { to: whole }),
            },
        };
    }

    #action(name: string, action: Element | undefined): Action | undefined {
        const type = action?.getAttribute("type");
        const id = action?.textContent?.trim() ?? "";
        const proxy = type === "Proxy" ? [this.#proxies.get(id)].flatMap((each) => each ?? []) : this.#chains.get(id);
        if (type === "Direct") {
            return { kind: "allow" };
        }
        if (type === "Block") {
            return { kind: "deny", error: "WSAEACCES" };
        }
        if ((type !== "Proxy" && type !== "Chain") || proxy === undefined || proxy.length === 0) {
            // Left out it would let through, directly, what was to be hidden.
            this.notes.push(
                `rule "${name}": its ${type === "Chain" ? "chain" : "proxy"} is not known; the rule denies instead`,
            );
            return { kind: "deny", error: "WSAEACCES" };
        }
        return { kind: "relay", proxy, otherwise: { kind: "deny", error: "WSAEACCES" } };
    }

    #ports(name: string, text: string): PortRange[] | undefined {
        const listed = parts(text);
        const ports = listed.flatMap((part) => this.#try(name, part, () => parsePorts(part)) ?? []);
        return listed.length === 0 ? undefined : ports;
    }

    #target(name: string, text: string): AddressPattern[] {
        const parse = (): AddressPattern[] => {
            if (text.includes("%")) {
                throw new BadText("variables are not known");
            }
            return text === "*" ? [{}] : parseMask(text);
        };
        return this.#try(name, text, parse) ?? [];
    }

    #try<T>(rule: string, text: string, parse: () => T): T | undefined {
        try {
            return parse();
        } catch (error) {
            if (!(error instanceof BadText)) {
                throw error;
            }
            this.notes.push(`rule "${rule}": "${text}" is left out: ${error.message}`);
            return undefined;
        }
    }
}

/** The policy that a Proxifier profile means. Throws ERR_IMPORT where the text is none. */
export function importProxifier(text: string): ImportedPolicy {
    let root: Element | null;
    try {
        const fail = (level: string, message: string): void => {
            if (level !== "warning") {
                throw new Error(message);
            }
        };
        const { DOMParser } = xmldom();
        root = new DOMParser({ onError: fail }).parseFromString(
            text.replace(/^\ufeff/, ""),
            "text/xml",
        ).documentElement;
    } catch (error) {
        throw new WinsockError(`This is no XML: ${(error as Error).message}`, { code: "ERR_IMPORT", cause: error });
    }
    if (root?.nodeName !== "ProxifierProfile") {
        throw new WinsockError("This is no Proxifier profile: its root is not ProxifierProfile.", {
            code: "ERR_IMPORT",
        });
    }
    const importer = new Importer(root);
    const taken = new Set<string>();
    const rules = children(child(root, "RuleList"), "Rule")
        .flatMap((element) => importer.rule(element) ?? [])
        .map((rule) => ({ ...rule, name: uniqueName(rule.name, taken) }));
    return { policy: { version: 1, default: { kind: "allow" }, rules }, notes: importer.notes };
}
