// The catalogs as a table for people. Pure.

import { type Catalog, type CatalogEntry, type NamespaceEntry, catalogNames } from "./model.js";

/** Rows as text, each column as wide as its widest cell; the last one is not padded. */
export function formatTable(rows: readonly (readonly string[])[]): string {
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
    return parts.join("\n\n");
}
