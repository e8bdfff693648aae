// Reads from this machine what a diagnosis is made from. Nothing here loads a provider into this process, and no part of
// it needs a Winsock that works.

import { createHash } from "node:crypto";
import * as fs from "node:fs/promises";
import * as path from "node:path";
import { readablePath } from "../catalog/backup.js";
import { type CatalogEntry, type CatalogName, type NamespaceEntry, catalogNames } from "../catalog/model.js";
import { decodeProtocolInfo } from "../catalog/protocol-info.js";
import { type Reading, readSystem } from "../catalog/read.js";
import { WinsockError } from "../errors.js";
import { type Bits, type MachineFacts, native, packageRoot } from "../native.js";
import { pendingChange } from "../plan/confirm.js";
import { packagedRescue } from "../provider/layout.js";
import { wslPrograms } from "../provider/exclude.js";
import { fileFault } from "./checks-files.js";
import type { Facts, FileFacts, Trial } from "./facts.js";
import { readPortableExecutable } from "./portable-executable.js";
import { type InspectRequest, tryProviders } from "./trial.js";

/** A provider DLL is some hundred kilobytes; one that is larger than this is not read. */
const largestFile = 256 * 1024 * 1024;

/** What {@link examine} may be told. */
export interface CollectOptions {
    /**
     * Milliseconds that loading one DLL, or opening one socket, may take before it counts as hanging; default 10000.
     */
    timeout?: number;
    /** Try the providers out, in processes of their own; default true. Without it no provider is loaded anywhere. */
    load?: boolean;
}

/** The facts about this machine, and the reading that they were made from. */
export async function collectFacts(options: CollectOptions = {}): Promise<{ facts: Facts; reading: Reading }> {
    const { timeout = 10_000, load = true } = options;
    if (!Number.isInteger(timeout) || timeout < 1 || timeout > 3_600_000) {
        throw new TypeError(`doctor: timeout must be 1 to 3600000 milliseconds, not ${String(timeout)}`);
    }
    const reading = readSystem({ source: "registry" });
    const { machine, registry, catalog } = reading;
    const pending = pendingChange();
    const facts: Facts = {
        machine: { arch: machine.arch, catalogs: machine.catalogs, systemRoot: machine.systemRoot },
        registry,
        catalog,
        winsock: readByWinsock(machine),
        files: {},
        trials: {},
        ...(pending?.state === "interrupted" ? { pending: pending.operation } : {}),
        ...(pending?.until === undefined
            ? {}
            : { unconfirmed: { operation: pending.operation, until: pending.until } }),
        sensitivePrograms: await findSensitivePrograms(machine),
        programs: {},
    };
    for (const { program } of catalog.applications ?? []) {
        facts.programs[program] = await fs.access(readablePath(program, "64", machine)).then(
            () => true,
            () => false,
        );
    }
    for (const bits of catalogNames) {
        for (const entry of [...(catalog.protocols[bits] ?? []), ...(catalog.namespaces[bits] ?? [])]) {
            const file = entry.resolvedPath ?? entry.path;
            if (!Object.hasOwn(facts.files, file)) {
                facts.files[file] = await lookAt(readablePath(file, bits, machine), !isSystems(entry, machine));
            }
        }
    }
    const tried = catalogNames.filter((bits) => load && machine.catalogs.includes(Number(bits) as Bits));
    const trials = await Promise.all(tried.map((bits) => tryCatalog(bits, facts, machine, timeout)));
    tried.forEach((bits, index) => (facts.trials[bits] = trials[index] ?? { libraries: {}, sockets: {} }));
    return { facts, reading };
}

function readByWinsock(machine: MachineFacts): Facts["winsock"] {
    const found: Facts["winsock"] = {};
    for (const bits of catalogNames) {
        if (!machine.catalogs.includes(Number(bits) as Bits)) {
            continue;
        }
        try {
            const entries = native().enumProtocols(Number(bits) as Bits);
            found[bits] = { ids: entries.map(({ info }) => decodeProtocolInfo(info).catalogEntryId) };
        } catch (error) {
            if (!(error instanceof WinsockError)) {
                throw error;
            }
            found[bits] = { code: error.code, message: error.message };
        }
    }
    return found;
}

/** Entries that the system brings itself: whether their files are signed is Windows' affair. */
function isSystems(entry: CatalogEntry | NamespaceEntry, { systemRoot }: MachineFacts): boolean {
    const file = (entry.resolvedPath ?? entry.path).toLowerCase();
    return (!("kind" in entry) || entry.kind === "base") && file.startsWith(`${systemRoot}\\sys`.toLowerCase());
}

async function lookAt(file: string, signature: boolean): Promise<FileFacts> {
    try {
        const { size } = await fs.stat(file);
        if (size > largestFile) {
            return { fault: { message: `it has ${size} bytes` }, size };
        }
        const bytes = await fs.readFile(file);
        const executable = readPortableExecutable(bytes);
        const facts: FileFacts = {
            sha256: createHash("sha256").update(bytes).digest("hex"),
            size: bytes.byteLength,
            ...(executable === undefined ? {} : { executable }),
        };
        if (signature) {
            try {
                facts.signature = await native().readSignature(path.resolve(file));
            } catch (error) {
                if (!(error instanceof WinsockError)) {
                    throw error; // else: a system that knows nothing of signatures
                }
            }
        }
        return facts;
    } catch (error) {
        const code = (error as NodeJS.ErrnoException).code;
        if (code === "ENOENT" || code === "ENOTDIR") {
            return { fault: "missing" };
        }
        return { fault: { message: error instanceof Error ? error.message : String(error) } };
    }
}

async function tryCatalog(bits: CatalogName, facts: Facts, machine: MachineFacts, limit: number): Promise<Trial> {
    const program = packagedRescue(packageRoot, bits, machine.arch);
    const entries = facts.catalog.protocols[bits] ?? [];
    const namespaces = facts.catalog.namespaces[bits] ?? [];
    const startups = [
        ...entries.map((entry) => [entry, "WSPStartup"] as const),
        ...namespaces.map((entry) => [entry, "NSPStartup"] as const),
    ];
    const loadable = new Set(
        startups
            .map(([entry, startup]) => [entry.resolvedPath ?? entry.path, startup] as const)
            .filter(
                ([file, startup]) =>
                    /^[a-z]:\\|^\\\\/i.test(file) && fileFault(facts, bits, facts.files[file], startup) === undefined,
            )
            .map(([file]) => file),
    );
    // The process ends itself when one thing takes too long; this is for one that cannot even do that.
    const whole = ({ libraries, sockets }: InspectRequest): number =>
        Math.min((libraries.length + sockets.length + 2) * limit + 30_000, 3_600_000);
    try {
        return await tryProviders({ entries, namespaces, loadable, limit }, (request) =>
            native().runInspect(program, JSON.stringify(request), whole(request)),
        );
    } catch (error) {
        if (!(error instanceof WinsockError)) {
            throw error;
        }
        return { fault: `${program} could not be started: ${error.message}`, libraries: {}, sockets: {} };
    }
}

/** Programs that are known to fail below a layered provider, and that are here: those of WSL (WSL#4177). */
async function findSensitivePrograms(machine: MachineFacts): Promise<string[]> {
    const found = await Promise.all(
        wslPrograms(machine).map((file) =>
            fs.access(readablePath(file, "64", machine)).then(
                () => [file],
                () => [],
            ),
        ),
    );
    return found.flat();
}
