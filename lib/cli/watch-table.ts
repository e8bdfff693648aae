// `watch` on a terminal: what programs do as a table that stands still, a line for each program, call, remote end and
// verdict. Pure: records and keys go in, lines come out; live-table.ts paints them.

import { win32 as path } from "node:path";
import type { CallRecord, WatchRecord } from "../hooks/records.js";
import { plain, formatDuration } from "./watch-lines.js";

interface Row {
    readonly program: string;
    readonly pid: number;
    readonly call: string;
    readonly remote: string;
    readonly verdict: string;
    calls: number;
    bytes: number;
    /** Sum, for the mean, and the last. */
    tookNs: number;
    lastNs: number;
    result: string;
    /** Number of the last record, so that the latest can stand first. */
    latest: number;
}

/** What rows can be sorted by, each with the key that chooses it. */
const orders = {
    l: ["latest", (a: Row, b: Row) => b.latest - a.latest],
    p: ["program", (a: Row, b: Row) => a.program.localeCompare(b.program) || a.pid - b.pid],
    c: ["calls", (a: Row, b: Row) => b.calls - a.calls],
    b: ["bytes", (a: Row, b: Row) => b.bytes - a.bytes],
    t: ["time", (a: Row, b: Row) => b.tookNs / b.calls - a.tookNs / a.calls],
    v: ["verdict", (a: Row, b: Row) => b.verdict.localeCompare(a.verdict) || b.latest - a.latest],
} as const;
type Order = keyof typeof orders;

/** So many rows are kept; the ones that nothing was added to for longest go. */
const keptRows = 5000;

function formatCount(count: number): string {
    const units = [
        [1e12, "T"],
        [1e9, "G"],
        [1e6, "M"],
        [1e3, "k"],
    ] as const;
    const [size, unit] = units.find(([least]) => count >= 10 * least) ?? [1, ""];
    return `${Math.floor(count / size)}${unit}`;
}

/** As wide as the column: cut, or filled up. A width below 0: on the right. */
function fit(text: string, width: number): string {
    const size = Math.abs(width);
    const cut = text.length > size ? `${text.slice(0, Math.max(0, size - 1))}~` : text;
    return width < 0 ? cut.padStart(size) : cut.padEnd(size);
}

/** What a filter looks through. */
function textOf({ program, pid, call, remote, verdict, result }: Row): string {
    return [program, pid, call, remote, verdict, result].join(" ");
}

const heads = ["PROGRAM", "PID", "CALL", "CALLS", "BYTES", "MEAN", "LAST", "RESULT", "VERDICT"] as const;
const widths = [18, -6, 14, -6, -6, -9, -9, 16, 24] as const;

export class WatchTable {
    readonly #rows = new Map<string, Row>();
    #order: Order = "l";
    #paused: readonly string[] | undefined;
    #filter = "";
    /** Set while a filter is typed. */
    #typing: string | undefined;
    #records = 0;
    #lost = 0;

    add(record: WatchRecord): void {
        if (record.call === "dropped") {
            this.#lost += record.count;
        } else if (record.call !== "start") {
            this.#count(record);
        }
    }

    #count(record: CallRecord): void {
        const rule = record.rule === undefined || record.rule === 0 ? "" : ` ${record.rule}`;
        const verdict = record.verdict === undefined ? "" : `${record.verdict}${rule}`;
        const key = JSON.stringify([record.pid, record.program, record.call, record.remote, verdict]);
        const row = this.#rows.get(key) ?? {
            program: plain(path.basename(record.program)),
            pid: record.pid,
            call: record.call,
            remote: record.remote ?? "",
            verdict: plain(verdict),
            calls: 0,
            bytes: 0,
            tookNs: 0,
            lastNs: 0,
            result: "",
            latest: 0,
        };
        row.calls++;
        row.bytes += record.bytes ?? 0;
        row.tookNs += record.durationNs;
        row.lastNs = record.durationNs;
        row.result = record.error ?? (record.pending ? "pending" : "ok");
        row.latest = ++this.#records;
        this.#rows.delete(key);
        this.#rows.set(key, row); // the last added to stands last
        const [oldest] = this.#rows.keys();
        if (this.#rows.size > keptRows && oldest !== undefined) {
            this.#rows.delete(oldest);
        }
    }

    /** Takes a key (or what was pasted); returns "quit" where it means that. */
    key(text: string, size: { rows: number; columns: number }): "quit" | undefined {
        if (text === "\u0003") {
            return "quit";
        }
        if (this.#typing !== undefined) {
            this.#type(text);
            return undefined;
        }
        if (text === "q") {
            return "quit";
        }
        if (text === " ") {
            this.#paused = this.#paused === undefined ? this.#body(size) : undefined;
        } else if (text === "/") {
            this.#typing = this.#filter;
        } else if (text === "x") {
            this.#rows.clear();
        } else if (text in orders) {
            this.#order = text as Order;
        }
        return undefined;
    }

    #type(text: string): void {
        const typed = this.#typing ?? "";
        if (text === "\r" || text === "\n") {
            this.#filter = typed;
            this.#typing = undefined;
        } else if (text === "\u001b") {
            this.#typing = undefined;
        } else if (text === "\b" || text === "\u007f") {
            this.#typing = typed.slice(0, -1);
        } else {
            this.#typing = `${typed}${plain(text)}`.slice(0, 100);
        }
    }

    /** The whole screen, as many lines as it has, none wider. */
    lines(size: { rows: number; columns: number }): string[] {
        const body = this.#paused ?? this.#body(size);
        return [this.#status(), ...body].map((line) => line.slice(0, size.columns)).slice(0, size.rows);
    }

    #status(): string {
        if (this.#typing !== undefined) {
            return `filter: ${this.#typing}_   Enter takes it, Esc leaves it`;
        }
        const keys = Object.entries(orders)
            .map(([key, [name]]) => `${key === this.#order ? "*" : ""}${key} ${name}`)
            .join("  ");
        const lost = this.#lost === 0 ? "" : `, ${this.#lost} lost`;
        const filter = this.#filter === "" ? "" : `, filter "${this.#filter}"`;
        const state = `${this.#paused === undefined ? "" : "PAUSED  "}${this.#records} calls${lost}${filter}`;
        return `${state}   sort: ${keys}   space pause  / filter  x clear  q quit`;
    }

    #body({ rows, columns }: { rows: number; columns: number }): string[] {
        const filter = this.#filter.toLowerCase();
        const [, compare] = orders[this.#order];
        const shown = [...this.#rows.values()]
            .filter((row) => filter === "" || textOf(row).toLowerCase().includes(filter))
            .sort(compare)
            .slice(0, Math.max(0, rows - 2));
        const rest = Math.max(10, columns - widths.reduce<number>((sum, width) => sum + Math.abs(width) + 1, 0));
        const line = (cells: readonly string[], remote: string): string =>
            [...cells.map((cell, index) => fit(cell, widths[index] ?? 0)), fit(remote, rest)].join(" ").trimEnd();
        return [
            line(heads, "REMOTE"),
            ...shown.map((row) =>
                line(
                    [
                        row.program,
                        String(row.pid),
                        row.call,
                        formatCount(row.calls),
                        formatCount(row.bytes),
                        formatDuration(row.tookNs / row.calls),
                        formatDuration(row.lastNs),
                        row.result,
                        row.verdict,
                    ],
                    row.remote,
                ),
            ),
        ];
    }
}
