// How `watch` tells of a record: one JSON value, or one line of a table. Pure.

import { win32 as path } from "node:path";
import type { CallRecord, WatchRecord } from "../hooks/records.js";

/** A record as `watch --json` prints it, without the line end. A SOCKET is a decimal string: JSON has no bigint. */
export function toJson(record: WatchRecord): string {
    return JSON.stringify("socket" in record ? { ...record, socket: String(record.socket) } : record);
}

/** 0.4 us, 12.3 us, 1.5 ms, 2.5 s: four figures or fewer. */
export function formatDuration(nanoseconds: number): string {
    const units = [
        ["us", 1e3],
        ["ms", 1e6],
        ["s", 1e9],
    ] as const;
    const [unit, size] = units.find(([, scale]) => nanoseconds < scale * 999.95) ?? units[2];
    return `${(nanoseconds / size).toFixed(1)} ${unit}`;
}

function formatBytes({ bytes, requested }: CallRecord): string {
    if (bytes === undefined && requested === undefined) {
        return "";
    }
    return `${bytes ?? "-"}/${requested ?? "-"}`;
}

function formatEnds({ local, remote }: CallRecord): string {
    return remote === undefined ? (local ?? "") : `${local ?? "*"} -> ${remote}`;
}

function formatVerdict({ verdict, rule }: CallRecord): string {
    return verdict === undefined
        ? ""
        : rule === undefined || rule === 0
          ? String(verdict)
          : `${verdict} by ${plain(String(rule))}`;
}

function formatResult(record: CallRecord): string {
    const { error, pending, peek, via } = record;
    const parts = [
        error ?? (pending ? "pending" : "ok"),
        peek ? "peek" : "",
        via ? `via ${via}` : "",
        formatVerdict(record),
    ];
    return parts.filter((part) => part !== "").join(", ");
}

/** Widths of the columns; those of numbers are negative and stand on the right. The last one is as wide as it is. */
const widths = [15, -6, 16, 20, -6, -13, -9, 16, 0];

function columns(...cells: readonly string[]): string {
    const padded = widths.map((width, index) => {
        const cell = cells[index] ?? "";
        return width < 0 ? cell.padStart(-width) : cell.padEnd(width);
    });
    return padded.join("  ").trimEnd();
}

/** The head of the table. */
export const tableHead = columns(
    "TIME (UTC)",
    "PID",
    "PROGRAM",
    "CALL",
    "SOCKET",
    "DONE/ASKED",
    "TOOK",
    "RESULT",
    "LOCAL -> REMOTE",
);

/** What a process cannot say of itself must not steer the terminal: control characters become "?". */
export function plain(text: string): string {
    return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, "?");
}

/** A record as a line of the table. */
export function toLine(record: WatchRecord): string {
    const program = plain(path.basename(record.program));
    const pid = String(record.pid);
    if (record.call === "start") {
        const { bits, mode, reason, version } = record;
        const why = reason === undefined ? "" : `: ${plain(reason)}`;
        const by = version === undefined ? mode : `${mode} ${version}`;
        return columns("", pid, program, `start, ${bits}-bit`, "", "", "", `${by}${why}`, plain(record.program));
    }
    if (record.call === "dropped") {
        const { count } = record;
        return columns("", pid, program, "dropped", "", "", "", `${count} records lost`);
    }
    const call = record;
    return columns(
        call.time.slice(11, -1),
        pid,
        program,
        call.call,
        String(call.socket ?? ""),
        formatBytes(call),
        formatDuration(call.durationNs),
        formatResult(call),
        formatEnds(call),
    );
}
