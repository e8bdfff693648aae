/**
 * `watch()`: the Winsock calls of other programs as an async iterable. Nothing here can hold a program up: a watcher
 * that is too slow loses records, and is told how many.
 */
import { refuseUnknownOptions } from "../errors.js";
import type { RecordBatch } from "./decode.js";
import type { WatchRecord } from "./records.js";
import { type RecordFilter, WantedRecords } from "./record-filter.js";
import { WatchSession } from "./session.js";
import type { ProcessFilter, WatchNotice } from "./session.js";

/** What {@link watch} and {@link watchBatches} may be told. */
export interface WatchOptions extends RecordFilter {
    /** Ends the iteration with the signal's reason. */
    signal?: AbortSignal;
    /** Which processes to watch, for instance a `ProcessTree`. Without it, all that this user may see. */
    processes?: ProcessFilter;
    /** Also watch this process itself. Default false. */
    ownProcess?: boolean;
    /** Hears what the watcher could not do and went on without. */
    onNotice?: (notice: WatchNotice) => void;
}

/** A watch that is running since it was made. It is iterated once; `break`, `close()` and `await using` end it. */
export interface Watch<Item> extends AsyncIterable<Item>, AsyncDisposable {
    /** Lets the iteration end by itself after what has been recorded until now has been delivered. */
    stop(): void;
    /** Ends the watch at once; an iteration in progress ends normally. May be called again. */
    close(): Promise<void>;
}

/** Milliseconds between two looks at the rings: at first, and when nothing has happened for a while. */
const shortestPause = 5;
const longestPause = 50;

/** A turn that brought as much as this is followed by the next one without a pause. */
const plenty = 1024;

class RunningWatch<Item> implements Watch<Item> {
    readonly #session: WatchSession;
    readonly #signal: AbortSignal | undefined;
    readonly #items: AsyncGenerator<Item, void, undefined>;
    #closed = false;
    #wake: (() => void) | undefined;
    readonly #onAbort = (): void => {
        this.#session.close();
        this.#wake?.();
    };

    constructor(options: WatchOptions, split: (batch: RecordBatch) => Iterable<Item>) {
        this.#signal = options.signal;
        this.#signal?.throwIfAborted();
        this.#session = new WatchSession({
            processes: options.processes,
            ownProcess: options.ownProcess ?? false,
            wanted: new WantedRecords("watch", options),
            onNotice: options.onNotice,
        });
        this.#signal?.addEventListener("abort", this.#onAbort, { once: true });
        this.#items = this.#run(split);
    }

    [Symbol.asyncIterator](): AsyncIterator<Item, void, undefined> {
        return this.#items;
    }

    stop(): void {
        this.#session.stop();
        this.#wake?.();
    }

    close(): Promise<void> {
        this.#closed = true;
        this.#signal?.removeEventListener("abort", this.#onAbort);
        this.#session.close();
        this.#wake?.();
        return Promise.resolve();
    }

    [Symbol.asyncDispose](): Promise<void> {
        return this.close();
    }

    async *#run(split: (batch: RecordBatch) => Iterable<Item>): AsyncGenerator<Item, void, undefined> {
        try {
            let pause = shortestPause;
            await this.#pause(1); // the clocks need two samples that differ
            while (!this.#closed && !this.#session.finished) {
                this.#signal?.throwIfAborted();
                let records = 0;
                for (const batch of this.#session.turn()) {
                    records += batch.length + 1;
                    for (const item of split(batch)) {
                        yield item;
                        this.#signal?.throwIfAborted();
                        if (this.#closed) {
                            return;
                        }
                    }
                }
                pause = records > 0 ? shortestPause : Math.min(pause * 2, longestPause);
                // Always through the event loop: records that come without end must not keep out everything else.
                await this.#pause(records >= plenty ? 0 : pause);
            }
            if (!this.#closed) {
                this.#signal?.throwIfAborted();
            }
        } finally {
            await this.close();
        }
    }

    /** Waits that many milliseconds (0: one turn of the event loop), or until something wakes it. */
    #pause(milliseconds: number): Promise<void> {
        if (this.#closed || this.#signal?.aborted === true) {
            return Promise.resolve();
        }
        return new Promise((resolve) => {
            const immediate = milliseconds === 0 ? setImmediate(() => this.#wake?.()) : undefined;
            const timer = milliseconds === 0 ? undefined : setTimeout(() => this.#wake?.(), milliseconds);
            this.#wake = () => {
                this.#wake = undefined;
                clearImmediate(immediate);
                clearTimeout(timer);
                resolve();
            };
        });
    }
}

function checkOptions(caller: string, options: WatchOptions): void {
    if (typeof options !== "object" || options === null) {
        throw new TypeError(`${caller}: options must be an object`);
    }
    refuseUnknownOptions(caller, options, ["signal", "processes", "ownProcess", "calls", "program", "onNotice"]);
    if (options.signal !== undefined && !(options.signal instanceof AbortSignal)) {
        throw new TypeError(`${caller}: signal must be an AbortSignal`);
    }
    if (options.processes !== undefined && typeof options.processes.has !== "function") {
        throw new TypeError(`${caller}: processes must have a method has({ pid, startTime })`);
    }
    if (options.ownProcess !== undefined && typeof options.ownProcess !== "boolean") {
        throw new TypeError(`${caller}: ownProcess must be a boolean`);
    }
    if (options.onNotice !== undefined && typeof options.onNotice !== "function") {
        throw new TypeError(`${caller}: onNotice must be a function`);
    }
}

/** A batch as `watch()` tells it: what was lost came before what follows. */
export function* toRecords(batch: RecordBatch): Generator<WatchRecord, void, undefined> {
    if (batch.start !== undefined) {
        yield batch.start;
    }
    if (batch.lost > 0) {
        yield { call: "dropped", pid: batch.process.pid, program: batch.process.program, count: batch.lost };
    }
    yield* batch;
}

/**
 * The Winsock calls of programs, one record per call, written when the call returned. Recording begins before this
 * function returns, so a program that is started next is seen from its first call on. Records of one process come in
 * the order in which its calls returned; processes are not put in order among each other (sort by `time`).
 *
 * Each process begins with a `start` record; records that were overwritten before they could be read are counted by a
 * `dropped` record. For more than some ten thousand calls a second take `watchBatches`.
 *
 * @throws WinsockError ERR_NOT_INSTALLED, ERR_UNSUPPORTED_PLATFORM; the signal's reason if it is aborted already
 *
 * @example
 * for await (const record of watch()) {
 *     console.log(record.call);
 * }
 */
export function watch(options: WatchOptions = {}): Watch<WatchRecord> {
    checkOptions("watch", options);
    return new RunningWatch(options, toRecords);
}

/**
 * The same in batches, for volume: the records of one process as the provider wrote them, decoded one field at a time
 * where they are asked for.
 */
export function watchBatches(options: WatchOptions = {}): Watch<RecordBatch> {
    checkOptions("watchBatches", options);
    return new RunningWatch(options, (batch) => [batch]);
}
