// What the doctor can find: one table with every code, and the collector through which the checks report. A test fails
// if a code of this table is never planted.

import type { CatalogName } from "../catalog/model.js";

/** `error`: programs fail because of it. `warning`: they may. `info`: worth knowing. */
export type Severity = "info" | "warning" | "error";

/** Every code: how bad it is unless the check says otherwise, and what it is, for the documents. */
export const findingCodes = {
    // The registry behind the catalogs
    "catalog-missing": ["error", "a protocol catalog has no entries, or none that can be read"],
    "item-damaged": ["error", "an entry in the registry is not what Winsock writes"],
    "keys-not-contiguous": ["error", "the entries in the registry are not numbered from 1 without a gap"],
    "counter-entries": ["error", "the number of entries in the registry is not the number of entries"],
    "counter-next-id": ["error", "the next catalog id to be given away is in use"],
    "namespace-item-damaged": ["error", "a namespace provider in the registry is not what Winsock writes"],
    "namespace-counter": ["error", "the number of namespace providers in the registry is not their number"],
    "winsock-unreadable": ["error", "Winsock's own functions cannot read the catalog"],
    "winsock-differs": ["warning", "Winsock's own functions list other entries than the registry has"],
    "operation-unfinished": ["warning", "an earlier change of the catalog was interrupted"],
    "change-unconfirmed": ["info", "a change of the catalog waits to be confirmed"],
    // Entries and chains
    "id-duplicate": ["error", "two entries of a catalog have the same id"],
    "chain-dangling": ["error", "a chain names an entry that is not in the catalog"],
    "chain-no-base": ["error", "a chain does not end in a base provider"],
    "chain-loop": ["error", "a chain names the same provider twice"],
    "chain-length": ["error", "a chain is longer than Winsock allows"],
    "chain-full": ["warning", "a chain has as many places as Winsock allows"],
    "chain-wrong-base": ["error", "a chain ends in a base provider of another kind of socket"],
    "ifs-above-other": ["warning", "a provider with IFS handles stands above one without"],
    "dummy-missing": ["error", "layered entries whose hidden entry is gone"],
    "dummy-orphan": ["warning", "a hidden entry that no chain names"],
    bypassed: ["warning", "a layered entry stands behind the base entry that it covers"],
    "base-missing": ["error", "there is no base provider for a kind of socket that every program needs"],
    "base-foreign": ["warning", "a base provider of Windows leads to a DLL that is not Windows'"],
    "base-replaced": ["info", "a base provider of Windows leads through the DLL of winsock-spi"],
    "base-replaced-lost": ["error", "which DLL a replaced base provider had is not written down"],
    "coverage-protocol": ["info", "a provider covers TCP and not UDP, or the other way round"],
    "coverage-family": ["info", "a provider covers IPv4 and not IPv6, or the other way round"],
    "twin-missing": ["warning", "a provider is in the catalog of one bitness only"],
    "twin-differs": ["warning", "a provider covers other things in the other bitness"],
    "not-ifs": ["info", "a provider's sockets are no file handles"],
    uncategorised: ["info", "a provider has no LSP categories"],
    // DLLs
    "path-relative": ["warning", "a DLL is registered without its folder"],
    "dll-missing": ["error", "a DLL is not there"],
    "dll-unreadable": ["warning", "a DLL cannot be read"],
    "dll-damaged": ["error", "a DLL is not a whole Windows DLL"],
    "dll-wrong-bitness": ["error", "a DLL is of the other bitness, or of another processor"],
    "dll-no-startup": ["error", "a DLL does not export what makes it a provider"],
    "dll-unsigned": ["info", "a DLL has no signature that this machine trusts"],
    "dll-altered": ["warning", "a DLL was changed after it was signed"],
    "namespace-windows": ["info", "DLLs of namespace providers that Windows brings itself are not there"],
    // What happens when it is used
    "not-tried": ["info", "providers could not be tried out"],
    "winsock-start": ["error", "Winsock does not start in a fresh program"],
    "dll-not-loadable": ["error", "a DLL cannot be loaded"],
    "provider-crashes": ["error", "a program that uses the provider crashes"],
    "provider-hangs": ["error", "a program that uses the provider hangs"],
    "startup-fails": ["error", "WSPStartup of a provider fails"],
    "procedure-table": ["error", "a provider leaves out functions"],
    "provider-version": ["error", "a provider is of another version of the interface"],
    "socket-fails": ["error", "no socket can be made with a provider"],
    "calls-fail": ["error", "sockets of a provider are made, but do not work"],
    "base-handle": ["warning", "a provider does not give the base handle of its sockets"],
    // Programs
    "wsl-not-excluded": ["warning", "a program that fails below layered providers is not excluded from them"],
    "application-damaged": ["warning", "the categories of a program cannot be read"],
    "application-gone": ["info", "a program with categories is not there any more"],
} as const satisfies Record<string, readonly [Severity, string]>;

/** What a finding is: stable, and made to be compared. What each means: {@link findingCodes}. */
export type FindingCode = keyof typeof findingCodes;

/** Whose it is. */
export interface FindingProvider {
    name: string;
    /** GUID of the provider's hidden entry, or of its first; upper case in braces. */
    providerId: string;
    /** DLL as a program loads it. */
    path: string;
}

/** Something that is wrong, or worth knowing. */
export interface Finding {
    code: FindingCode;
    severity: Severity;
    /** The catalog: absent where it is about the machine. */
    catalog?: CatalogName;
    provider?: FindingProvider;
    /** Catalog ids. */
    entries: number[];
    /** What is the case. */
    message: string;
    /** What that does to programs and people. */
    consequence: string;
    /** What to do. `safe`: `doctor --fix` does it. Absent: nothing needs to be done. */
    repair?: { text: string; safe: boolean };
}

/** What a check says of a finding; severity and the rest are filled in. */
export interface Report {
    severity?: Severity;
    catalog?: CatalogName;
    provider?: FindingProvider;
    entries?: readonly number[];
    message: string;
    consequence: string;
    /** A repair that --fix does. */
    fix?: string;
    /** What a person can do instead. */
    advice?: string;
}

/** How many findings of one code and catalog are listed singly: a catalog of rubbish must not fill the screen. */
const mostOfAKind = 50;

/** The findings, in the order of the checks. */
export class Findings {
    readonly list: Finding[] = [];
    readonly #counts = new Map<string, number>();

    add(code: FindingCode, report: Report): void {
        const kind = `${code} ${report.catalog ?? ""}`;
        const count = (this.#counts.get(kind) ?? 0) + 1;
        this.#counts.set(kind, count);
        if (count > mostOfAKind) {
            return;
        }
        const { severity = findingCodes[code][0], catalog, provider, entries = [], message, consequence } = report;
        const text = report.fix ?? report.advice;
        this.list.push({
            code,
            severity,
            ...(catalog === undefined ? {} : { catalog }),
            ...(provider === undefined ? {} : { provider }),
            entries: [...entries],
            message,
            consequence,
            ...(text === undefined ? {} : { repair: { text, safe: report.fix !== undefined } }),
        });
    }
}
