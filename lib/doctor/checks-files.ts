// The DLLs behind the entries, looked at without loading them. Pure.

import { type CatalogName, type NamespaceEntry, catalogNames } from "../catalog/model.js";
import type { FileSignature } from "../native/inspect.js";
import type { Facts, FileFacts } from "./facts.js";
import type { FindingCode, FindingProvider, Findings } from "./findings.js";
import type { PortableExecutable } from "./portable-executable.js";
import { type CatalogView, type Provider, failedInit, fileOf, isEssential, lossOf } from "./view.js";

const processors: Readonly<Record<number, string>> = { 0x8664: "x64", 0x14c: "x86 (32-bit)", 0xaa64: "ARM64" };

/** Namespace providers that Windows brings itself. */
const windowsNamespaces: ReadonlySet<string> = new Set([
    "{964ACBA2-B2BC-40EB-8C6A-A6DB40161CAE}",
    "{03FE89CE-766D-4976-B9C1-BB9BC42C7B4D}",
    "{03FE89CD-766D-4976-B9C1-BB9BC42C7B4D}",
    "{6642243A-3BA8-4AA6-BAA5-2E0BD71FDD83}",
    "{22059D40-7E9E-11CF-AE5A-00AA00A7112B}",
    "{3B2637EE-E580-11CF-A555-00C04FD8D4AC}",
    "{06AA63E0-7D60-41FF-AFB2-3EE6D2D9392D}",
]);

/** Why a DLL cannot be a provider's, seen from outside. */
export interface FileFault {
    code: FindingCode;
    what: string;
    /** Nothing but another file can make it work. */
    certain: boolean;
}

/** What is wrong with the file of a provider in the catalog of a bitness, if anything. */
export function fileFault(
    facts: Facts,
    bits: CatalogName,
    file: FileFacts | undefined,
    startup: "WSPStartup" | "NSPStartup",
): FileFault | undefined {
    if (file === undefined) {
        return undefined; // not looked at
    }
    if (file.fault === "missing") {
        return { code: "dll-missing", what: "is not there", certain: true };
    }
    if (file.fault !== undefined) {
        return { code: "dll-unreadable", what: `cannot be read (${file.fault.message})`, certain: false };
    }
    const { executable } = file;
    if (executable === undefined || !executable.whole || !executable.dll) {
        const what = executable === undefined ? "is no Windows DLL" : executable.whole ? "is no DLL" : "is cut short";
        return { code: "dll-damaged", what: `${what} (${file.size ?? 0} bytes)`, certain: true };
    }
    if (!fits(executable, bits, facts.machine.arch)) {
        const processor = processors[executable.machine] ?? `processor 0x${executable.machine.toString(16)}`;
        return { code: "dll-wrong-bitness", what: `is for ${processor}`, certain: true };
    }
    if (executable.exports !== undefined && !executable.exports.includes(startup)) {
        return { code: "dll-no-startup", what: `does not export ${startup}`, certain: true };
    }
    return undefined;
}

function fits({ machine }: PortableExecutable, bits: CatalogName, arch: string): boolean {
    if (bits === "32") {
        return machine === 0x14c;
    }
    // On ARM64, programs of both processors use the same catalog; a DLL may hold code for both and names either.
    return machine === 0x8664 || (arch === "arm64" && machine === 0xaa64);
}

/** A provider whose entries nobody but its vendor needs: not what every program stands on. */
export function isRemovable(provider: Provider): boolean {
    return !provider.base || !provider.entries.some(isEssential);
}

export function checkFiles(facts: Facts, view: CatalogView, findings: Findings): void {
    for (const provider of view.providers) {
        const entry = provider.entries[0];
        if (entry === undefined) {
            continue;
        }
        const report = {
            catalog: view.bits,
            provider: provider.who,
            entries: provider.entries.map(({ id }) => id),
        };
        const file = fileOf(facts, entry);
        const fault = fileFault(facts, view.bits, file, "WSPStartup");
        if (fault !== undefined) {
            findings.add(fault.code, {
                ...report,
                message: `${provider.path}, the DLL of "${provider.who.name}", ${fault.what}.`,
                consequence: lossOf(view, provider, failedInit),
                ...repairOf(provider, fault),
            });
        }
        if (!/^(?:[a-z]:\\|\\\\|%)/i.test(entry.path) || /%[^%\\]+%/.test(provider.path)) {
            findings.add("path-relative", {
                ...report,
                message:
                    `"${provider.who.name}" is registered as ${entry.path}, which names no folder that Windows ` +
                    "knows.",
                consequence:
                    "Each program looks for the DLL by itself: it may find none, or one that somebody else put in " +
                    "its way.",
                advice: "install the product again",
            });
        }
        if (!provider.base) {
            checkSignature(file?.signature, report, provider.path, findings);
        }
    }
}

function repairOf(provider: Provider, { certain }: FileFault): { fix: string } | { advice: string } {
    if (!isRemovable(provider)) {
        return {
            advice: "sfc /scannow, which brings back Windows' own files; else winsock-spi restore FILE with a backup",
        };
    }
    return certain
        ? { fix: "remove these entries and lead the chains of others past them; the other bitness is left alone" }
        : { advice: "install the product again, or remove it" };
}

function checkSignature(
    signature: FileSignature | undefined,
    report: { catalog: CatalogName; provider: FindingProvider; entries: number[] },
    path: string,
    findings: Findings,
): void {
    if (signature === undefined || (signature.trusted && !signature.altered)) {
        return;
    }
    if (signature.altered) {
        findings.add("dll-altered", {
            ...report,
            message: `${path} was changed after ${signature.signer === "" ? "somebody" : `"${signature.signer}"`} had signed it.`,
            consequence: "It is damaged, or somebody else has put code into it that every program loads.",
            advice: "install the product again from its vendor, and have the file looked at",
        });
        return;
    }
    const why =
        signature.by === "none"
            ? "is not signed"
            : `has a signature of "${signature.signer}" that this machine does not trust (0x${signature.error.toString(16).toUpperCase()})`;
    findings.add("dll-unsigned", {
        ...report,
        message: `${path} ${why}.`,
        consequence:
            "Programs that accept signed DLLs only (Smart App Control, WDAC, some browsers) do not load it and may " +
            "lose their network.",
    });
}

export function checkNamespaceFiles(facts: Facts, findings: Findings): void {
    for (const bits of catalogNames) {
        const windows: NamespaceEntry[] = [];
        for (const entry of facts.catalog.namespaces[bits] ?? []) {
            const file = Object.hasOwn(facts.files, entry.resolvedPath ?? entry.path)
                ? facts.files[entry.resolvedPath ?? entry.path]
                : undefined;
            const fault = fileFault(facts, bits, file, "NSPStartup");
            if (fault === undefined) {
                continue;
            }
            if (windowsNamespaces.has(entry.providerId)) {
                windows.push(entry);
                continue;
            }
            findings.add(fault.code, {
                severity: !entry.enabled ? "info" : fault.certain ? "error" : "warning",
                catalog: bits,
                provider: whoOf(entry),
                message:
                    `${entry.resolvedPath ?? entry.path}, the DLL of the namespace provider "${entry.name}", ` +
                    `${fault.what}.`,
                consequence: entry.enabled
                    ? `${bits}-bit programs cannot resolve the names that it is for (${entry.namespaceName}); others take longer.`
                    : "Nothing: it is disabled.",
                ...(fault.certain
                    ? { fix: "remove the namespace provider" }
                    : { advice: "install the product again, or remove it" }),
            });
        }
        if (windows.length > 0) {
            const files = windows.map(({ path }) => path).join(", ");
            const names = windows.map(({ namespaceName }) => namespaceName).join(", ");
            findings.add("namespace-windows", {
                catalog: bits,
                message: `DLLs of namespace providers of Windows itself cannot be used: ${files}.`,
                consequence: `${bits}-bit programs resolve names without ${names}.`,
                advice:
                    "sfc /scannow, if you need them; a Windows without the features that they are for lacks them " +
                    "rightly",
            });
        }
    }
}

export function whoOf(entry: NamespaceEntry): FindingProvider {
    return { name: entry.name, providerId: entry.providerId, path: entry.resolvedPath ?? entry.path };
}
