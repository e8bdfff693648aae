// Trying out the providers of one catalog: what is to be loaded and opened, in processes of that catalog's bitness that
// may crash or hang, and who is to blame for what happened there. Pure, but for the function that runs such a process.

import type { CatalogEntry, NamespaceEntry } from "../catalog/model.js";
import type { InspectRun } from "../native/inspect.js";
import type { LibraryFacts, Outcome, SocketFacts, Trial } from "./facts.js";
import { fileKey } from "./view.js";

/** What `winsock-spi-rescue inspect` is asked: see native/spi/inspect.hpp. */
export interface InspectRequest {
    limit: number;
    libraries: { path: string; function: string }[];
    sockets: number[];
}

/** Runs one such process to its end. */
export type RunInspect = (request: InspectRequest) => Promise<InspectRun>;

/** What is to be tried. */
export interface TrialTask {
    entries: readonly CatalogEntry[];
    namespaces: readonly NamespaceEntry[];
    /** Full paths of DLLs that can be loaded as far as can be seen without loading them. */
    loadable: ReadonlySet<string>;
    /** Milliseconds that loading one DLL or opening one socket may take. */
    limit: number;
}

interface Library {
    path: string;
    function: string;
}

/** More processes than a catalog has things that could end them; a guard against one that says nothing sensible. */
const mostRuns = 200;
/** What one process is asked at most: its command line has 32767 characters. */
const mostAtOnce = 100;

/** Tries everything; a thing that ends its process is not tried again, and neither is what needs it. */
export async function tryProviders(task: TrialTask, run: RunInspect): Promise<Trial> {
    const trial: Trial = { libraries: {}, sockets: {} };
    // What ended a process: DLLs that nothing is asked of any more.
    const guilty = new Set<string>();
    let libraries = librariesOf(task);
    // Those below before those above: whoever fails first is the one to blame.
    let sockets = task.entries
        .filter(({ kind, resolvedPath, path }) => kind !== "hidden" && task.loadable.has(resolvedPath ?? path))
        .sort((a, b) => a.chain.length - b.chain.length);
    for (let runs = 0; libraries.length + sockets.length > 0; ++runs) {
        if (runs === mostRuns) {
            trial.fault = `after ${mostRuns} processes not everything was tried`;
            break;
        }
        sockets = sockets.filter((entry) => {
            const culprit = culpritBelow(entry, task.entries, guilty);
            if (culprit !== undefined) {
                trial.sockets[entry.id] = { skipped: culprit };
            }
            return culprit === undefined;
        });
        const asked = libraries.slice(0, mostAtOnce);
        const opened = asked.length < mostAtOnce ? sockets.slice(0, mostAtOnce) : [];
        if (asked.length + opened.length === 0) {
            break;
        }
        const ended = readLines(
            await run({ limit: task.limit, libraries: asked, sockets: opened.map(({ id }) => id) }),
            task.limit,
        );
        const doneBefore = libraries.length + sockets.length;
        const tried = store(trial, ended, { asked, opened }, guilty);
        libraries = libraries.filter((library) => !tried.libraries.has(library));
        sockets = sockets.filter((entry) => !tried.sockets.has(entry));
        if (ended.outcome !== undefined && tried.winsock) {
            trial.winsock = ended.outcome; // WSAStartup itself ends the process
            break;
        }
        if (libraries.length + sockets.length === doneBefore) {
            trial.fault = ended.text;
            break;
        }
    }
    return trial;
}

function librariesOf({ entries, namespaces, loadable }: TrialTask): Library[] {
    const found = new Map<string, Library>();
    const add = (path: string, name: string): void => {
        if (loadable.has(path) && !found.has(path.toLowerCase())) {
            found.set(path.toLowerCase(), { path, function: name });
        }
    };
    for (const { path, resolvedPath } of entries) {
        add(resolvedPath ?? path, "WSPStartup");
    }
    for (const { path, resolvedPath } of namespaces) {
        add(resolvedPath ?? path, "NSPStartup");
    }
    return [...found.values()];
}

/** The DLL that makes it pointless to open a socket with this entry, its own or one in its chain. */
function culpritBelow(
    entry: CatalogEntry,
    entries: readonly CatalogEntry[],
    guilty: ReadonlySet<string>,
): string | undefined {
    const chain = [entry, ...entry.chain.flatMap((id) => entries.find((one) => one.id === id) ?? [])];
    const found = chain.find((one) => guilty.has(fileKey(one)));
    return found === undefined ? undefined : (found.resolvedPath ?? found.path);
}

/** What one process said. */
interface Lines {
    libraries: Map<number, { error: number; exported: boolean }>;
    winsock?: number;
    sockets: Map<number, Record<string, unknown>>;
    /** The thing during which it ended, and how; undefined: it came to its end. */
    thing?: number;
    outcome?: Outcome;
    /** How it ended, as text. */
    text: string;
}

function readLines({ exitCode, timedOut, output }: InspectRun, limit: number): Lines {
    const lines: Lines = { libraries: new Map(), sockets: new Map(), text: "" };
    let begun: number | undefined;
    let done = false;
    for (const text of output.split("\n")) {
        const line = parseLine(text);
        const at = (name: string): number | undefined => {
            const value = line[name];
            return typeof value === "number" && Number.isInteger(value) && value >= 0 ? value : undefined;
        };
        const error = at("error");
        const library = at("library");
        const socket = at("socket");
        const crashed = at("crashed");
        begun = at("begin") ?? begun;
        if (library !== undefined && error !== undefined) {
            lines.libraries.set(library, { error, exported: line["function"] === true });
        } else if (socket !== undefined && error !== undefined) {
            lines.sockets.set(socket, line);
        } else if (at("winsock") !== undefined) {
            lines.winsock = at("winsock") ?? 0;
        } else if (at("hung") !== undefined) {
            lines.outcome = { hung: limit };
        } else if (crashed !== undefined) {
            lines.outcome = { crashed };
        } else if (line["done"] === true) {
            done = true;
        }
    }
    if (!done) {
        lines.outcome ??= timedOut ? { hung: limit } : { crashed: exitCode };
        if (begun !== undefined) {
            lines.thing = begun;
        }
        lines.text = timedOut
            ? "the process that tries them does not end"
            : `it ended with ${exitCode}: ${output.slice(-300)}`;
    } else {
        delete lines.outcome;
    }
    return lines;
}

function parseLine(text: string): Record<string, unknown> {
    try {
        const value: unknown = JSON.parse(text);
        return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
    } catch {
        return {}; // not one of its lines
    }
}

interface Stored {
    libraries: Set<Library>;
    sockets: Set<CatalogEntry>;
    /** It ended in WSAStartup. */
    winsock: boolean;
}

/** Puts what a process said into the trial; what was tried thereby. */
function store(
    trial: Trial,
    lines: Lines,
    { asked, opened }: { asked: readonly Library[]; opened: readonly CatalogEntry[] },
    guilty: Set<string>,
): Stored {
    const stored: Stored = { libraries: new Set(), sockets: new Set(), winsock: false };
    const ended = lines.thing;
    for (const [index, library] of asked.entries()) {
        const said = lines.libraries.get(index);
        const outcome: Outcome | undefined = said === undefined && index === ended ? lines.outcome : said;
        if (outcome !== undefined) {
            const facts: LibraryFacts = { ...outcome, function: library.function };
            trial.libraries[library.path] = facts;
            stored.libraries.add(library);
            if (said === undefined || said.error !== 0) {
                guilty.add(library.path.toLowerCase());
            }
        }
    }
    if (lines.winsock !== undefined) {
        trial.winsock = { error: lines.winsock };
        if (lines.winsock !== 0) {
            for (const entry of opened) {
                stored.sockets.add(entry); // none can be opened
            }
        }
    } else {
        stored.winsock = ended === asked.length;
    }
    for (const [index, entry] of opened.entries()) {
        const said = lines.sockets.get(index);
        const stopped = said === undefined && ended === asked.length + 1 + index ? lines.outcome : undefined;
        const facts = said === undefined ? stopped : socketFacts(said);
        if (facts !== undefined) {
            trial.sockets[entry.id] = facts;
            stored.sockets.add(entry);
            if (said === undefined || (facts as { error?: number }).error !== 0) {
                blame(entry, trial, guilty, stopped !== undefined);
            }
        }
    }
    return stored;
}

/** A DLL that ended the process is not used again; one that failed is not asked through others. */
function blame(entry: CatalogEntry, trial: Trial, guilty: Set<string>, ended: boolean): void {
    const facts = trial.sockets[entry.id];
    const failedInit = facts !== undefined && "error" in facts && facts.error >= 10104 && facts.error <= 10106;
    if (entry.kind !== "base" && (ended || failedInit)) {
        guilty.add(fileKey(entry));
    }
}

function socketFacts(line: Record<string, unknown>): SocketFacts {
    const facts: SocketFacts = { error: Number(line["error"]) };
    for (const name of ["bind", "base", "select", "poll"] as const) {
        const value = line[name];
        if (typeof value === "number") {
            facts[name] = value;
        }
    }
    if (typeof line["same"] === "boolean") {
        facts.same = line["same"];
    }
    return facts;
}
