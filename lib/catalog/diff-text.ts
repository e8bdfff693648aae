// What differs between two catalogs, as text for people. Pure.

import { categoryNames } from "./categories.js";
import type { CatalogDiff, EntryChange } from "./diff.js";
import { printable } from "./printable.js";
import { type ApplicationEntry, type CatalogEntry, type NamespaceEntry, catalogNames } from "./model.js";

type AnyEntry = CatalogEntry | NamespaceEntry | ApplicationEntry;

function title(entry: AnyEntry): string {
    if ("program" in entry) {
        const args = entry.args === "" ? "" : ` ${entry.args}`;
        return `${entry.program}${args}: ${entry.categoryNames.join(", ") || "none"}`;
    }
    return "id" in entry ? `${entry.id} ${entry.name} ${entry.providerId}` : `${entry.name} ${entry.providerId}`;
}

const place = (entry: AnyEntry, position: number): string => ("program" in entry ? "" : `  (place ${position + 1})`);

function describeChange(change: EntryChange<AnyEntry>): string[] {
    switch (change.change) {
        case "added":
            return [`  + ${title(change.entry)}${place(change.entry, change.position)}`];
        case "removed":
            return [`  - ${title(change.entry)}${place(change.entry, change.position)}`];
        case "moved":
            return [`  > ${title(change.entry)}  from place ${change.from + 1} to ${change.to + 1}`];
        case "changed":
            return [
                `  ~ ${title(change.entry)}`,
                ...change.fields.map(
                    (field) => `      ${field.name}: ${JSON.stringify(field.before)} -> ${JSON.stringify(field.after)}`,
                ),
            ];
    }
}

function describeValue(value: { type: number; data: string } | undefined): string {
    if (value === undefined) {
        return "(none)";
    }
    return `type ${value.type}, ${Buffer.from(value.data, "base64").toString("hex") || "empty"}`;
}

/** A {@link CatalogDiff} as text for people; empty if nothing differs. */
export function formatDiff(changes: CatalogDiff): string {
    const lines: string[] = [];
    for (const bits of catalogNames) {
        for (const what of ["protocol", "namespace"] as const) {
            const list = what === "protocol" ? changes.protocols[bits] : changes.namespaces[bits];
            if (list !== undefined) {
                lines.push(`${bits}-bit ${what} catalog`, ...list.flatMap(describeChange));
            }
        }
    }
    for (const bits of catalogNames) {
        const list = changes.categories[bits];
        if (list !== undefined) {
            const names = (categories: number): string => categoryNames(categories).join(", ") || "none";
            lines.push(
                `${bits}-bit LSP categories`,
                ...list.map((one) => `  ~ ${one.name} ${one.providerId}: ${names(one.before)} -> ${names(one.after)}`),
            );
        }
    }
    if (changes.applications.length > 0) {
        lines.push("LSP categories that programs permit", ...changes.applications.flatMap(describeChange));
    }
    if (changes.registry.length > 0) {
        lines.push("registry below WinSock2\\Parameters");
        for (const { path, before, after } of changes.registry) {
            const values = `${describeValue(before)} -> ${describeValue(after)}`;
            lines.push(path.endsWith("\\") ? `  ! ${path}` : `  ~ ${path}: ${values}`);
        }
    }
    if (lines.length > 0 && changes.counters.length > 0) {
        lines.push("counters (no difference by themselves)");
        for (const { path, before, after } of changes.counters) {
            lines.push(`    ${path}: ${before ?? "(none)"} -> ${after ?? "(none)"}`);
        }
    }
    return lines.map(printable).join("\n");
}
