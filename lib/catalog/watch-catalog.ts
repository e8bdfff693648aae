// Changes of the catalogs as they happen. Nothing is polled: Windows tells of them (native/spi/catalog_watch.*).

import { WinsockError, refuseUnknownOptions, toWinsockError } from "../errors.js";
import { native } from "../native.js";
import type { CatalogNews, CatalogWatchHandle } from "../native/catalog-watch.js";
import { type CatalogEvent, parseCatalogEvent } from "./catalog-events.js";
import { type CatalogDiff, type Registered, diff } from "./diff.js";
import { type LiveCatalog, readSystem } from "./read.js";
import { type RegistryTree, treeOfKey } from "./registry.js";

/** What {@link watchCatalog} may be told. */
export interface WatchCatalogOptions {
    /** Ends the iteration with the signal's reason. */
    signal?: AbortSignal;
}

/** One change of the catalogs. Changes that come while nobody asks for the next one are told as one. */
export interface CatalogChange {
    /** When the first sign of it came. */
    time: Date;
    /** From what was told last to what is there now. Nothing differs if only an event came. */
    difference: CatalogDiff;
    /** The catalogs as they are now, read from the registry. */
    catalog: LiveCatalog;
    /** What told of it first: the registry, WSAProviderConfigChange, or an event of Windows without a change. */
    source: "registry" | "winsock" | "events";
    /** Who did it, where Windows says so: the first of `events`. Never under Wine. */
    by?: CatalogEvent;
    /** What Windows' events of this time say. Absent where there are none. */
    events?: CatalogEvent[];
}

/** A watch that is running since it was made. It is iterated once; `break`, `close()` and `await using` end it. */
export interface CatalogWatch extends AsyncIterable<CatalogChange>, AsyncDisposable {
    /** What tells of changes on this machine, beside the registry. */
    readonly sources: { winsock: boolean; events: boolean };
    /** Ends the watch at once; an iteration in progress ends normally. May be called again. */
    close(): Promise<void>;
}

/** Where there are events, a change waits so many milliseconds for its event, and an event for its change. */
const eventPatience = 1000;

/** Readings in a row between whose halves something was written; the next one is told whatever it is. */
const mostTorn = 5;

/** FILETIME of 1970-01-01, and its units in a millisecond. */
const unixEpoch = 116_444_736_000_000_000n;
const unitsPerMillisecond = 10_000n;

interface Sign {
    source: "registry" | "winsock";
    filetime: bigint;
}

interface State {
    registry: RegistryTree;
    catalog: LiveCatalog;
}

/** The catalogs as they are in one reading of the registry; a registry without them has none. */
function readState(): State {
    try {
        const { registry, catalog } = readSystem({ source: "registry" });
        return { registry, catalog };
    } catch (error) {
        if (error instanceof WinsockError && error.code === "ERROR_FILE_NOT_FOUND") {
            const problems = [`There is no Winsock catalog: ${error.message}`];
            return {
                registry: { values: {}, keys: {} },
                catalog: { protocols: {}, namespaces: {}, sources: {}, namespaceSources: {}, problems },
            };
        }
        throw error;
    }
}

/** Whether the registry is still as it was read. */
function isCurrent({ registry }: State): boolean {
    try {
        return JSON.stringify(treeOfKey(native().readRegistry())) === JSON.stringify(registry);
    } catch (error) {
        return error instanceof WinsockError && Object.keys(registry.keys).length === 0;
    }
}

class RunningCatalogWatch implements CatalogWatch {
    readonly sources: { winsock: boolean; events: boolean };
    readonly #signal: AbortSignal | undefined;
    readonly #handle: CatalogWatchHandle;
    readonly #changes: AsyncGenerator<CatalogChange, void, undefined>;
    #told: State;
    #closed = false;
    #failure: Error | undefined;
    #sign: Sign | undefined;
    #events: CatalogEvent[] = [];
    #wake: (() => void) | undefined;
    readonly #onAbort = (): void => this.#end();

    constructor({ signal }: WatchCatalogOptions) {
        signal?.throwIfAborted();
        this.#signal = signal;
        // First the watch, then the reading: what comes between the two is a change.
        this.#handle = native().openCatalogWatch((news) => this.#hear(news));
        this.sources = { winsock: this.#handle.winsock, events: this.#handle.events };
        try {
            this.#told = readState();
        } catch (error) {
            this.#handle.close();
            throw error;
        }
        signal?.addEventListener("abort", this.#onAbort, { once: true });
        this.#changes = this.#run();
    }

    [Symbol.asyncIterator](): AsyncIterator<CatalogChange, void, undefined> {
        return this.#changes;
    }

    close(): Promise<void> {
        this.#closed = true;
        this.#end();
        return Promise.resolve();
    }

    [Symbol.asyncDispose](): Promise<void> {
        return this.close();
    }

    #end(): void {
        this.#signal?.removeEventListener("abort", this.#onAbort);
        this.#handle.close();
        this.#wake?.();
    }

    #hear({ source, filetime, events, failure }: CatalogNews): void {
        if (source !== undefined && filetime !== undefined) {
            this.#sign ??= { source, filetime };
        }
        for (const xml of events) {
            const event = parseCatalogEvent(xml);
            if (event !== undefined) {
                this.#events.push(event);
            }
        }
        this.#failure ??= failure;
        this.#wake?.();
    }

    /** Waits for the next news, or so many milliseconds. */
    #news(milliseconds?: number): Promise<void> {
        return new Promise((resolve) => {
            const timer = milliseconds === undefined ? undefined : setTimeout(() => this.#wake?.(), milliseconds);
            this.#wake = () => {
                this.#wake = undefined;
                clearTimeout(timer);
                resolve();
            };
        });
    }

    /** Waits until there is something to tell: a change, an event, or where both are to be had, both of them. */
    async #something(): Promise<boolean> {
        let deadline: number | undefined;
        for (;;) {
            this.#signal?.throwIfAborted();
            if (this.#closed) {
                return false;
            }
            if (this.#failure !== undefined) {
                throw toWinsockError(this.#failure);
            }
            const any = this.#sign !== undefined || this.#events.length > 0;
            const both = this.#sign !== undefined && (this.#events.length > 0 || !this.sources.events);
            if (any) {
                deadline ??= performance.now() + eventPatience;
            }
            if (both || (deadline !== undefined && performance.now() >= deadline)) {
                return true;
            }
            await this.#news(deadline === undefined ? undefined : Math.max(1, deadline - performance.now()));
        }
    }

    async *#run(): AsyncGenerator<CatalogChange, void, undefined> {
        let torn = 0;
        let first: Sign | undefined;
        try {
            while (await this.#something()) {
                first ??= this.#sign;
                this.#sign = undefined;
                const state = readState();
                if (!isCurrent(state) && ++torn < mostTorn) {
                    continue; // somebody has begun to write again: there will be word of it when he has finished
                }
                const change = this.#changeTo(state, first);
                torn = 0;
                first = undefined;
                if (change !== undefined) {
                    yield change;
                }
            }
        } finally {
            await this.close();
        }
    }

    #changeTo(state: State, sign: Sign | undefined): CatalogChange | undefined {
        const events = this.#events;
        this.#events = [];
        const registered = ({ registry, catalog }: State): Registered => ({ registry, decoded: catalog });
        const difference = diff(registered(this.#told), registered(state));
        this.#told = state;
        if (difference.same && events.length === 0) {
            return undefined; // only counters
        }
        const [by] = events;
        const milliseconds =
            sign === undefined ? Date.parse(by?.time ?? "") : Number((sign.filetime - unixEpoch) / unitsPerMillisecond);
        return {
            time: new Date(Number.isNaN(milliseconds) ? Date.now() : milliseconds),
            difference,
            catalog: state.catalog,
            source: sign?.source ?? "events",
            ...(by === undefined ? {} : { by, events }),
        };
    }
}

/**
 * Follows the catalogs: gives each change of anything below WinSock2\Parameters, by whatever program, as the difference
 * from what was told before it. It watches since it is called; it keeps the process alive until it is closed. Steps of
 * one writer that follow each other at once are one change.
 *
 * Works without administrator rights and where Winsock cannot start. On Windows the events of the channel
 * Microsoft-Windows-Winsock-WS2HELP/Operational are merged in, which name the program: `by`.
 *
 * https://learn.microsoft.com/windows/win32/api/winsock2/nf-winsock2-wsaproviderconfigchange
 *
 * @throws WinsockError `ERR_UNSUPPORTED_PLATFORM` off Windows; what the registry cannot be watched or read with.
 * @throws TypeError if there is no such option.
 */
export function watchCatalog(options: WatchCatalogOptions = {}): CatalogWatch {
    refuseUnknownOptions("watchCatalog", options, ["signal"]);
    return new RunningCatalogWatch(options);
}
