/** A policy file as a tree of values that know where they stand, and what is wrong with them. YAML 1.2, so JSON too. */

import type { LineCounter, Node } from "yaml";
import { yaml } from "./parsers.js";

/** Where something stands in the file, counted from 1. */
export interface Position {
    readonly line: number;
    readonly column: number;
}

/** What is wrong, where, and what to do. */
export interface Problem extends Position {
    readonly message: string;
}

export interface Entry {
    readonly key: string;
    /** Where the key begins. */
    readonly at: number;
    readonly value: SourceNode;
}

/** A value; `at` is the offset where it begins. */
export type SourceNode = { readonly at: number } & (
    | { readonly kind: "text"; readonly text: string }
    | { readonly kind: "number"; readonly number: number; readonly text: string }
    | { readonly kind: "boolean"; readonly boolean: boolean }
    | { readonly kind: "nothing" }
    | { readonly kind: "list"; readonly items: readonly SourceNode[] }
    | { readonly kind: "map"; readonly entries: readonly Entry[] }
);

/** Longer files are refused before they are read: nobody wrote them. */
const longestFile = 64 * 2 ** 20;
const deepest = 40;

/** Gathers problems; the reader goes on after one, so that a file's mistakes are told all at once. */
export class Problems {
    readonly #lines: LineCounter;
    readonly list: Problem[] = [];

    constructor(lines: LineCounter) {
        this.#lines = lines;
    }
    position(at: number): Position {
        const { line, col } = this.#lines.linePos(at);
        return { line, column: col };
    }
    add(at: number, message: string): void {
        this.list.push({ ...this.position(at), message });
    }
}

/** The smallest number of letters to change, insert, leave out or swap with the next. */
function distance(one: string, other: string): number {
    let before: number[] = [];
    let row = Array.from({ length: other.length + 1 }, (_, index) => index);
    for (let i = 1; i <= one.length; i++) {
        const next = [i];
        for (let j = 1; j <= other.length; j++) {
            const same = one[i - 1] === other[j - 1];
            let least = Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, (row[j - 1] ?? 0) + (same ? 0 : 1));
            if (i > 1 && j > 1 && one[i - 1] === other[j - 2] && one[i - 2] === other[j - 1]) {
                least = Math.min(least, (before[j - 2] ?? 0) + 1);
            }
            next.push(least);
        }
        [before, row] = [row, next];
    }
    return row[other.length] ?? 0;
}

/** ` (did you mean "program"?)`, or what there is to choose from. */
export function suggestion(given: string, known: readonly string[]): string {
    const wanted = given.slice(0, 40).toLowerCase();
    const [best] = known
        .map((name) => ({ name, far: distance(wanted, name.toLowerCase()) }))
        .sort((a, b) => a.far - b.far);
    if (best !== undefined && best.far <= Math.max(1, Math.floor(best.name.length / 3))) {
        return ` (did you mean "${best.name}"?)`;
    }
    return known.length <= 16 ? ` (there is: ${known.join(", ")})` : "";
}

/** What people get wrong in YAML most, said in their terms. */
function hint(code: string, message: string): string {
    if (code === "BAD_DQ_ESCAPE") {
        return `${message}. In double quotes a backslash is an escape; put paths and patterns into single quotes`;
    }
    if (code === "BAD_ALIAS" || /alias/i.test(message)) {
        return `${message}. A text that begins with * or & must be quoted: '*.exe'`;
    }
    return message;
}

class Converter {
    readonly #problems: Problems;
    readonly #anchors = new Map<string, SourceNode>();
    #aliases = 0;

    constructor(problems: Problems) {
        this.#problems = problems;
    }

    convert(node: unknown, at: number, depth = 0): SourceNode {
        const { isAlias } = yaml();
        const begin = (node as Node | null)?.range?.[0] ?? at;
        if (depth > deepest) {
            this.#problems.add(begin, "values are nested too deeply");
            return { kind: "nothing", at: begin };
        }
        if (isAlias(node)) {
            return this.#alias(node.source, begin);
        }
        const value = this.#value(node, begin, depth);
        const anchor = (node as { anchor?: string } | null)?.anchor;
        if (anchor !== undefined) {
            this.#anchors.set(anchor, value);
        }
        return value;
    }

    /** Aliases of aliases could make a small file grow without bounds. */
    #alias(name: string, at: number): SourceNode {
        const value = this.#anchors.get(name);
        if (value === undefined) {
            this.#problems.add(
                at,
                `there is no anchor "${name}". A text that begins with * must be quoted: '*${name}'`,
            );
        } else if (++this.#aliases > 10_000) {
            this.#problems.add(at, "too many aliases");
        } else {
            return value.kind === "map" || value.kind === "list" ? value : { ...value, at };
        }
        return { kind: "nothing", at };
    }

    #value(node: unknown, at: number, depth: number): SourceNode {
        const { isMap, isScalar, isSeq } = yaml();
        if (isMap(node)) {
            const entries = node.items.map(({ key, value }): Entry => {
                const begin = (key as Node | null)?.range?.[0] ?? at;
                if (!isScalar(key)) {
                    this.#problems.add(begin, "a key must be a word");
                }
                const name = isScalar(key) ? String(key.value) : "";
                return { key: name, at: begin, value: this.convert(value, begin, depth + 1) };
            });
            return { kind: "map", at, entries };
        }
        if (isSeq(node)) {
            return { kind: "list", at, items: node.items.map((item) => this.convert(item, at, depth + 1)) };
        }
        if (!isScalar(node) || node.value === null) {
            return { kind: "nothing", at };
        }
        const { value } = node;
        switch (typeof value) {
            case "string":
                return { kind: "text", at, text: value };
            case "boolean":
                return { kind: "boolean", at, boolean: value };
            case "number":
            case "bigint":
                return { kind: "number", at, number: Number(value), text: node.source ?? String(value) };
            default:
                this.#problems.add(at, "this kind of value has no meaning here");
                return { kind: "nothing", at };
        }
    }
}

/**
 * Where the text nests deeper than any policy, if it does: looked for in its tokens, since the YAML parser is recursive
 * and would take the whole process with it. In blocks a level costs an indicator on the line, or indentation.
 */
function tooDeepAt(text: string): number | undefined {
    let [at, flow, line, begin] = [0, 0, 0, true];
    for (const token of new (yaml().Lexer)().lex(text)) {
        if (token === "[" || token === "{") {
            flow++;
        } else if (token === "]" || token === "}") {
            flow = Math.max(0, flow - 1);
        } else if (token === "\n" || token === "\r\n") {
            [line, begin] = [0, true];
        } else if (flow === 0 && (token === "-" || token === "?" || token === ":")) {
            line++;
        } else if (begin && /^[ \t]/.test(token)) {
            line += Math.floor(token.length / 16);
        }
        begin &&= token === "\n" || token === "\r\n";
        if (flow > deepest || line > deepest) {
            return at;
        }
        // Tokens that are no part of the text: \x02 a document's begin, \x18 a flow's error, \x1f a scalar.
        at += /^[\x02\x18\x1f]$/.test(token) ? 0 : token.length;
    }
    return undefined;
}

/** The file's tree. Where its text is no YAML at all, the problems say so and the tree is empty. */
export function readSource(text: string): { root: SourceNode; problems: Problems } {
    const { LineCounter, parseDocument } = yaml();
    const lineCounter = new LineCounter();
    const problems = new Problems(lineCounter);
    const root: SourceNode = { kind: "nothing", at: 0 };
    if (text.length > longestFile) {
        problems.add(0, `the file is larger than ${longestFile / 2 ** 20} MiB`);
        return { root, problems };
    }
    const deep = tooDeepAt(text);
    if (deep !== undefined) {
        problems.add(deep, "values are nested too deeply");
        return { root, problems };
    }
    try {
        const document = parseDocument(text, { lineCounter, prettyErrors: false, version: "1.2", strict: true });
        // What follows the first mistakes follows from them.
        for (const {
            pos: [at],
            code,
            message,
        } of document.errors.slice(0, 3)) {
            problems.add(at, hint(code, message));
        }
        // Conversion finds more where the text is whole, and follows from the first mistake where it is not.
        return problems.list.length > 0
            ? { root, problems }
            : { root: new Converter(problems).convert(document.contents, 0), problems };
    } catch (error) {
        if (!(error instanceof RangeError)) {
            // the stack
            throw error;
        }
        problems.add(0, "values are nested too deeply");
        return { root, problems };
    }
}
