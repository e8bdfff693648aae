// What a diagnosis is made from: plain data, so that it can be made anywhere, of anything. collect.ts reads it from this
// machine.

import type { Catalog, CatalogName } from "../catalog/model.js";
import type { RegistryTree } from "../catalog/registry.js";
import type { FileSignature } from "../native/inspect.js";
import type { PortableExecutable } from "./portable-executable.js";

/** What is known of a DLL without loading it. */
export interface FileFacts {
    /** Absent: there is such a file. `missing`, or the reason why it cannot be read. */
    fault?: "missing" | { message: string };
    /** Hex. */
    sha256?: string;
    size?: number;
    /** Absent where it is no Windows binary, or only part of one. */
    executable?: PortableExecutable;
    /** Absent where it was not asked for (the system's own DLLs) or could not be found out. */
    signature?: FileSignature;
}

/** How trying something ended: with an error number (0: well), or with the end of the process that tried it. */
export type Outcome =
    | { error: number }
    /** The exception, or what the process ended with. */
    | { crashed: number }
    /** Milliseconds that were waited. */
    | { hung: number }
    /** Not tried, because the DLL at this path, which it needs, had crashed, hung or failed before. */
    | { skipped: string };

/** A DLL, loaded. */
export type LibraryFacts = Outcome & {
    /** `WSPStartup` or `NSPStartup`, and whether the DLL exports it. */
    function: string;
    exported?: boolean;
};

/** A socket opened with one entry, by its id. Members of what was not tried are absent; 0 is success. */
export type SocketFacts = Outcome & {
    /** bind to the loopback address, and getsockname. */
    bind?: number;
    /** SIO_BASE_HANDLE; and whether the handle that it gave is the socket itself. */
    base?: number;
    same?: boolean;
    /** SIO_BSP_HANDLE_SELECT and SIO_BSP_HANDLE_POLL. */
    select?: number;
    poll?: number;
};

/** What fresh programs of one bitness met. */
export interface Trial {
    /** Why it could not be tried, or not to the end. */
    fault?: string;
    /** Of WSAStartup. */
    winsock?: Outcome;
    /** By the DLL's path. */
    libraries: Record<string, LibraryFacts>;
    /** By catalog id. */
    sockets: Record<string, SocketFacts>;
}

/** Everything that {@link diagnose} looks at. */
export interface Facts {
    machine: {
        arch: string;
        catalogs: readonly (32 | 64)[];
        /** e.g. `C:\Windows`. */
        systemRoot: string;
    };
    /** Everything below WinSock2\Parameters. */
    registry: RegistryTree;
    /** What is in it. `resolvedPath` is the key of `files` and of a trial's `libraries`. */
    catalog: Catalog;
    /** The ids that Winsock's own functions gave, in their order, or the error that they failed with. */
    winsock: { [bits in CatalogName]?: { ids: number[] } | { code: string; message: string } };
    files: Record<string, FileFacts>;
    trials: { [bits in CatalogName]?: Trial };
    /** The operation that was interrupted, if any. */
    pending?: string;
    /** The change that waits to be confirmed, if any; when it is undone else, ISO 8601. */
    unconfirmed?: { operation: string; until: string };
    /** Full paths of programs that are known to fail below a layered provider and that are on this machine. */
    sensitivePrograms: string[];
    /** Programs that have LSP categories, by full path: whether they are there. */
    programs: Record<string, boolean>;
}
