// A plan: the steps of one change of the system as plain data. Pure functions make plans, `--dry-run` prints them, and
// the native executor (native/spi) does them: it writes each step into its journal first, undoes everything if one
// fails, and finishes or undoes what was interrupted.

import type { Bits } from "../native.js";
import { printable } from "../catalog/printable.js";
import type { RegistryTree } from "../catalog/registry.js";

export const planFormat = "winsock-spi-plan";
export const planVersion = 1;

/**
 * An entry's catalog id, or the GUID (in braces) of an entry whose id is known only when an earlier step made it; of a
 * provider with several entries `{GUID}#n`, the one with the n-th lowest id.
 */
export type EntryReference = number | string;

/** Who may use a folder: see the DACLs in native/spi. */
export type FolderAccess = "program" | "data" | "rings" | "private";

export interface MakeFolder {
    do: "make-folder";
    path: string;
    access: FolderAccess;
}

export interface CopyFile {
    do: "copy-file";
    from: string;
    to: string;
    /** Hex; what was read must have it. */
    sha256: string;
}

/** A small file whose content the plan itself brings. */
export interface WriteFile {
    do: "write-file";
    path: string;
    /** Base64. */
    data: string;
}

export interface MakeControl {
    do: "make-control";
}

/**
 * WSCInstallProvider for one entry. https://learn.microsoft.com/windows/win32/api/ws2spi/nf-ws2spi-wscinstallprovider
 */
export interface InstallProvider {
    do: "install-provider";
    catalog: Bits;
    providerId: string;
    path: string;
    /** The 628 bytes of WSAPROTOCOL_INFOW in base64; its chain is filled in by the executor. */
    info: string;
    /** Topmost first; empty for a hidden entry. */
    chain: EntryReference[];
}

/** WSCInstallProvider for all entries of a GUID at once. They cannot name each other: their ids come with this step. */
export interface InstallEntries {
    do: "install-entries";
    catalog: Bits;
    providerId: string;
    path: string;
    /** Without `chain`, the chain stays as it is in `info`: that of a base entry names nothing. */
    entries: { info: string; chain?: EntryReference[] }[];
}

/** WSCWriteProviderOrder. https://learn.microsoft.com/windows/win32/api/sporder/nf-sporder-wscwriteproviderorder */
export interface WriteOrder {
    do: "write-order";
    catalog: Bits;
    /** Every entry of the catalog exactly once. */
    order: EntryReference[];
}

/** WSCDeinstallProvider. https://learn.microsoft.com/windows/win32/api/ws2spi/nf-ws2spi-wscdeinstallprovider */
export interface DeinstallProvider {
    do: "deinstall-provider";
    catalog: Bits;
    providerId: string;
}

/**
 * WSCUpdateProvider for one entry: the one with this id, or whose id is in `info`, which it becomes; without `info` all
 * its members stay but path and chain, and without `chain` the chain is the one in `info`, or stays.
 * https://learn.microsoft.com/windows/win32/api/ws2spi/nf-ws2spi-wscupdateprovider
 */
export interface UpdateProvider {
    do: "update-provider";
    catalog: Bits;
    providerId: string;
    path: string;
    info?: string;
    id?: EntryReference;
    chain?: EntryReference[];
}

/** Gives all entries of a provider another DLL; everything else of them stays. */
export interface SetProviderPath {
    do: "set-provider-path";
    catalog: Bits;
    providerId: string;
    /** As it is to be registered: may begin with %SystemRoot%. */
    path: string;
}

/** Fresh processes of each bitness make a loopback connection, or the step fails. */
export interface Probe {
    do: "probe";
    /** winsock-spi-rescue.exe of each bitness that the machine has. */
    programs: Partial<Record<"64" | "32", string>>;
}

/** Makes a key below WinSock2\Parameters exactly this tree. */
export interface WriteRegistry {
    do: "write-registry";
    /** Relative to WinSock2\Parameters; empty for that key itself. */
    key: string;
    tree: RegistryTree;
}

/** Deletes a key below WinSock2\Parameters with everything below it; no catalog. */
export interface DeleteRegistry {
    do: "delete-registry";
    /** Relative to WinSock2\Parameters. */
    key: string;
}

export interface DeleteFile {
    do: "delete-file";
    path: string;
    /**
     * The file stays where it is until everything else is done, and then goes if no process has it loaded; else a later
     * operation deletes it.
     */
    unused?: boolean;
}

export interface DeleteFolder {
    do: "delete-folder";
    path: string;
    /** With everything in it. Without this, only an empty folder goes. */
    contents?: boolean;
}

/**
 * WSCSetProviderInfo with ProviderInfoLspCategories: what kind of thing a layered provider is in one catalog.
 * https://learn.microsoft.com/windows/win32/api/ws2spi/nf-ws2spi-wscsetproviderinfo
 */
export interface SetProviderCategory {
    do: "set-provider-category";
    catalog: Bits;
    providerId: string;
    /** Bits (see lib/catalog/categories.ts); 0: none. */
    categories: number;
}

/**
 * WSCSetApplicationCategory: which LSP categories a program permits. What Winsock's function cannot do, taking some away
 * or all, is done in the registry.
 * https://learn.microsoft.com/windows/win32/api/ws2spi/nf-ws2spi-wscsetapplicationcategory
 */
export interface SetApplicationCategory {
    do: "set-application-category";
    /** Full path. */
    program: string;
    /** Only instances with this command line behind the program's name. */
    args?: string;
    /** Exactly these, as bits; null: the program has no entry and takes every provider. */
    categories: number | null;
    /** Note in an entry that this step makes that it is of an installation, so that `uninstall` takes it away again. */
    mark?: boolean;
}

/** WSCInstallNameSpace, or with `info` WSCInstallNameSpaceEx. The provider is appended, and enabled. */
export interface InstallNamespace {
    do: "install-namespace";
    catalog: Bits;
    providerId: string;
    /** At most 255 UTF-16 units. */
    name: string;
    path: string;
    /** NS_ number. */
    namespace: number;
    version: number;
    /** What the provider wants to find of its own, in base64. */
    info?: string;
}

/** WSCUnInstallNameSpace. */
export interface RemoveNamespace {
    do: "remove-namespace";
    catalog: Bits;
    providerId: string;
}

/** WSCEnableNSProvider. */
export interface EnableNamespace {
    do: "enable-namespace";
    catalog: Bits;
    providerId: string;
    enabled: boolean;
}

/** WSCWriteNameSpaceOrder. */
export interface OrderNamespaces {
    do: "order-namespaces";
    catalog: Bits;
    /** GUIDs; every provider of the catalog exactly once. */
    order: string[];
}

/** Ends the policy at once; its files and its registry key go when the whole plan is done for good. */
export interface ClearPolicy {
    do: "clear-policy";
}

/** What a step does, told apart by `action`. Plain data: the executor (C++) carries it out and knows how to undo it. */
export type StepAction =
    | MakeFolder
    | CopyFile
    | WriteFile
    | MakeControl
    | InstallProvider
    | InstallEntries
    | WriteOrder
    | DeinstallProvider
    | UpdateProvider
    | SetProviderPath
    | Probe
    | WriteRegistry
    | DeleteRegistry
    | SetProviderCategory
    | SetApplicationCategory
    | InstallNamespace
    | RemoveNamespace
    | EnableNamespace
    | OrderNamespaces
    | ClearPolicy
    | DeleteFile
    | DeleteFolder;

/** One step: what is done, and the sentence that says so. */
export type Step = StepAction & { text: string };

/** A change of the system, planned. */
export interface Plan {
    format: typeof planFormat;
    version: typeof planVersion;
    operation: "install" | "upgrade" | "uninstall" | "restore" | "repair" | "order" | "categories" | "namespaces";
    /** What the plan does, in one sentence. */
    text: string;
    /** Of an upgrade: from which versions to which; a DLL that is not at a version's place is named by its path. */
    versions?: { from: string[]; to: string[] };
    /** What the user should know before it is done; each a sentence. */
    warnings?: string[];
    /** Full path of the backup taken before; absent as long as the plan is only looked at. */
    backup?: string;
    /** What is done about an execution that was interrupted: undo it, or do the rest of it. */
    onFailure: "undo" | "finish";
    /** winsock-spi-rescue.exe of each bitness, for what a process of the other bitness must do. */
    helpers?: Partial<Record<"64" | "32", string>>;
    /** The change is undone unless it is confirmed in time. */
    confirm?: Confirmation;
    steps: Step[];
}

/** How long a change waits to be confirmed, and who undoes it. */
export interface Confirmation {
    /** Milliseconds from the last step on. */
    within: number;
    /** winsock-spi-rescue.exe of each bitness: copies of them are the service that undoes it, and what that needs. */
    programs: Partial<Record<"64" | "32", string>>;
}

/** A plan as text for people: one numbered line per step. */
export function formatPlan(plan: Plan): string {
    const width = String(plan.steps.length).length;
    const lines = plan.steps.map((step, index) => `${String(index + 1).padStart(width + 2)}. ${printable(step.text)}`);
    if (plan.confirm !== undefined) {
        const seconds = plan.confirm.within / 1000;
        lines.push(`  All of it is undone ${seconds} s later, or at the next start of Windows, unless confirmed.`);
    }
    return [plan.text, ...lines].join("\n");
}
