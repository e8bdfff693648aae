/**
 * From raw counter reads to time. Providers stamp their records with the processor's time-stamp counter (or with
 * QueryPerformanceCounter where that counter is not invariant) and convert nothing; the reader calibrates: it knows
 * both counters and the system time of one moment, and how fast the counters ran since an earlier one.
 *
 * Pure: samples in, numbers out.
 */

/** The counters of this machine and its system time, read together. */
export interface ClockSample {
    /** The processor's time-stamp counter (RDTSC). */
    readonly tsc: bigint;
    /** QueryPerformanceCounter. */
    readonly qpc: bigint;
    /** QueryPerformanceFrequency: ticks of `qpc` per second. */
    readonly qpcFrequency: bigint;
    /** GetSystemTimePreciseAsFileTime: 100 ns units since 1601-01-01T00:00:00Z. */
    readonly filetime: bigint;
}

/** Which counter a ring's records carry (RingClock of native/core/ring_format.hpp). */
export type ClockKind = "tsc" | "qpc";

/** 1970-01-01 in FILETIME units. */
const unixEpochFiletime = 116_444_736_000_000_000n;

/** Two speeds of one counter that differ by more than this are not the same clock any more (sleep, migration). */
const tolerance = 0.01;

/** The shortest stretch, in seconds, over which a change of speed is believed. */
const shortestBaseline = 0.001;

/** FILETIME to microseconds since 1970, exact to 0.25 microseconds. */
export function filetimeToUnixMicroseconds(filetime: bigint): number {
    return Number(filetime - unixEpochFiletime) / 10;
}

/**
 * Converts raw counter reads of one kind, around the moment of one sample. Counters are given as two 32-bit halves,
 * as they lie in a record, so that converting a record makes no bigint.
 */
export class CounterConverter {
    readonly #low: number;
    readonly #high: number;
    readonly #microseconds: number;
    readonly #perMicrosecond: number;

    /**
     * @param reference.counter  the counter at the moment of the sample
     * @param reference.filetime the system time at that moment
     * @param reference.hertz    counts per second, more than 0
     */
    constructor({ counter, filetime, hertz }: { counter: bigint; filetime: bigint; hertz: number }) {
        this.#low = Number(BigInt.asUintN(32, counter));
        this.#high = Number(BigInt.asUintN(32, counter >> 32n));
        this.#microseconds = filetimeToUnixMicroseconds(filetime);
        this.#perMicrosecond = hertz / 1e6;
    }

    /**
     * Microseconds since 1970 of a counter read. A record cannot have begun after it was read, so later reads (only a
     * scribbling process writes them) count as the moment of the sample; so does a value too old for a date.
     */
    unixMicroseconds(low: number, high: number): number {
        const ticks = (high - this.#high) * 0x1_0000_0000 + (low - this.#low);
        const time = this.#microseconds + ticks / this.#perMicrosecond;
        return ticks < 0 && time >= 0 ? time : this.#microseconds;
    }

    /** Whole nanoseconds between two reads; 0 where the second is not the later one. */
    durationNs(beginLow: number, beginHigh: number, endLow: number, endHigh: number): number {
        const ticks = (endHigh - beginHigh) * 0x1_0000_0000 + (endLow - beginLow);
        return ticks > 0 ? Math.round((ticks * 1000) / this.#perMicrosecond) : 0;
    }
}

function counterSpeed(from: ClockSample, to: ClockSample): number | undefined {
    const ticks = Number(to.tsc - from.tsc);
    const seconds = Number(to.qpc - from.qpc) / Number(to.qpcFrequency);
    return ticks > 0 && seconds > 0 ? ticks / seconds : undefined;
}

/**
 * What is known about this machine's clocks: the latest sample, and an earlier one to measure the speed of the
 * time-stamp counter against. The longer they lie apart, the more exact it gets.
 */
export class Calibration {
    #first: ClockSample;
    #latest: ClockSample;
    #converters: Partial<Record<ClockKind, CounterConverter>> = {};

    /** @param first the first sample; `tsc` times need a second one, at least a millisecond later */
    constructor(first: ClockSample) {
        this.#first = first;
        this.#latest = first;
    }

    /** Takes a later sample. Converters made before keep what they knew. */
    update(sample: ClockSample): void {
        const whole = counterSpeed(this.#first, sample);
        const recent = counterSpeed(this.#latest, sample);
        const seconds = Number(sample.qpc - this.#latest.qpc) / Number(sample.qpcFrequency);
        const jumped =
            whole === undefined ||
            (recent !== undefined && seconds >= shortestBaseline && Math.abs(recent / whole - 1) > tolerance);
        if (jumped) {
            // The counter stood still or began anew (the machine slept): what came before tells nothing about now.
            this.#first = recent === undefined ? sample : this.#latest;
        }
        this.#latest = sample;
        this.#converters = {};
    }

    /** Counts per second of the time-stamp counter, or undefined before two samples have been taken. */
    get tscHertz(): number | undefined {
        return counterSpeed(this.#first, this.#latest);
    }

    /** The converter of the latest sample, or undefined if the counter's speed is not known yet. */
    converter(kind: ClockKind): CounterConverter | undefined {
        const known = this.#converters[kind];
        if (known !== undefined) {
            return known;
        }
        const { tsc, qpc, qpcFrequency, filetime } = this.#latest;
        const hertz = kind === "tsc" ? this.tscHertz : Number(qpcFrequency);
        if (hertz === undefined || !(hertz > 0)) {
            return undefined;
        }
        const made = new CounterConverter({ counter: kind === "tsc" ? tsc : qpc, filetime, hertz });
        this.#converters[kind] = made;
        return made;
    }
}

let cachedSecond = Number.NaN;
let cachedPrefix = "";

/** ISO 8601 in UTC with microseconds: "2026-11-21T01:29:41.123456Z". */
export function formatTime(unixMicroseconds: number): string {
    const whole = Math.floor(unixMicroseconds);
    const second = Math.floor(whole / 1e6);
    if (second !== cachedSecond) {
        cachedPrefix = new Date(second * 1000).toISOString().slice(0, -4);
        cachedSecond = second;
    }
    return `${cachedPrefix}${String(whole - second * 1e6).padStart(6, "0")}Z`;
}
