// The catalogs as a table for people. Pure.

import { categoryNames } from "./categories.js";
import { printable } from "./printable.js";
import { type Catalog, type CatalogEntry, type NamespaceEntry, catalogNames } from "./model.js";

/** Rows as text, each column as wide as its widest cell; the last one is not padded. */
export function formatTable(table: readonly (readonly string[])[]): string {
    // A name in the catalog may hold anything, and is not to move the cursor.
    const rows = table.map((row) => row.map(printable));
    const widths: number[] = [];
    for (const row of rows) {
        for (const [column, cell] of row.entries()) {
            widths[column] = Math.max(widths[column] ?? 0, cell.length);
        }
    }
    const padded = (row: readonly string[]): string[] =>
        row.map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column] ?? 0)));
    return rows.map((row) => padded(row).join("  ")).join("\n");
}

/** A protocol in the words people use: `TCP/IPv4`, else the names of Winsock. */
export function protocolTitle(entry: CatalogEntry): string {
    const family = { AF_INET: "IPv4", AF_INET6: "IPv6" }[entry.familyName] ?? entry.familyName;
    const protocol = entry.protocolName.replace(/^IPPROTO_/, "");
    if (entry.socketTypeName === "SOCK_RAW") {
        return `RAW/${family}`;
    }
    if (protocol === "TCP" || protocol === "UDP") {
        return `${protocol}/${family}`;
    }
    const type = { SOCK_STREAM: "stream", SOCK_DGRAM: "datagram" }[entry.socketTypeName] ?? entry.socketTypeName;
    return `${type} ${protocol}/${family}`;
}

function protocolRow(entry: CatalogEntry): string[] {
    const chain = entry.kind === "layered" ? entry.chain.join(" > ") : "";
    return [String(entry.id), entry.kind, protocolTitle(entry), chain, entry.name, entry.path];
}

function namespaceRow(entry: NamespaceEntry): string[] {
    return [entry.namespaceName, entry.enabled ? "on" : "off", entry.name, entry.path];
}

/** Every catalog as a table, entries in catalog order. */
export function formatCatalog(catalog: Catalog): string {
    const parts: string[] = [];
    for (const bits of catalogNames) {
        const protocols = catalog.protocols[bits];
        if (protocols !== undefined) {
            const head = ["ID", "KIND", "PROTOCOL", "CHAIN", "NAME", "DLL"];
            parts.push(`Protocols of ${bits}-bit programs\n${formatTable([head, ...protocols.map(protocolRow)])}`);
        }
    }
    for (const bits of catalogNames) {
        const namespaces = catalog.namespaces[bits];
        if (namespaces !== undefined && namespaces.length > 0) {
            const head = ["NAMESPACE", "", "NAME", "DLL"];
            parts.push(`Namespaces of ${bits}-bit programs\n${formatTable([head, ...namespaces.map(namespaceRow)])}`);
        }
    }
    for (const bits of catalogNames) {
        const categories = Object.entries(catalog.categories?.[bits] ?? {});
        if (categories.length > 0) {
            const entries = catalog.protocols[bits] ?? [];
            const nameOf = (guid: string): string => entries.find(({ providerId }) => providerId === guid)?.name ?? "";
            const rows = categories.map(([guid, number]) => [nameOf(guid), guid, categoryNames(number).join(", ")]);
            const head = ["PROVIDER", "GUID", "LSP CATEGORIES"];
            parts.push(`LSP categories in the ${bits}-bit catalog\n${formatTable([head, ...rows])}`);
        }
    }
    if (catalog.applications !== undefined && catalog.applications.length > 0) {
        const rows = catalog.applications.map(({ program, args, categoryNames: names }) => [
            program,
            args,
            names.join(", "),
        ]);
        const head = ["PROGRAM", "ARGUMENTS", "PERMITTED"];
        parts.push(`Programs that take some providers only\n${formatTable([head, ...rows])}`);
    }
    return parts.join("\n\n");
}
