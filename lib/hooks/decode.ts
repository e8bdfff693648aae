/**
 * Raw 128-byte records to values. A batch keeps the bytes as the provider wrote them and decodes only what is asked
 * for, so that counting a million calls costs no million objects. Pure: whatever the bytes are, decoding ends and
 * throws nothing; a scribbling process gets nonsense of its own into its own records and no further.
 */
import { errorName } from "../error-names.js";
import { formatAddress } from "./address.js";
import { formatTime } from "./clock.js";
import type { CounterConverter } from "./clock.js";
import {
    extensionCalls,
    firstExtensionCall,
    layout,
    providerCalls,
    recordFlags,
    recordSize,
    verdictNames,
} from "./records.js";
import type { CallName, CallRecord, StartRecord, WatchedProcess } from "./records.js";

/** Name of a rule of a policy's generation, if it can be known. */
export type RuleNameLookup = (generation: number, rule: number) => string | undefined;

type Writable<Shape> = { -readonly [Field in keyof Shape]: Shape[Field] };

/** INVALID_SOCKET of 64-bit and of 32-bit programs. */
const invalidSocket64 = 0xffff_ffff_ffff_ffffn;
const invalidSocket32 = 0xffff_ffffn;

/** The name of a call number. */
export function callName(number: number): CallName {
    return providerCalls[number - 1] ?? extensionCalls[number - firstExtensionCall] ?? `unknown(${number})`;
}

/**
 * Records of one process, in the order in which the calls returned there. Indices count from 0 to `length - 1`; the
 * single-field methods make no objects.
 */
export class RecordBatch implements Iterable<CallRecord> {
    /** The process that made the calls. */
    readonly process: WatchedProcess;
    /** Set on the first batch of a process, which may have no records. */
    readonly start: StartRecord | undefined;
    /** How many records were lost between the previous batch of this process and this one. */
    readonly lost: number;
    /** Number of records. */
    readonly length: number;
    /** The records as the provider wrote them, 128 bytes each; validated: whole, consecutive, none torn. */
    readonly raw: Uint8Array;
    readonly #view: DataView;
    readonly #clock: CounterConverter;
    readonly #ruleName: RuleNameLookup | undefined;

    constructor({
        process,
        raw,
        clock,
        lost = 0,
        start,
        ruleName,
    }: {
        process: WatchedProcess;
        raw: Uint8Array;
        clock: CounterConverter;
        lost?: number;
        start?: StartRecord;
        ruleName?: RuleNameLookup;
    }) {
        if (raw.byteLength % recordSize !== 0) {
            throw new TypeError(`raw records are ${recordSize} bytes each; ${raw.byteLength} bytes are not whole ones`);
        }
        this.process = process;
        this.start = start;
        this.lost = lost;
        this.raw = raw;
        this.length = raw.byteLength / recordSize;
        this.#view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
        this.#clock = clock;
        this.#ruleName = ruleName;
    }

    /** Number of the call in native/core/ring_format.hpp; `callName` names it. */
    callNumber(index: number): number {
        return this.#view.getUint16(this.#at(index) + layout.call, true);
    }

    /** Which function was called. */
    call(index: number): CallName {
        return callName(this.callNumber(index));
    }

    /** Flag bits, see `recordFlags`. */
    flags(index: number): number {
        return this.#view.getUint16(this.#at(index) + layout.flags, true);
    }

    /** The SOCKET, or undefined where the call has none or made none. */
    socket(index: number): bigint | undefined {
        const socket = this.#view.getBigUint64(this.#at(index) + layout.socket, true);
        const invalid = this.process.bits === 32 ? invalidSocket32 : invalidSocket64;
        return socket === 0n || socket === invalid ? undefined : socket;
    }

    /** Sum of the buffers in bytes, or undefined where it does not apply. */
    requested(index: number): number | undefined {
        return this.#counted(index, recordFlags.hasRequested, layout.requested);
    }

    /** Bytes done, or undefined where the provider reported none. */
    bytes(index: number): number | undefined {
        return this.#counted(index, recordFlags.hasBytes, layout.bytes);
    }

    /** Winsock's error number; 0 if the call succeeded or pended. */
    errno(index: number): number {
        return this.#view.getUint32(this.#at(index) + layout.error, true);
    }

    /** When the call began, in microseconds since 1970. */
    unixMicroseconds(index: number): number {
        const at = this.#at(index) + layout.begin;
        return this.#clock.unixMicroseconds(this.#view.getUint32(at, true), this.#view.getUint32(at + 4, true));
    }

    /** How long the provider below took, in nanoseconds. */
    durationNs(index: number): number {
        const at = this.#at(index) + layout.begin;
        const view = this.#view;
        return this.#clock.durationNs(
            view.getUint32(at, true),
            view.getUint32(at + 4, true),
            view.getUint32(at + 8, true),
            view.getUint32(at + 12, true),
        );
    }

    /** Thread id of the caller. */
    thread(index: number): number {
        return this.#view.getUint32(this.#at(index) + layout.thread, true);
    }

    /** The socket's own address, `127.0.0.1:80`; undefined where the call does not tell. */
    local(index: number): string | undefined {
        return formatAddress(this.#view, this.#at(index) + layout.local);
    }

    /** The other end's address; undefined where the call does not tell. */
    remote(index: number): string | undefined {
        return formatAddress(this.#view, this.#at(index) + layout.remote);
    }

    /** The whole record, decoded. */
    record(index: number): CallRecord {
        const flags = this.flags(index);
        const errno = this.errno(index);
        // Fields are added one by one: this is the hot path of watch(), and spreading costs more than decoding.
        const record: Partial<Writable<CallRecord>> = {
            time: formatTime(this.unixMicroseconds(index)),
            pid: this.process.pid,
            program: this.process.program,
            call: this.call(index),
        };
        const socket = this.socket(index);
        if (socket !== undefined) {
            record.socket = socket;
        }
        const local = this.local(index);
        if (local !== undefined) {
            record.local = local;
        }
        const remote = this.remote(index);
        if (remote !== undefined) {
            record.remote = remote;
        }
        const requested = this.requested(index);
        if (requested !== undefined) {
            record.requested = requested;
        }
        const bytes = this.bytes(index);
        if (bytes !== undefined) {
            record.bytes = bytes;
        }
        if ((flags & recordFlags.pending) !== 0) {
            record.pending = true;
        }
        if ((flags & recordFlags.peek) !== 0) {
            record.peek = true;
        }
        if ((flags & recordFlags.hasVerdict) !== 0) {
            const at = this.#at(index);
            const verdict = this.#view.getUint32(at + layout.verdict, true);
            const rule = this.#view.getUint32(at + layout.rule, true);
            record.verdict = verdictNames[verdict - 1] ?? verdict;
            record.rule =
                rule === 0 ? 0 : (this.#ruleName?.(this.#view.getUint32(at + layout.generation, true), rule) ?? rule);
        }
        if (errno !== 0) {
            record.error = errorName(errno);
        }
        record.durationNs = this.durationNs(index);
        if ((flags & recordFlags.viaAcceptEx) !== 0) {
            record.via = "AcceptEx";
        }
        return record as CallRecord;
    }

    /** All of them as plain objects, one after the other. */
    *[Symbol.iterator](): IterableIterator<CallRecord> {
        for (let index = 0; index < this.length; index++) {
            yield this.record(index);
        }
    }

    #at(index: number): number {
        if (!Number.isInteger(index) || index < 0 || index >= this.length) {
            throw new RangeError(`record ${index} of a batch of ${this.length}`);
        }
        return index * recordSize;
    }

    #counted(index: number, flag: number, offset: number): number | undefined {
        if ((this.flags(index) & flag) === 0) {
            return undefined;
        }
        const at = this.#at(index) + offset;
        return this.#view.getUint32(at, true) + this.#view.getUint32(at + 4, true) * 0x1_0000_0000;
    }
}
