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
    return rows
        .map((row) => row.map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column] ?? 0))).join("  "))
        .join("\n");
}

/** A protocol in the words people use: `TCP/IPv4`, else the names of Winsock. */
export function protocolTitle(entry: CatalogEntry): string {
    const family = { AF_INET: "IPv4", AF_INET6: "IPv6" }[entry.familyName] ?? entry.familyName;
    const type = { SOCK_STREAM: "stream", SOCK_DGRAM: "datagram", SOCK_RAW: "RAW" }[entry.socketTypeName] ?? entry.socketTypeName;
    const protocol = entry.protocolName.replace(/^IPPROTO_/, "");
    const title = entry.socketTypeName === "SOCK_RAW" ? type : protocol === "TCP" || protocol === "UDP" ? protocol : `${type} ${protocol}`;
    return `${title}/${family}`;
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
