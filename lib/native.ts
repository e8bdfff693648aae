// The only file that loads the addon (native/addon, winsock_spi.node; native/load.ts finds it). Everything native is
// documented here, and nothing native is reached by another way. Importing this file does nothing, on any operating
// system; calling native() loads.

import { WinsockError, toWinsockError } from "./errors.js";
import type { CatalogWatchBinding } from "./native/catalog-watch.js";
import { type CategoriesBinding, categoriesMethods } from "./native/categories.js";
import { type ConfirmBinding, confirmMethods } from "./native/confirm.js";
import { type InspectBinding, inspectMethods } from "./native/inspect.js";
import { loadAddon } from "./native/load.js";
import { type NamespacesBinding, namespacesMethods } from "./native/namespaces.js";
import type { PeerBinding } from "./native/peer.js";
import type { PipeBinding } from "./native/pipe.js";
import { type PolicyBinding, policyMethods } from "./native/policy.js";
import type { TcpOwnerBinding } from "./native/tcp-owner.js";
import { type SocketOwnersBinding, socketOwnersMethods } from "./native/socket-owners.js";
import { type SocketsBinding, socketsMethods } from "./native/sockets.js";
import type { ReadinessBinding } from "./native/readiness.js";
import { type TransportsBinding, transportsMethods } from "./native/transports.js";

export { addonCandidates, packageRoot, packageVersion } from "./native/load.js";

/** Which protocol catalog: the one that 64-bit programs see or the one that 32-bit programs see. */
export type Bits = 32 | 64;

/** One value of the registry: its REG_ type (REG_SZ 1, REG_EXPAND_SZ 2, REG_BINARY 3, REG_DWORD 4) and its bytes. */
export interface RegistryValue {
    type: number;
    data: Uint8Array;
}

/** A registry key with everything below it, subkeys in the order in which Windows lists them. */
export interface RegistryKey {
    values: Record<string, RegistryValue>;
    keys: Record<string, RegistryKey>;
    /** Security descriptor of the key as SDDL text. */
    security?: string;
}

/** What the addon knows of the machine it runs on. */
export interface MachineFacts {
    /** Architecture of Windows itself, whatever that of this process is. */
    arch: "x64" | "ia32" | "arm64";
    /** Version of Windows, e.g. `10.0.19045`. */
    windows: string;
    /** The protocol catalogs that this Windows has, 64 before 32. */
    catalogs: Bits[];
    /** This process may change the catalog (an elevated administrator, or SYSTEM). */
    elevated: boolean;
    /** This is Wine and no Windows: no file is signed there, and nothing asks for it. */
    wine: boolean;
    /** e.g. `C:\Program Files`, from the system's own settings and not from the environment. */
    programFiles: string;
    /** e.g. `C:\ProgramData`, from the system's own settings and not from the environment. */
    programData: string;
    /** e.g. `C:\Windows`. */
    systemRoot: string;
    /** The computer's name. */
    computer: string;
}

/** How the execution of a plan ended. */
export interface ExecutionResult {
    /** What had been done was undone. */
    undone: boolean;
    /** Absent if every step was done. */
    error?: { code: string; errno: number; syscall: string; message: string; step: number };
    /** A step failed and what was done before it could not be undone. */
    catalogDamaged: boolean;
    /** How many writes (registry values and keys, files) the execution made: the places where a kill can hit it. */
    writes: number;
    /** Done, but undone again at that time (milliseconds since 1970) unless it is confirmed. */
    until?: number;
    /** What steps have to tell: what the probe could not try, for example. */
    notes: string[];
}

/** How an operation that was interrupted (crash, power loss) was brought to an end. */
export interface RecoveryResult {
    /** `unconfirmed`: left alone, as it may still be confirmed. */
    action: "none" | "finished" | "undone" | "unconfirmed";
    /** `install`, `upgrade`, `uninstall` or `restore`; absent if there was nothing to recover. */
    operation?: string;
    /** Of `unconfirmed`: when it will be undone, in milliseconds since 1970. */
    until?: number;
    /** How many writes it made. */
    writes?: number;
}

/** Both clocks of the machine read at the same moment, to turn raw counters of records into times. */
export interface ClockReading {
    /** Time-stamp counter, ticks. */
    tsc: bigint;
    /** QueryPerformanceCounter, ticks of `qpcFrequency` per second. */
    qpc: bigint;
    qpcFrequency: bigint;
    /** GetSystemTimePreciseAsFileTime: 100 ns since 1601-01-01 UTC. */
    filetime: bigint;
}

/** The control file of the installed provider, opened. Throws ERR_NOT_INSTALLED, ERR_CONTROL_DAMAGED. */
export interface ControlHandle {
    /**
     * Counts this handle among the watchers (or takes it out), so that every process with the provider records its
     * calls. Returns the file that was written: `control` (an administrator) or `watch` (anyone else).
     */
    setWatching(watching: boolean): "control" | "watch";
    /** Puts the watching word right if somebody set it to 0 meanwhile; cheap, to be called now and then. */
    keep(): void;
    /** Whether another watcher is alive. */
    others(): boolean;
    clock(): ClockReading;
    /** Counts out and lets go of the files; so does the garbage collector. */
    close(): void;
}

/** The header of a ring, checked: see native/core/ring_format.hpp. Numbers of 64 bits are bigint. */
export interface RingHeader {
    abi: number;
    recordCount: number;
    pid: number;
    parentPid: number;
    processStart: bigint;
    bits: Bits;
    mode: "active" | "pass-through";
    clock: "tsc" | "qpc";
    clockAtCreation: bigint;
    qpcAtCreation: bigint;
    qpcFrequency: bigint;
    filetimeAtCreation: bigint;
    /** major << 16 | minor << 8 | patch; 0 if it did not tell. */
    providerVersion: number;
    program: string;
    reason: string;
}

/** A reader of one process's ring. Its writer owns the file and may have written anything into it. */
export interface RingReader {
    /** `undefined` if it is not a ring that we understand; `fault` says why. */
    readonly header: RingHeader | undefined;
    readonly fault: string;
    /** Set where the fault is that the ring's ABI is not known: what the system, not the ring, says of its process. */
    readonly owner?: { program: string; bits: Bits };
    /** False as long as the writer has not finished making the ring: open it again later. */
    readonly ready: boolean;
    /**
     * At most `max` records of 128 bytes each, oldest first, and how many before or between them are lost;
     * `undefined` when there is nothing new.
     */
    read(max: number): { records: Uint8Array; lost: bigint } | undefined;
    /** Whether records stand, or are being written, that have not been read. */
    waiting(): boolean;
    /** Passes over everything that stands in the ring now. */
    seekToEnd(): void;
    isWriterAlive(): boolean;
    close(): void;
}

/** The job object that holds this process; every child it starts belongs to it too, and their children. */
export interface JobHandle {
    /** Whether that process (start: FILETIME of its creation) is or was one of them. This process is not. */
    has(pid: number, start: bigint): boolean;
    /** Those that run now, without this process; `program` is a full path, empty where it may not be asked. */
    members(): { pid: number; program: string }[];
}

/**
 * Everything the addon exports. Each function throws an Error with `code`, `errno` and `syscall`, which {@link native}
 * turns into a {@link WinsockError}.
 */
export interface NativeBinding
    extends
        CatalogWatchBinding,
        CategoriesBinding,
        ConfirmBinding,
        InspectBinding,
        NamespacesBinding,
        PeerBinding,
        PipeBinding,
        ReadinessBinding,
        SocketsBinding,
        PolicyBinding,
        TcpOwnerBinding,
        SocketOwnersBinding,
        TransportsBinding {
    /**
     * The protocol catalog as Winsock gives it, in catalog order, hidden entries included; `info` is the 628 bytes of
     * WSAPROTOCOL_INFOW and `path` the DLL as registered (unexpanded). Loads no provider.
     * https://learn.microsoft.com/windows/win32/api/ws2spi/nf-ws2spi-wscenumprotocols
     */
    enumProtocols(bits: Bits): { path: string; info: Uint8Array }[];
    /**
     * Everything below HKLM\SYSTEM\CurrentControlSet\Services\WinSock2\Parameters. Works where Winsock cannot start.
     */
    readRegistry(): RegistryKey;
    machine(): MachineFacts;
    /** A registered DLL path with its variables expanded as a process of that bitness would see it. */
    expandPath(path: string, bits: Bits): string;
    /**
     * Executes a plan (see lib/provider/plan.ts) on a thread of its own: each step is journalled before it is done.
     * `onStep` is called before each step with its index, the number of steps, and its text.
     */
    executePlan(plan: string, onStep: (index: number, count: number, text: string) => void): Promise<ExecutionResult>;
    /**
     * Finishes or undoes an operation that was interrupted.
     *
     * @param gate As in {@link ConfirmBinding.confirmChange}.
     */
    recover(gate?: string): Promise<RecoveryResult>;
    /**
     * Makes %ProgramData%\winsock-spi and its folder `backups`, writable by administrators only, and returns their full
     * paths. Refuses folders that somebody else made there first.
     */
    prepareFolders(): { data: string; backups: string };
    /**
     * Starts the program at the full path `file` in `folder`, which becomes no child of libuv's and is in none of its
     * jobs. It has this process's environment and standard input; both its outputs go to this process's standard error,
     * with `ownOutput` each to its own. With `endWithUs` it is ended when this process ends, even by a kill (what it
     * starts itself is not). With `job` it and all that it starts are put into a new job object of that name, and all of
     * them are ended so; the object exists until `exited` has settled. `exited` gives its exit code (32 bits).
     * https://learn.microsoft.com/windows/win32/api/processthreadsapi/nf-processthreadsapi-createprocessw
     */
    startProgram(
        file: string,
        commandLine: string,
        folder: string,
        options?: { ownOutput?: boolean; endWithUs?: boolean; job?: string },
    ): { pid: number; exited: Promise<number> };
    openControl(): ControlHandle;
    /** File names of the rings, or `undefined` where this user may not list the folder. */
    listRings(): string[] | undefined;
    /** File names that the rings of all processes would have whose creation time this user may ask for. */
    listProcessRings(): string[];
    /** Opens a ring by its file name. Throws ERROR_FILE_NOT_FOUND, ERROR_FILE_INVALID (not of a ring's size, yet). */
    openRing(name: string): RingReader;
    /** Deletes a ring whose process has ended. False if it lives, or the file is in use or not ours to delete. */
    removeRing(name: string): boolean;
    joinJob(): JobHandle;
}

type Method = (...args: unknown[]) => unknown;

/** Wraps one native function so that what it throws, or rejects with, is a WinsockError. */
function guardFunction(target: Method, receiver: unknown): Method {
    return (...args) => {
        try {
            const result = target.apply(receiver, args);
            if (result instanceof Promise) {
                return result.catch((error: unknown) => {
                    throw toWinsockError(error);
                });
            }
            return result;
        } catch (error) {
            throw toWinsockError(error);
        }
    };
}

/** What stands in for a function that the loaded addon lacks. */
function refuse(name: string): Method {
    return () => {
        throw new WinsockError(
            `The native part of winsock-spi has no function "${name}": it is of another version than this package. ` +
                "Install the package again.",
            { code: "ERR_NATIVE_LOAD" },
        );
    };
}

/**
 * The same object with the named methods throwing WinsockErrors. For the binding itself and for the objects that it
 * hands out (ControlHandle, RingReader, JobHandle).
 */
export function guard<T extends object>(target: T, methods: readonly (keyof T & string)[]): T {
    const guarded: Partial<Record<keyof T, unknown>> = {};
    for (const name of methods) {
        const method: unknown = target[name];
        guarded[name] = typeof method === "function" ? guardFunction(method as Method, target) : refuse(name);
    }
    return guarded as T;
}

const bindingMethods = [
    "enumProtocols",
    "readRegistry",
    "machine",
    "expandPath",
    "executePlan",
    "recover",
    "prepareFolders",
    "startProgram",
    "openControl",
    "listRings",
    "listProcessRings",
    "openRing",
    "removeRing",
    "joinJob",
    ...categoriesMethods,
    ...namespacesMethods,
    "openCatalogWatch",
    "openPeer",
    "ownUser",
    "listenPipe",
    "connectPipe",
    "pipeProcess",
    "openTcpOwner",
    ...socketOwnersMethods,
    ...inspectMethods,
    ...socketsMethods,
    "openPolled",
    ...transportsMethods,
    ...confirmMethods,
    ...policyMethods,
] as const satisfies readonly (keyof NativeBinding)[];

let loaded: NativeBinding | undefined;

/**
 * The addon, loaded at the first call and kept.
 *
 * @throws WinsockError `ERR_UNSUPPORTED_PLATFORM` anywhere but on Windows; `ERR_NATIVE_LOAD` if the addon is missing,
 * was made for another processor or was blocked: the message names each file that was tried, why it was not loaded, and
 * the remedy.
 */
export function native(): NativeBinding {
    if (loaded !== undefined) {
        return loaded;
    }
    if (process.platform !== "win32") {
        throw new WinsockError(
            `winsock-spi works where Winsock is: on Windows, not on ${process.platform}. (In a clone of the project ` +
                "on Linux, `npm run -s cli -- ARGS` runs it under Wine.)",
            { code: "ERR_UNSUPPORTED_PLATFORM" },
        );
    }
    const binding = loadAddon() as NativeBinding;
    loaded = guard(binding, bindingMethods);
    return loaded;
}
