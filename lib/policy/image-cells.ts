/**
 * The index of one class of calls (native/core/policy_format.hpp): from the rules' address ranges and ports to cells.
 * A range is cut up over a segment tree, so that it costs the logarithm of the number of ranges, whatever it covers; an
 * address finds all ranges around it on the way from its leaf to the root. Cells along this way are merged while
 * they stay small, so that a lookup mostly ends in the first. Pure.
 */

/** One range of addresses and ports of a rule. */
export interface IndexItem {
    /** First and last address; undefined: any. */
    readonly range: { readonly first: bigint; readonly last: bigint } | undefined;
    readonly firstPort: number;
    readonly lastPort: number;
    readonly rule: number;
    /** Nothing more is to be asked of a call: no rule after this one matters. */
    readonly certain: boolean;
}

/** From starts[n] on, up to the next start, these rules in order; only the last of them can be certain. */
export interface Ports {
    readonly starts: readonly number[];
    readonly rules: readonly (readonly number[])[];
}

export interface Cell {
    readonly ports: Ports;
    readonly next: Cell | undefined;
    /** The first rule of `next` and all that it leads to. */
    readonly nextFirst: number;
    readonly first: number;
}

export interface Cells {
    /** First addresses, the first of them 0; as many as `cells`. */
    readonly keys: readonly bigint[];
    readonly cells: readonly (Cell | undefined)[];
}

/** Port ranges that a cell may have for being merged with the one around it: a few compares instead of another step. */
const mergedSize = 12;

const noRule = 0xffff_ffff;

function firstRule(rules: Iterable<readonly number[]>): number {
    let first = noRule;
    for (const [rule = noRule] of rules) {
        first = Math.min(first, rule);
    }
    return first;
}

/** Cuts the ports at the items' ends and gives each piece its rules. `items` are in the order of their rules. */
function toPorts(items: readonly IndexItem[]): Ports {
    const ends = items.flatMap(({ firstPort, lastPort }) => [firstPort, lastPort + 1]).filter((port) => port <= 65535);
    const starts = [...new Set([0, ...ends])].sort((a, b) => a - b);
    const place = new Map(starts.map((start, index) => [start, index]));
    const rules: number[][] = starts.map(() => []);
    // Pieces that a certain rule has closed are skipped: skip[n] is the first piece from n on that may be open.
    const skip = [...starts.keys(), starts.length];
    const open = (piece: number): number => {
        let at = piece;
        while (skip[at] !== at) {
            at = skip[at] ?? starts.length;
        }
        for (let each = piece; each !== at;) {
            const next = skip[each] ?? at;
            skip[each] = at;
            each = next;
        }
        return at;
    };
    for (const { firstPort, lastPort, rule, certain } of items) {
        const end = place.get(lastPort + 1) ?? starts.length;
        for (let piece = open(place.get(firstPort) ?? 0); piece < end; piece = open(piece + 1)) {
            const list = rules[piece] as number[];
            if (list.at(-1) !== rule) {
                list.push(rule);
            }
            if (certain) {
                skip[piece] = piece + 1;
            }
        }
    }
    return { starts, rules };
}

/** What both say, rule by rule in order; a piece ends with the first rule that is certain. */
function mergePorts(one: Ports, other: Ports, isCertain: (rule: number) => boolean): Ports {
    const starts = [...new Set([...one.starts, ...other.starts])].sort((a, b) => a - b);
    let [a, b] = [0, 0];
    const rules = starts.map((start) => {
        while ((one.starts[a + 1] ?? Infinity) <= start) {
            a++;
        }
        while ((other.starts[b + 1] ?? Infinity) <= start) {
            b++;
        }
        const all = [...new Set([...(one.rules[a] ?? []), ...(other.rules[b] ?? [])])].sort((x, y) => x - y);
        const last = all.findIndex(isCertain);
        return last === -1 ? all : all.slice(0, last + 1);
    });
    return joinPorts({ starts, rules });
}

/** Neighbouring pieces of the same rules become one. */
function joinPorts({ starts, rules }: Ports): Ports {
    const kept = starts
        .map((_, index) => index)
        .filter((index) => index === 0 || String(rules[index]) !== String(rules[index - 1]));
    return { starts: kept.map((index) => starts[index] ?? 0), rules: kept.map((index) => rules[index] ?? []) };
}

function sizeOf({ rules }: Ports): number {
    return rules.reduce((sum, list) => sum + Math.max(1, list.length), 0);
}

class CellMaker {
    readonly #known = new Map<string, Cell>();
    readonly #numbers = new Map<Cell, number>();
    readonly #isCertain: (rule: number) => boolean;

    constructor(isCertain: (rule: number) => boolean) {
        this.#isCertain = isCertain;
    }

    /** The cell of these items inside the one around it. */
    make(items: readonly IndexItem[], around: Cell | undefined): Cell | undefined {
        if (items.length === 0) {
            return around;
        }
        const own = joinPorts(toPorts(items));
        const merges =
            around !== undefined && around.next === undefined && sizeOf(own) + sizeOf(around.ports) <= mergedSize;
        const ports = merges ? mergePorts(own, around.ports, this.#isCertain) : own;
        return this.#cell(ports, merges ? undefined : around);
    }

    #cell(ports: Ports, next: Cell | undefined): Cell {
        const key = `${ports.starts.join()}|${ports.rules.join(";")}|${next === undefined ? "" : this.#numbers.get(next)}`;
        let cell = this.#known.get(key);
        if (cell === undefined) {
            const nextFirst = next === undefined ? noRule : Math.min(next.first, next.nextFirst);
            cell = { ports, next, nextFirst, first: firstRule(ports.rules) };
            this.#known.set(key, cell);
            this.#numbers.set(cell, this.#numbers.size);
        }
        return cell;
    }
}

function sortedUnique(values: bigint[]): bigint[] {
    const sorted = values.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
    return sorted.filter((value, index) => index === 0 || value !== sorted[index - 1]);
}

/** Where a boundary stands; behind the last one if it is none. (A Map of bigints hashes their low halves alone.) */
function placeOf(keys: readonly bigint[], wanted: bigint): number {
    let [first, end] = [0, keys.length];
    while (first < end) {
        const middle = (first + end) >> 1;
        if ((keys[middle] ?? 0n) < wanted) {
            first = middle + 1;
        } else {
            end = middle;
        }
    }
    return first;
}

/** The cells of one address family. `items` are in the order of their rules; `last` is the family's last address. */
export function makeCells(items: readonly IndexItem[], last: bigint): Cells {
    const certain = new Set(items.filter((item) => item.certain).map(({ rule }) => rule));
    const maker = new CellMaker((rule) => certain.has(rule));
    const everywhere = maker.make(
        items.filter(({ range }) => range === undefined),
        undefined,
    );
    const ranged = items.filter(({ range }) => range !== undefined);
    const bounds = ranged.flatMap(({ range }) => (range === undefined ? [] : [range.first, range.last + 1n]));
    const keys = sortedUnique([0n, ...bounds.filter((bound) => bound <= last)]);
    const leaves = keys.length;

    // Node n is the parent of 2n and 2n + 1; leaf n is node leaves + n.
    const nodes = new Map<number, IndexItem[]>();
    const put = (node: number, item: IndexItem): void => {
        const there = nodes.get(node);
        if (there === undefined) {
            nodes.set(node, [item]);
        } else {
            there.push(item);
        }
    };
    for (const item of ranged) {
        let from = placeOf(keys, item.range?.first ?? 0n) + leaves;
        let end = placeOf(keys, (item.range?.last ?? 0n) + 1n) + leaves;
        for (; from < end; from >>= 1, end >>= 1) {
            if (from % 2 === 1) {
                put(from++, item);
            }
            if (end % 2 === 1) {
                put(--end, item);
            }
        }
    }
    const cells: (Cell | undefined)[] = [everywhere];
    for (let node = 1; node < 2 * leaves; node++) {
        cells[node] = maker.make(nodes.get(node) ?? [], cells[node >> 1]);
    }
    const ends = cells.slice(leaves);
    const kept = keys.map((_, index) => index).filter((index) => index === 0 || ends[index] !== ends[index - 1]);
    const only = kept.length === 1 && ends[0] === undefined; // no rule at all
    return {
        keys: only ? [] : kept.map((index) => keys[index] ?? 0n),
        cells: only ? [] : kept.map((index) => ends[index]),
    };
}

/** How a table's boundaries are found; see PolicyTable in native/core/policy_format.hpp. */
export interface Buckets {
    readonly prefixBits: number;
    readonly bucketBits: number;
    /** The first address that has the prefix. */
    readonly prefix: bigint;
    readonly places: readonly number[];
}

/** Fewer boundaries are found as fast without buckets. */
const leastKeys = 8;
const mostBucketBits = 20;
/** The part of the boundaries that the prefix must hold; the others are found without buckets. */
const prefixShare = 0.75;

/** The longest prefix that enough boundaries have. */
function commonPrefix(keys: readonly bigint[], bits: number): { prefixBits: number; prefix: bigint } {
    let inside = keys;
    let prefixBits = 0;
    while (prefixBits < bits - 1) {
        const bit = 1n << BigInt(bits - prefixBits - 1);
        const ones = inside.filter((key) => (key & bit) !== 0n);
        const larger = ones.length * 2 >= inside.length ? ones : inside.filter((key) => (key & bit) === 0n);
        if (larger.length < prefixShare * keys.length) {
            break;
        }
        inside = larger;
        prefixBits++;
    }
    const rest = BigInt(bits - prefixBits);
    return { prefixBits, prefix: ((inside[0] ?? 0n) >> rest) << rest };
}

/** Buckets for these boundaries, or undefined where they are not worth it. */
export function makeBuckets(keys: readonly bigint[], bits: number): Buckets | undefined {
    if (keys.length < leastKeys) {
        return undefined;
    }
    const { prefixBits, prefix } = commonPrefix(keys, bits);
    const bucketBits = Math.min(mostBucketBits, bits - prefixBits, Math.ceil(Math.log2(keys.length)));
    const width = 1n << BigInt(bits - prefixBits - bucketBits);
    const places: number[] = [];
    let place = 0;
    for (let bucket = 0, start = prefix; bucket <= 2 ** bucketBits; bucket++, start += width) {
        while (place + 1 < keys.length && (keys[place + 1] ?? 0n) <= start) {
            place++;
        }
        places.push(place);
    }
    return { prefixBits, bucketBits, prefix, places };
}
