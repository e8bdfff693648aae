/** Reading values of a policy file one by one: each says what it must be, and a problem when it is not. */

import { BadText } from "./parse-values.js";
import { suggestion, type Entry, type Problems, type SourceNode } from "./source.js";

const kindNames = {
    text: "a text",
    number: "a number",
    boolean: "true or false",
    nothing: "nothing",
    list: "a list",
    map: "keys with values",
} as const;

/** Patterns and names longer than this are nobody's. */
const longestText = 4096;

/** Keys of a map, asked for one by one. */
export class MapReader {
    readonly at: number;
    readonly #what: string;
    readonly #problems: Problems;
    readonly #entries = new Map<string, Entry>();

    /** Says which keys `node` has that are not `known`. A node that is no map counts as one without keys. */
    constructor(problems: Problems, node: SourceNode, what: string, known: readonly string[]) {
        this.at = node.at;
        this.#what = what;
        this.#problems = problems;
        if (node.kind !== "map") {
            problems.add(node.at, `${what} must have keys with values, not ${kindNames[node.kind]}`);
            return;
        }
        for (const entry of node.entries) {
            if (!known.includes(entry.key)) {
                problems.add(entry.at, `${what} has no key "${entry.key.slice(0, 80)}"${suggestion(entry.key, known)}`);
            }
            this.#entries.set(entry.key, entry);
        }
    }

    get keys(): readonly string[] {
        return [...this.#entries.keys()];
    }
    has(key: string): boolean {
        return this.#entries.has(key);
    }
    /** Where the key stands, or where the map begins. */
    where(key: string): number {
        return this.#entries.get(key)?.at ?? this.at;
    }
    get(key: string): SourceNode | undefined {
        return this.#entries.get(key)?.value;
    }
    /** Says what is wrong with a key. */
    fail(key: string, message: string): undefined {
        this.#problems.add(this.where(key), message);
        return undefined;
    }

    /** A key that must be there. */
    required(key: string): SourceNode | undefined {
        const node = this.get(key);
        if (node === undefined) {
            this.fail(key, `${this.#what} needs the key "${key}"`);
        }
        return node;
    }
    /** A text. */
    text(key: string): string | undefined {
        return this.#read(key, (node) => textOf(node));
    }
    /** A text that `parse` gives a meaning. */
    parsed<T>(key: string, parse: (text: string) => T): T | undefined {
        return this.#read(key, (node) => parse(textOf(node)));
    }
    /** true; false is as if the key were not there. */
    flag(key: string): boolean {
        return (
            this.#read(key, (node) => {
                if (node.kind !== "boolean") {
                    throw new BadText(`"${key}" is true or false, not ${kindNames[node.kind]}`);
                }
                return node.boolean;
            }) ?? false
        );
    }
    /** One of these words. */
    word<T extends string>(key: string, words: readonly T[]): T | undefined {
        return this.#read(key, (node) => wordOf(node, words));
    }
    /** One value or a list of them, at least one. */
    list<T>(key: string, read: (node: SourceNode) => T): T[] | undefined {
        const node = this.get(key);
        if (node === undefined) {
            return undefined;
        }
        const items = node.kind === "list" ? node.items : [node];
        if (items.length === 0) {
            this.fail(key, `"${key}" is an empty list, which nothing can match; leave the key out for any`);
            return;
        }
        return items.flatMap((item) => {
            const value = this.#guard(item, () => read(item));
            return value === undefined ? [] : [value];
        });
    }

    #read<T>(key: string, read: (node: SourceNode) => T): T | undefined {
        const node = this.get(key);
        return node === undefined ? undefined : this.#guard(node, () => read(node));
    }
    #guard<T>(node: SourceNode, read: () => T): T | undefined {
        try {
            return read();
        } catch (error) {
            if (!(error instanceof BadText)) {
                throw error;
            }
            this.#problems.add(node.at, error.message);
            return undefined;
        }
    }
}

/** A text; a number is taken as it is written. */
export function textOf(node: SourceNode): string {
    if (node.kind !== "text" && node.kind !== "number") {
        throw new BadText(`a text is needed here, not ${kindNames[node.kind]}`);
    }
    const { text } = node;
    if (text.length > longestText) {
        throw new BadText(`the text is longer than ${longestText} characters`);
    }
    if (/[\u0000-\u001f\u007f]/.test(text)) {
        throw new BadText(
            `control characters have no place in ${JSON.stringify(text.slice(0, 60))} (in double quotes a ` +
                "backslash is an escape: use single quotes)",
        );
    }
    return text;
}

/** A whole number of that range. */
export function numberOf(node: SourceNode, what: string, last: number): number {
    if (node.kind !== "number" || !Number.isInteger(node.number) || node.number < 0 || node.number > last) {
        throw new BadText(`${what} is a number from 0 to ${last}`);
    }
    return node.number;
}

export function wordOf<T extends string>(node: SourceNode, words: readonly T[]): T {
    const text = textOf(node);
    const word = words.find((each) => each === text);
    if (word === undefined) {
        throw new BadText(`"${text.slice(0, 80)}" is none of ${words.join(", ")}${didYouMean(text, words)}`);
    }
    return word;
}

function didYouMean(text: string, words: readonly string[]): string {
    const said = suggestion(text, words);
    return said.startsWith(" (did") ? said : "";
}

export { kindNames };
