// What fresh programs met when they used the providers (trial.ts tried it). Pure.

import { SOCK_RAW } from "../catalog/names.js";
import type { CatalogEntry, CatalogName } from "../catalog/model.js";
import { own } from "../catalog/registry.js";
import { errorName } from "../error-names.js";
import type { Facts, LibraryFacts, Outcome, SocketFacts, Trial } from "./facts.js";
import type { FindingCode, Findings } from "./findings.js";
import { fileFault, isRemovable, whoOf } from "./checks-files.js";
import { type CatalogView, type Provider, failedInit, fileOf, isEssential, lossOf, nameOfTriplet } from "./view.js";

const WSAEINVALIDPROCTABLE = 10104;
const WSAEINVALIDPROVIDER = 10105;
const WSAEPROVIDERFAILEDINIT = 10106;
const WSAEAFNOSUPPORT = 10047;

export function checkBehaviour(facts: Facts, view: CatalogView, findings: Findings): void {
    const trial = facts.trials[view.bits];
    if (trial === undefined) {
        return;
    }
    if (trial.fault !== undefined) {
        findings.add("not-tried", {
            catalog: view.bits,
            message: `The providers of the ${view.bits}-bit catalog could not all be tried out: ${trial.fault}`,
            consequence: "What shows only when a provider is used is not found here.",
        });
    }
    if (trial.winsock !== undefined && failure(trial.winsock) !== undefined) {
        findings.add("winsock-start", {
            catalog: view.bits,
            message: `WSAStartup in a fresh ${view.bits}-bit program ${failure(trial.winsock) ?? ""}.`,
            consequence: `No ${view.bits}-bit program has a network; Node.js does not even start.`,
            advice: "repair what else is found; if nothing is, winsock-spi restore FILE with a backup",
        });
    }
    for (const provider of view.providers) {
        checkProvider(facts, view, provider, trial, findings);
    }
    checkNamespaces(facts, view.bits, trial, findings);
}

function checkProvider(facts: Facts, view: CatalogView, provider: Provider, trial: Trial, findings: Findings): void {
    const first = provider.entries[0];
    if (first === undefined || fileFault(facts, view.bits, fileOf(facts, first), "WSPStartup")?.certain === true) {
        return; // found already, from outside
    }
    const report = {
        catalog: view.bits,
        provider: provider.who,
        entries: provider.entries.map(({ id }) => id),
        advice: isRemovable(provider)
            ? "install the product again; if that does not help, remove it"
            : "sfc /scannow, which brings back Windows' own files; else winsock-spi restore FILE with a backup",
    };
    const name = `"${provider.who.name}"`;
    const library = own(trial.libraries, provider.path);
    if (library !== undefined && provider.entries.every(({ path }) => path !== "")) {
        const code = libraryFault(library);
        if (code !== undefined) {
            findings.add(code, {
                ...report,
                message:
                    `Loading ${provider.path}, the DLL of ${name}, ` +
                    `${failure(library) ?? "fails: it exports no WSPStartup"}.`,
                consequence: lossOf(view, provider, consequenceOf(code)),
            });
            return;
        }
    }
    const tried = provider.entries.flatMap((entry) => {
        const socket = own(trial.sockets, String(entry.id));
        return socket === undefined ? [] : [{ entry, socket }];
    });
    for (const [code, entries, socket] of socketFaults(tried)) {
        const triplets = [...new Set(entries.map(nameOfTriplet))].join(", ");
        findings.add(code, {
            ...report,
            entries: entries.map(({ id }) => id),
            message:
                `Opening a ${view.bits}-bit socket with ${name} (${triplets}) ` +
                `${failure(socket) ?? "succeeds, and its calls fail"}${detail(code, socket)}.`,
            consequence: lossOf(view, provider, consequenceOf(code)),
        });
    }
    checkBaseHandle(view, provider, tried, findings);
}

interface Tried {
    entry: CatalogEntry;
    socket: SocketFacts;
}

/** What an entry's socket is guilty of, the same faults of several entries together. */
function socketFaults(tried: readonly Tried[]): [FindingCode, CatalogEntry[], SocketFacts][] {
    const found = new Map<string, [FindingCode, CatalogEntry[], SocketFacts]>();
    for (const { entry, socket } of tried) {
        const code = socketFault(entry, socket);
        if (code !== undefined) {
            const key = `${code} ${"error" in socket ? socket.error : ""}`;
            const one = found.get(key) ?? [code, [], socket];
            one[1].push(entry);
            found.set(key, one);
        }
    }
    return [...found.values()];
}

function socketFault(entry: CatalogEntry, socket: SocketFacts): FindingCode | undefined {
    if ("skipped" in socket) {
        return undefined;
    }
    if ("crashed" in socket) {
        return "provider-crashes";
    }
    if ("hung" in socket) {
        return "provider-hangs";
    }
    switch (socket.error) {
        case 0:
            return (socket.bind ?? 0) === 0 ? undefined : "calls-fail";
        case WSAEINVALIDPROCTABLE:
            return "procedure-table";
        case WSAEINVALIDPROVIDER:
            return "provider-version";
        case WSAEPROVIDERFAILEDINIT:
            return "startup-fails";
        case WSAEAFNOSUPPORT:
            return undefined; // a machine without IPv6
        default:
            // Raw sockets are for administrators, and other families for machines that have such hardware.
            return entry.socketType === SOCK_RAW || !isEssential(entry) ? undefined : "socket-fails";
    }
}

function detail(code: FindingCode, socket: SocketFacts): string {
    if (code === "calls-fail") {
        return ` (bind to the loopback address: ${errorNameOf(socket.bind ?? 0)})`;
    }
    return code === "startup-fails" ? ": its WSPStartup returns an error" : "";
}

function checkBaseHandle(view: CatalogView, provider: Provider, tried: readonly Tried[], findings: Findings): void {
    const wrong = tried.filter(
        ({ entry, socket }) =>
            isEssential(entry) &&
            !provider.base &&
            "error" in socket &&
            socket.error === 0 &&
            socket.base !== undefined &&
            (socket.base !== 0 || (entry.ifs && socket.same === false)),
    );
    const socket = wrong[0]?.socket;
    if (socket === undefined) {
        return;
    }
    const entries = wrong.map(({ entry }) => entry);
    const way = socket.select === 0 || socket.poll === 0;
    const how =
        socket.base === 0 ? "gives another handle than the socket" : `fails with ${errorNameOf(socket.base ?? 0)}`;
    findings.add("base-handle", {
        catalog: view.bits,
        provider: provider.who,
        entries: entries.map(({ id }) => id),
        message:
            `SIO_BASE_HANDLE on a socket of "${provider.who.name}" ` +
            `(${[...new Set(entries.map(nameOfTriplet))].join(", ")}) ${how}.`,
        consequence:
            "Programs built on tokio (mio), wepoll, libzmq or trio cannot wait for such sockets" +
            (way
                ? " unless they know the other way, by SIO_BSP_HANDLE_POLL, which works here."
                : ": they end with an error."),
        advice: "ask its vendor for a version that hands SIO_BASE_HANDLE down, or remove it",
    });
}

function checkNamespaces(facts: Facts, bits: CatalogName, trial: Trial, findings: Findings): void {
    for (const entry of facts.catalog.namespaces[bits] ?? []) {
        const path = entry.resolvedPath ?? entry.path;
        const file = Object.hasOwn(facts.files, path) ? facts.files[path] : undefined;
        const library = own(trial.libraries, path);
        const code = library === undefined ? undefined : libraryFault(library);
        if (
            library === undefined ||
            code === undefined ||
            fileFault(facts, bits, file, "NSPStartup")?.certain === true
        ) {
            continue;
        }
        findings.add(code, {
            ...(entry.enabled ? {} : { severity: "info" as const }),
            catalog: bits,
            provider: whoOf(entry),
            message:
                `Loading ${path}, the DLL of the namespace provider "${entry.name}", ` +
                `${failure(library) ?? "fails: it exports no NSPStartup"}.`,
            consequence: `${bits}-bit programs that resolve names (${entry.namespaceName}) go without it, or with it.`,
            advice: "install the product again, or remove it",
        });
    }
}

function libraryFault(library: LibraryFacts): FindingCode | undefined {
    if ("crashed" in library) {
        return "provider-crashes";
    }
    if ("hung" in library) {
        return "provider-hangs";
    }
    if ("skipped" in library) {
        return undefined;
    }
    return library.error !== 0 ? "dll-not-loadable" : library.exported === false ? "dll-no-startup" : undefined;
}

function consequenceOf(code: FindingCode): string {
    switch (code) {
        case "provider-crashes":
            return "crashes";
        case "provider-hangs":
            return "stuck";
        case "procedure-table":
            return "WSAEINVALIDPROCTABLE (10104)";
        case "provider-version":
            return "WSAEINVALIDPROVIDER (10105)";
        case "socket-fails":
            return "an error";
        case "calls-fail":
            return "sockets that do not work";
        default:
            return failedInit;
    }
}

/** How it ended, to be put behind what was done; undefined where it went well. */
function failure(outcome: Outcome): string | undefined {
    if ("crashed" in outcome) {
        return `ends the program (0x${outcome.crashed.toString(16).toUpperCase()})`;
    }
    if ("hung" in outcome) {
        return `takes longer than ${outcome.hung / 1000} s`;
    }
    return "skipped" in outcome || outcome.error === 0 ? undefined : `fails with ${errorNameOf(outcome.error)}`;
}

function errorNameOf(number: number): string {
    const name = errorName(number);
    return name === String(number) ? `error ${number}` : `${name} (${number})`;
}
