/**
 * Little Snitch rules (.lsrules, JSON) as policies. There the most particular rule decides, here the first: rules are put
 * in that order. Programs of macOS are told by their names. Pure.
 */

import { WinsockError } from "../errors.js";
import { uniqueName, type ImportedPolicy } from "./import-shared.js";
import type { Action, AddressPattern, Match, Rule } from "./model.js";
import { BadText, parsePorts, parseTarget } from "./parse-values.js";

type Fields = Readonly<Record<string, unknown>>;

function isFields(value: unknown): value is Fields {
    return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A text with commas, or a list of texts. */
function listOf(value: unknown): string[] {
    const texts = Array.isArray(value) ? value.map(String) : typeof value === "string" ? value.split(",") : [];
    return texts.map((text) => text.trim()).filter((text) => text !== "");
}

const anything = new Set(["", "any"]);

/** What stands for addresses there. */
const namedRemotes: Readonly<Record<string, readonly string[]>> = {
    "local-net": ["private"],
    "local-network": ["private"],
    localhost: ["loopback"],
    multicast: ["224.0.0.0/4", "ff00::/8"],
    broadcast: ["255.255.255.255"],
    bonjour: ["224.0.0.251", "ff02::fb"],
};

const verdicts: Readonly<Record<string, Action>> = {
    allow: { kind: "allow" },
    deny: { kind: "deny", error: "WSAEACCES" },
    ask: { kind: "ask", timeout: 10_000, otherwise: { kind: "deny", error: "WSAEACCES" } },
};

/** A rule with what its place is decided by. */
interface Draft {
    readonly rule: Rule;
    readonly high: boolean;
    readonly weight: number;
}

class Importer {
    readonly notes: string[] = [];
    readonly drafts: Draft[] = [];

    /** A rule that denies hosts, domains or addresses, as the short forms of the file's top level say. */
    denied(targets: readonly AddressPattern[], name: string): void {
        if (targets.length > 0) {
            const then = { kind: "deny", error: "WSAEACCES" } as const;
            this.#push({ name, match: { call: ["connect", "sendto"], to: targets }, then }, false);
        }
    }

    targets(name: string, texts: readonly string[]): AddressPattern[] {
        return texts.flatMap((text) => {
            try {
                const bare = text.includes(":") && !text.includes("[");
                return parseTarget(bare ? `[${text}]`.replace(/^\[(.*)\/(\d+)\]$/, "[$1]/$2") : text);
            } catch (error) {
                if (!(error instanceof BadText)) {
                    throw error;
                }
                this.notes.push(`rule "${name}": ${error.message}; left out`);
                return [];
            }
        });
    }

    domains(name: string, texts: readonly string[]): AddressPattern[] {
        return texts.flatMap((text) => this.targets(name, [text, `*.${text}`]));
    }

    rule(fields: Fields, number: number): void {
        const notes = typeof fields["notes"] === "string" ? fields["notes"] : "";
        const name = notes.slice(0, 100) || `rule ${number}`;
        const action = String(fields["action"]);
        const then = verdicts[action];
        if (fields["disabled"] === true || then === undefined) {
            const why = then === undefined ? `there is no verdict "${action}"` : "it is switched off";
            this.notes.push(`rule "${name}" is left out: ${why}`);
            return;
        }
        const to = this.#remote(name, fields);
        if (to === "none") {
            this.notes.push(`rule "${name}" is left out: none of its targets can be told`);
            return;
        }
        const incoming = fields["direction"] === "incoming";
        const program = this.#program(name, textOf(fields["process"]));
        const protocol = this.#protocol(name, textOf(fields["protocol"]));
        const ports = this.#ports(name, textOf(fields["ports"]));
        const end = incoming ? "local" : "to";
        const targets = ports === undefined || incoming ? to : (to ?? [{}]).map((each) => ({ ...each, ports }));
        const match: Match = {
            ...(program && { program: [program] }),
            call: incoming ? ["accept"] : ["connect", "sendto"],
            ...(protocol !== undefined && { protocol: [protocol] }),
            ...(targets && { to: targets }),
            ...(ports !== undefined && incoming && { [end]: [{ ports }] }),
        };
        this.#push({ name, match, then }, fields["priority"] === "high");
    }

    #push(rule: Rule, high: boolean): void {
        const { program, to, protocol } = rule.match;
        const exact = to?.every(({ host, range }) => host !== undefined || range !== undefined) ?? false;
        const weight = (program ? 4 : 0) + (exact ? 2 : 0) + (to || protocol ? 1 : 0);
        this.drafts.push({ rule, high, weight });
    }

    #remote(name: string, fields: Fields): AddressPattern[] | undefined | "none" {
        const remote = textOf(fields["remote"]);
        const texts = [
            ...this.targets(name, [
                ...listOf(fields["remote-hosts"]),
                ...listOf(fields["remote-addresses"]),
                ...(namedRemotes[remote] ?? []),
            ]),
            ...this.domains(name, listOf(fields["remote-domains"])),
        ];
        const asked = ["remote-hosts", "remote-addresses", "remote-domains"].some((key) => fields[key] !== undefined);
        return texts.length > 0 ? texts : asked || !anything.has(remote) ? "none" : undefined;
    }

    #program(name: string, process: string): string | undefined {
        if (anything.has(process)) {
            return undefined;
        }
        const file = process.split(/[\\/:]/).at(-1) ?? process;
        if (process.includes("\\") || file.toLowerCase().endsWith(".exe")) {
            return process.includes("\\") ? process : file;
        }
        this.notes.push(`rule "${name}": the program ${process} became ${file}.exe`);
        return `${file}.exe`;
    }

    #protocol(name: string, protocol: string): "tcp" | "udp" | number | undefined {
        if (anything.has(protocol)) {
            return undefined;
        }
        if (protocol === "tcp" || protocol === "udp") {
            return protocol;
        }
        const number = protocol === "icmp" ? 1 : Number(protocol);
        if (Number.isInteger(number) && number >= 0 && number <= 255) {
            return number === 6 ? "tcp" : number === 17 ? "udp" : number;
        }
        this.notes.push(`rule "${name}": the protocol "${protocol}" is not known; it holds for all`);
        return undefined;
    }

    #ports(name: string, text: string) {
        if (anything.has(text)) {
            return undefined;
        }
        try {
            return parsePorts(text);
        } catch (error) {
            if (!(error instanceof BadText)) {
                throw error;
            }
            this.notes.push(`rule "${name}": ${error.message}; it holds for all ports`);
            return undefined;
        }
    }
}

/** A field as text: `any` where there is none; several are joined, and what is no text is shown as it stands. */
function textOf(field: unknown): string {
    if (field === undefined || field === null) {
        return "any";
    }
    const text = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));
    return Array.isArray(field) ? field.map(text).join(",") : text(field);
}

/** The policy that Little Snitch rules mean. Throws ERR_IMPORT where the text is none. */
export function importLittleSnitch(text: string): ImportedPolicy {
    let file: unknown;
    try {
        file = JSON.parse(text.replace(/^\ufeff/, ""));
    } catch (error) {
        throw new WinsockError(`This is no JSON: ${(error as Error).message}`, { code: "ERR_IMPORT", cause: error });
    }
    const short = ["denied-remote-domains", "denied-remote-hosts", "denied-remote-addresses"] as const;
    if (!isFields(file) || !(Array.isArray(file["rules"]) || short.some((key) => file[key] !== undefined))) {
        throw new WinsockError('These are no Little Snitch rules: there is no list "rules" and nothing denied.', {
            code: "ERR_IMPORT",
        });
    }
    const importer = new Importer();
    for (const [index, fields] of (Array.isArray(file["rules"]) ? file["rules"] : []).entries()) {
        if (isFields(fields)) {
            importer.rule(fields, index + 1);
        } else {
            importer.notes.push(`rule ${index + 1} is left out: it is no object`);
        }
    }
    importer.denied(importer.domains("denied domains", listOf(file["denied-remote-domains"])), "denied domains");
    importer.denied(importer.targets("denied hosts", listOf(file["denied-remote-hosts"])), "denied hosts");
    importer.denied(importer.targets("denied addresses", listOf(file["denied-remote-addresses"])), "denied addresses");

    // A deny comes before an allow that is as particular.
    const isDeny = ({ rule }: Draft): number => (rule.then.kind === "deny" ? 0 : 1);
    const sorted = [...importer.drafts].sort(
        (a, b) => Number(b.high) - Number(a.high) || b.weight - a.weight || isDeny(a) - isDeny(b),
    );
    const taken = new Set<string>();
    const rules = sorted.map(({ rule }) => ({ ...rule, name: uniqueName(rule.name, taken) }));
    return { policy: { version: 1, default: { kind: "allow" }, rules }, notes: importer.notes };
}
