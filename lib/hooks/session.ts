/**
 * One watcher at work: it holds the watching word, finds the rings of processes, reads each in its turn, and takes
 * away the rings of processes that have ended. `turn()` never waits and does a bounded amount of work, whatever is in
 * the rings.
 */
import { WinsockError } from "../errors.js";
import { native } from "../native.js";
import type { ControlHandle, NativeBinding, RingReader } from "../native.js";
import { dataFolder } from "../provider/layout.js";
import { Calibration } from "./clock.js";
import type { ClockKind } from "./clock.js";
import { RecordBatch } from "./decode.js";
import { recordSize, type StartRecord, type WatchedProcess } from "./records.js";
import type { WantedRecords } from "./record-filter.js";
import { RuleNames } from "./rule-names.js";
import { nextRingName, parseRingName } from "./ring-names.js";
import type { ProcessIdentity } from "./ring-names.js";

/** Something that the watcher could not do, and goes on without. */
export interface WatchNotice {
    /**
     * `ERR_RINGS_NOT_LISTED`: this user may only see processes that it may open, not those of others.
     * `ERR_RING_IGNORED`: the ring of one process is unreadable; told once per ring.
     */
    readonly code: "ERR_RINGS_NOT_LISTED" | "ERR_RING_IGNORED";
    readonly message: string;
}

/** Says which processes a watcher wants; `ProcessTree` is one. */
export interface ProcessFilter {
    /** Whether this process is to be watched. Asked once for each. */
    has(process: ProcessIdentity): boolean;
}

export interface SessionOptions {
    readonly processes: ProcessFilter | undefined;
    readonly ownProcess: boolean;
    readonly wanted: WantedRecords;
    readonly onNotice: ((notice: WatchNotice) => void) | undefined;
}

/** Records taken from all rings in one turn, and from one of them at least and at most. */
const recordsPerTurn = 32768;
const leastPerRing = 4096;
const mostPerRing = 16384;

/** A listing of a folder is cheap, asking every process is not. Milliseconds between two. */
const listInterval = 5;
const enumerateInterval = 100;

/** How long a ring may stay unfinished before it is given up, in milliseconds. */
const makingPatience = 2000;

/** How long other watchers have to read the ring of a process that has ended, in milliseconds. */
const othersPatience = 5000;
const sweepInterval = 1000;

/** After `stop()`: how long a ring may promise records and give none, in milliseconds. */
const drainPatience = 200;

const noRecords = new Uint8Array(0);

interface Ring {
    readonly name: string;
    readonly reader: RingReader;
    readonly process: WatchedProcess;
    readonly clock: ClockKind;
    readonly recordCount: number;
    start: StartRecord | undefined;
    /** After `stop()`: how many records may still be read, and since when none came. */
    remaining: number;
    quietSince: number | undefined;
}

function describe(header: NonNullable<RingReader["header"]>): WatchedProcess {
    return {
        pid: header.pid,
        parentPid: header.parentPid,
        startTime: header.processStart,
        program: header.program,
        bits: header.bits,
        mode: header.mode,
        ...(header.reason !== "" && { reason: header.reason }),
        ...(header.providerVersion !== 0 && { version: versionText(header.providerVersion) }),
    };
}

function versionText(version: number): string {
    return `${version >>> 16}.${(version >>> 8) & 0xff}.${version & 0xff}`;
}

function startRecord({ pid, program, bits, mode, reason, version }: WatchedProcess): StartRecord {
    return {
        call: "start",
        pid,
        program,
        bits,
        mode,
        ...(reason !== undefined && { reason }),
        ...(version !== undefined && { version }),
    };
}

export class WatchSession {
    readonly #native: NativeBinding;
    readonly #control: ControlHandle;
    readonly #options: SessionOptions;
    readonly #calibration: Calibration;
    readonly #ruleNames: RuleNames;
    readonly #rings = new Map<string, Ring>();
    /** Rings that are not read: foreign, own, faulty. */
    readonly #ignored = new Set<string>();
    /** Rings found unfinished, and when. */
    readonly #unfinished = new Map<string, number>();
    /** Processes whose rings we cannot read, until that is told. */
    readonly #unobserved: WatchedProcess[] = [];
    /** Rings read to their end whose process has ended, and when that was noticed. */
    readonly #retired = new Map<string, number>();
    #listed = 0;
    #swept = 0;
    #limited = false;
    #stopping = false;
    #closed = false;

    /** Starts to watch: from here on processes record. Throws ERR_NOT_INSTALLED, ERR_UNSUPPORTED_PLATFORM. */
    constructor(options: SessionOptions) {
        this.#options = options;
        this.#native = native();
        this.#control = this.#native.openControl();
        this.#ruleNames = new RuleNames(dataFolder(this.#native.machine().programData));
        try {
            this.#calibration = new Calibration(this.#control.clock());
            this.#sweepAll();
            // What stands in rings before this moment was recorded for other watchers.
            for (const name of this.#names()) {
                this.#take(name, { fromNow: true });
            }
            this.#control.setWatching(true);
        } catch (error) {
            this.close();
            throw error;
        }
    }

    /** Nothing more will come: closed, or stopped and read to the end. */
    get finished(): boolean {
        return this.#closed || (this.#stopping && this.#rings.size === 0 && this.#unobserved.length === 0);
    }

    /** One look at everything. Returns what is new, in order per process. */
    turn(): RecordBatch[] {
        if (this.#closed) {
            return [];
        }
        this.#control.keep();
        const now = performance.now();
        if (!this.#stopping && now - this.#listed >= (this.#limited ? enumerateInterval : listInterval)) {
            this.#look(now);
        }
        if (now - this.#swept >= sweepInterval) {
            this.#swept = now;
            this.#sweepRetired(now);
        }
        this.#calibration.update(this.#control.clock());
        const batches = this.#tellUnobserved();
        let room = recordsPerTurn;
        const share = Math.min(mostPerRing, Math.max(leastPerRing, Math.floor(recordsPerTurn / this.#rings.size)));
        for (const ring of [...this.#rings.values()]) {
            if (room <= 0) {
                break;
            }
            const batch = this.#read(ring, Math.min(room, share), now);
            if (batch !== undefined) {
                batches.push(batch);
                room -= batch.length;
            }
            if (this.#rings.delete(ring.name)) {
                this.#rings.set(ring.name, ring); // who was served goes to the end of the queue
            }
        }
        return batches;
    }

    #tellUnobserved(): RecordBatch[] {
        const clock = this.#calibration.converter("qpc");
        return clock === undefined
            ? []
            : this.#unobserved
                  .splice(0)
                  .map((process) => new RecordBatch({ process, raw: noRecords, clock, start: startRecord(process) }));
    }

    /** From now on only what has been recorded until now is read; then the session is `finished`. */
    stop(): void {
        if (this.#stopping || this.#closed) {
            return;
        }
        this.#look(performance.now());
        this.#stopping = true;
        for (const ring of this.#rings.values()) {
            ring.remaining = ring.recordCount;
        }
    }

    /** Stops watching and lets go of everything. May be called again. */
    close(): void {
        if (this.#closed) {
            return;
        }
        this.#closed = true;
        for (const ring of this.#rings.values()) {
            ring.reader.close();
        }
        this.#rings.clear();
        this.#control.setWatching(false);
        this.#sweepAll();
        this.#control.close();
    }

    #names(): string[] {
        const listed = this.#limited ? undefined : this.#native.listRings();
        if (listed !== undefined) {
            return listed;
        }
        if (!this.#limited) {
            this.#limited = true;
            this.#options.onNotice?.({
                code: "ERR_RINGS_NOT_LISTED",
                message: "without administrator rights only the processes of this user are seen",
            });
        }
        const names = this.#native.listProcessRings();
        const second = [...this.#rings.keys()].flatMap((name) => nextRingName(name) ?? []);
        return [...names, ...second];
    }

    #look(now: number): void {
        this.#listed = now;
        const names = this.#names();
        for (const name of names) {
            this.#take(name, { fromNow: false });
        }
        if (this.#ignored.size + this.#unfinished.size > 2 * names.length + 64) {
            const present = new Set(names);
            for (const known of [this.#ignored, this.#unfinished]) {
                for (const name of known.keys()) {
                    if (!present.has(name)) {
                        known.delete(name);
                    }
                }
            }
        }
    }

    /** Begins to read the ring of that name, unless it is known or none of ours. */
    #take(name: string, { fromNow }: { fromNow: boolean }): void {
        if (this.#rings.has(name) || this.#ignored.has(name) || this.#retired.has(name)) {
            return;
        }
        const identity = parseRingName(name);
        if (identity === undefined || !this.#wants(identity)) {
            this.#ignored.add(name);
            return;
        }
        let reader: RingReader;
        try {
            reader = this.#native.openRing(name);
        } catch (error) {
            const { code, message } = error as WinsockError;
            if (code === "ERROR_FILE_INVALID") {
                this.#putOff(name, message);
            } else if (code !== "ERROR_FILE_NOT_FOUND") {
                this.#ignore(name, message);
            }
            return;
        }
        if (reader.header === undefined) {
            reader.close();
            if (reader.owner !== undefined) {
                this.#ignored.add(name);
                if (!fromNow || reader.isWriterAlive()) {
                    const { program, bits } = reader.owner;
                    const reason = reader.fault;
                    if (!this.#options.wanted.hasProgram(program)) {
                        return;
                    }
                    this.#unobserved.push({ ...identity, parentPid: 0, program, bits, mode: "unobserved", reason });
                }
            } else if (reader.ready) {
                this.#ignore(name, reader.fault);
            } else {
                this.#putOff(name, reader.fault);
            }
            return;
        }
        if ((fromNow && !reader.isWriterAlive()) || !this.#options.wanted.hasProgram(reader.header.program)) {
            reader.close();
            this.#ignored.add(name);
            return;
        }
        if (fromNow) {
            reader.seekToEnd();
        }
        this.#unfinished.delete(name);
        const process = describe(reader.header);
        this.#rings.set(name, {
            name,
            reader,
            process,
            clock: reader.header.clock,
            recordCount: reader.header.recordCount,
            start: startRecord(process),
            remaining: Number.POSITIVE_INFINITY,
            quietSince: undefined,
        });
    }

    #wants(identity: ProcessIdentity): boolean {
        if (identity.pid === process.pid && !this.#options.ownProcess) {
            return false;
        }
        return this.#options.processes === undefined || this.#options.processes.has(identity);
    }

    #putOff(name: string, reason: string): void {
        const now = performance.now();
        const since = this.#unfinished.get(name) ?? now;
        this.#unfinished.set(name, since);
        if (now - since > makingPatience) {
            this.#unfinished.delete(name);
            this.#ignore(name, reason);
        }
    }

    #ignore(name: string, reason: string): void {
        this.#ignored.add(name);
        this.#options.onNotice?.({ code: "ERR_RING_IGNORED", message: `the ring ${name} cannot be read: ${reason}` });
    }

    #read(ring: Ring, max: number, now: number): RecordBatch | undefined {
        const clock = this.#calibration.converter(ring.clock);
        if (clock === undefined) {
            return undefined; // no second sample yet
        }
        const read = ring.reader.read(Math.min(max, ring.remaining));
        if (read === undefined && ring.start === undefined) {
            ring.quietSince ??= now;
            const alive = ring.reader.isWriterAlive(); // before waiting(): what it wrote before its end counts
            const drained = !ring.reader.waiting() || ring.remaining <= 0 || now - ring.quietSince > drainPatience;
            if (drained && (!alive || this.#stopping)) {
                this.#retire(ring, { alive, now });
            }
            return undefined;
        }
        ring.quietSince = undefined;
        const batch = new RecordBatch({
            process: ring.process,
            raw: read === undefined ? noRecords : this.#options.wanted.select(read.records),
            lost: Number(read?.lost ?? 0n),
            clock,
            ruleName: this.#ruleNames.find,
            ...(ring.start !== undefined && { start: ring.start }),
        });
        ring.start = undefined;
        // A read that brought only losses counts too, or a scribbling process could keep a stopped watch from ending.
        const taken = (read?.records.length ?? 0) / recordSize;
        ring.remaining = Math.max(0, ring.remaining - (taken > 0 ? taken : leastPerRing));
        return batch;
    }

    #retire(ring: Ring, { alive, now }: { alive: boolean; now: number }): void {
        ring.reader.close();
        this.#rings.delete(ring.name);
        if (!alive) {
            this.#retired.set(ring.name, now);
            this.#sweepRetired(now);
        }
    }

    /** A ring goes when its process has ended and no other watcher can still want it. */
    #sweepRetired(now: number): void {
        if (this.#retired.size === 0) {
            return;
        }
        const others = this.#control.others();
        for (const [name, since] of this.#retired) {
            if ((!others || now - since > othersPatience) && this.#native.removeRing(name)) {
                this.#retired.delete(name);
            }
        }
    }

    /** Rings that earlier watchers left behind: no live watcher wants the ring of a process that has ended before. */
    #sweepAll(): void {
        if (this.#control.others()) {
            return;
        }
        for (const name of this.#native.listRings() ?? []) {
            this.#native.removeRing(name);
        }
    }
}
