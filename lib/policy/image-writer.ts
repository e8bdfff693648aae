/** The bytes of a policy image: sections by name, what is the same written once (native/core/policy_format.hpp). Pure. */

import { WinsockError } from "../errors.js";
import { foldTable, foldText } from "./fold.js";
import type { Cell } from "./image-cells.js";

/** Sections in the order of PolicyHeader, with the bytes of an element. */
const sections = {
    rules: 64,
    extras: 32,
    ranges: 40,
    times: 4,
    numbers: 4,
    patterns: 12,
    members: 8,
    conditions: 12,
    groups: 88,
    indexes: 88,
    keysIpv4: 4,
    keysIpv6: 16,
    buckets: 4,
    cells: 16,
    ports: 8,
    lists: 4,
    texts: 2,
    foldPages: 2,
    foldValues: 2,
} as const;
export type SectionName = keyof typeof sections;

/** Sections begin at multiples of a cache line. */
const alignment = 64;
const headerSize = 32 + 8 * Object.keys(sections).length;
const magic = 0x50495357; // "WSIP"
const abi = 1;
const largest = 256 * 2 ** 20;
const listBit = 0x8000_0000;

const patternNameOnly = 1;
const patternLiteral = 2;

/** Some elements of a section. */
export interface Slice {
    readonly first: number;
    readonly count: number;
}
export const nothing: Slice = { first: 0, count: 0 };

/** Bytes that grow. */
export class Bytes {
    #view = new DataView(new ArrayBuffer(1024));
    length = 0;

    #grow(size: number): number {
        const at = this.length;
        this.length += size;
        if (this.length > this.#view.byteLength) {
            if (this.length > largest) {
                throw new WinsockError(
                    "The policy is too large: its image would have more than 256 MiB. Use fewer rules with a time, a module " +
                        "or a local end, or with ports that overlap.",
                    { code: "ERR_POLICY_TOO_LARGE" },
                );
            }
            const wider = new Uint8Array(Math.max(2 * this.#view.byteLength, this.length));
            wider.set(new Uint8Array(this.#view.buffer));
            this.#view = new DataView(wider.buffer);
        }
        return at;
    }
    u8(...values: number[]): this {
        for (const value of values) {
            const at = this.#grow(1); // may replace the view
            this.#view.setUint8(at, value);
        }
        return this;
    }
    u16(...values: number[]): this {
        return this.u16s(values);
    }
    u16s(values: Iterable<number>): this {
        for (const value of values) {
            const at = this.#grow(2); // may replace the view
            this.#view.setUint16(at, value, true);
        }
        return this;
    }
    u32(...values: number[]): this {
        return this.u32s(values);
    }
    u32s(values: Iterable<number>): this {
        for (const value of values) {
            const at = this.#grow(4); // may replace the view
            this.#view.setUint32(at, value, true);
        }
        return this;
    }
    u64(value: bigint): this {
        const at = this.#grow(8); // may replace the view
        this.#view.setBigUint64(at, value, true);
        return this;
    }
    /** A PolicyAddress: the upper half first. */
    u128(value: bigint): this {
        return this.u64(value >> 64n).u64(value & 0xffff_ffff_ffff_ffffn);
    }
    bytes(): Uint8Array {
        return new Uint8Array(this.#view.buffer, 0, this.length);
    }
}

/** The same as policy_checksum in native/core/policy_check.cpp. */
export function policyChecksum(bytes: Uint8Array): number {
    const multiplier = 0x9e3779b1;
    const lanes = [1, 2, 3, 4];
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let at = 0; at + 4 <= bytes.length; at += 4) {
        const lane = (at / 4) % 4;
        const mixed = Math.imul((lanes[lane] ?? 0) ^ view.getUint32(at, true), multiplier);
        lanes[lane] = mixed ^ (mixed >>> 15);
    }
    let sum = bytes.length;
    for (const lane of lanes) {
        sum = Math.imul(sum ^ lane, multiplier);
        sum ^= sum >>> 13;
    }
    return sum >>> 0;
}

export class ImageWriter {
    readonly #sections = Object.fromEntries(Object.keys(sections).map((name) => [name, new Bytes()])) as Readonly<
        Record<SectionName, Bytes>
    >;
    readonly #known = new Map<string, number>();
    /** What is written of a cell. */
    readonly #cells = new Map<Cell, readonly number[]>();
    readonly #shared = new Map<Cell, number>();

    /** Adds an element to a section, or all that `write` writes; returns what of the section that is. */
    add(name: SectionName, write: (bytes: Bytes) => void): Slice {
        const bytes = this.#sections[name];
        const first = bytes.length / sections[name];
        write(bytes);
        return { first, count: bytes.length / sections[name] - first };
    }

    /** The same, unless the section has it already by that key. `count` elements. */
    addOnce(name: SectionName, key: string, count: number, write: (bytes: Bytes) => void): Slice {
        const whole = `${name} ${key}`;
        let first = this.#known.get(whole);
        if (first === undefined) {
            ({ first } = this.add(name, write));
            this.#known.set(whole, first);
        }
        return { first, count };
    }

    count(name: SectionName): number {
        return this.#sections[name].length / sections[name];
    }

    text(text: string): Slice {
        return this.addOnce("texts", text, text.length, (bytes) => {
            for (let index = 0; index < text.length; index++) {
                bytes.u16(text.charCodeAt(index));
            }
        });
    }

    numbers(values: readonly number[]): Slice {
        return this.addOnce("numbers", values.join(), values.length, (bytes) => bytes.u32s(values));
    }

    #pattern(bytes: Bytes, text: string, flags: number): void {
        const { first, count } = this.text(text);
        bytes.u32(first, count, flags);
    }

    /** Patterns of paths (compared with the file name alone where they have no backslash), or of whole texts. */
    patterns(patterns: readonly string[], kind: "path" | "text"): Slice {
        return this.addOnce("patterns", JSON.stringify([kind, patterns]), patterns.length, (bytes) => {
            for (const pattern of patterns) {
                const name = kind === "path" && !pattern.includes("\\") ? patternNameOnly : 0;
                this.#pattern(bytes, foldText(pattern), name | (/[*?]/.test(pattern) ? 0 : patternLiteral));
            }
        });
    }

    /** The index of one text, as it is. */
    plainText(text: string): number {
        return this.addOnce("patterns", `plain ${text}`, 1, (bytes) => this.#pattern(bytes, text, patternLiteral))
            .first;
    }

    /** What stands for these rules, of which the last may be certain. */
    candidate(rules: readonly number[], isCertain: (rule: number) => boolean): number {
        const [only = 0] = rules;
        if (rules.length === 0 || (rules.length === 1 && isCertain(only))) {
            return only;
        }
        const { first } = this.addOnce("lists", rules.join(), 0, (bytes) => bytes.u32(rules.length).u32s(rules));
        return first + listBit;
    }

    /** The cells of one table, one after the other; what they lead on to is written before them. */
    cells(cells: readonly (Cell | undefined)[], isCertain: (rule: number) => boolean): Slice {
        const fields = cells.map((cell) => (cell === undefined ? [0, 0, 0, 0] : this.#cellFields(cell, isCertain)));
        return this.add("cells", (bytes) => {
            for (const each of fields) {
                bytes.u32s(each);
            }
        });
    }

    #cellFields(cell: Cell, isCertain: (rule: number) => boolean): readonly number[] {
        const known = this.#cells.get(cell);
        if (known !== undefined) {
            return known;
        }
        const next = cell.next === undefined ? 0 : this.#sharedCell(cell.next, isCertain);
        const { starts, rules } = cell.ports;
        const candidates = rules.map((each) => this.candidate(each, isCertain));
        const first =
            starts.length === 1
                ? (candidates[0] ?? 0)
                : this.add("ports", (bytes) => {
                      for (const [index, start] of starts.entries()) {
                          bytes.u16(start, 0).u32(candidates[index] ?? 0);
                      }
                  }).first;
        const fields = [first, starts.length, next, cell.nextFirst];
        this.#cells.set(cell, fields);
        return fields;
    }

    /** The number, plus 1, of a cell that others lead on to. */
    #sharedCell(cell: Cell, isCertain: (rule: number) => boolean): number {
        let number = this.#shared.get(cell);
        if (number === undefined) {
            const fields = this.#cellFields(cell, isCertain);
            number = this.add("cells", (bytes) => bytes.u32s(fields)).first + 1;
            this.#shared.set(cell, number);
        }
        return number;
    }

    #fold(): void {
        const table = foldTable();
        for (let page = 0; page < 256; page++) {
            const values = table.subarray(page * 256, page * 256 + 256);
            const changes = values.some((value, index) => value !== page * 256 + index);
            const number = changes ? this.add("foldValues", (bytes) => bytes.u16s(values)).first / 256 + 1 : 0;
            this.add("foldPages", (bytes) => bytes.u16(number));
        }
    }

    /** The image. Once. */
    finish({ generation, flags, calls }: { generation: number; flags: number; calls: number }): Uint8Array {
        this.#fold();
        const header = new Bytes();
        const parts: Uint8Array[] = [];
        let offset = Math.ceil(headerSize / alignment) * alignment;
        const begin = offset;
        const places: [number, number][] = [];
        for (const [name, bytes] of Object.entries(this.#sections)) {
            places.push([offset, bytes.length / sections[name as SectionName]]);
            const part = new Uint8Array(Math.ceil(bytes.length / alignment) * alignment);
            part.set(bytes.bytes());
            parts.push(part);
            offset += part.length;
        }
        const image = new Uint8Array(offset);
        let at = begin;
        for (const part of parts) {
            image.set(part, at);
            at += part.length;
        }
        header
            .u32(magic)
            .u16(abi, headerSize)
            .u32(offset, policyChecksum(image.subarray(headerSize)));
        header.u32(generation, flags, calls, 0, ...places.flat());
        image.set(header.bytes());
        return image;
    }
}
