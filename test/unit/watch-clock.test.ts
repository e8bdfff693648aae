// Raw counters to time, calibrated by samples of the reader.
import assert from "node:assert/strict";
import { Calibration, CounterConverter, filetimeToUnixMicroseconds, formatTime } from "#lib/hooks/clock.js";
import type { ClockSample } from "#lib/hooks/clock.js";

const filetime = 134_396_990_313_717_484n;
const qpcFrequency = 10_000_000n;

/** A machine with a time-stamp counter of `hertz`, `seconds` after its beginning. */
function sample(seconds: number, { hertz = 2.6e9, tscAtZero = 5_969_600_995_347n } = {}): ClockSample {
    return {
        tsc: tscAtZero + BigInt(Math.round(seconds * hertz)),
        qpc: 22_990_852_050n + BigInt(Math.round(seconds * 1e7)),
        qpcFrequency,
        filetime: filetime + BigInt(Math.round(seconds * 1e7)),
    };
}

const halves = (counter: bigint): [number, number] => [Number(counter & 0xffff_ffffn), Number(counter >> 32n)];

describe("watch: clock", () => {
    it("formats UTC with microseconds", () => {
        assert.equal(formatTime(Date.UTC(2026, 10, 21, 1, 2, 3) * 1000 + 7), "2026-11-21T01:02:03.000007Z");
        assert.equal(formatTime(Date.UTC(2026, 10, 21, 1, 2, 3) * 1000 + 999_999.5), "2026-11-21T01:02:03.999999Z");
        assert.equal(formatTime(0), "1970-01-01T00:00:00.000000Z");
    });

    it("agrees with Date about FILETIME", () => {
        const date = Date.UTC(2026, 6, 1, 12);
        assert.equal(filetimeToUnixMicroseconds(BigInt(date) * 10_000n + 116_444_736_000_000_000n), date * 1000);
    });

    it("knows no time-stamp counter before the second sample, but the performance counter at once", () => {
        const calibration = new Calibration(sample(0));
        assert.equal(calibration.converter("tsc"), undefined);
        assert.ok(calibration.converter("qpc"));
        calibration.update(sample(0.01));
        assert.ok(calibration.converter("tsc"));
    });

    it("gives time and duration of a call to the microsecond, for counters of any speed", () => {
        for (const hertz of [1e6, 24e6, 1e9, 2.6e9, 5.8e9]) {
            const calibration = new Calibration(sample(0, { hertz }));
            calibration.update(sample(10, { hertz }));
            const converter = calibration.converter("tsc")!;
            const begin = sample(9.5, { hertz });
            const end = sample(9.75, { hertz });
            const microseconds = converter.unixMicroseconds(...halves(begin.tsc));
            assert.ok(Math.abs(microseconds - filetimeToUnixMicroseconds(begin.filetime)) <= 1.5, `${hertz}`);
            const nanoseconds = converter.durationNs(...halves(begin.tsc), ...halves(end.tsc));
            assert.ok(Math.abs(nanoseconds - 250e6) <= 2000, `${hertz}`);
        }
    });

    it("carries the carry between the halves of a counter", () => {
        const converter = new CounterConverter({ counter: 0x2_0000_0000n, filetime, hertz: 1e9 });
        const before = converter.unixMicroseconds(0xffff_ffff, 1);
        assert.ok(Math.abs(filetimeToUnixMicroseconds(filetime) - before) < 1);
        assert.equal(converter.durationNs(0xffff_fff6, 1, 10, 2), 20);
    });

    it("takes a read after the sample, or before 1970, for the moment of the sample", () => {
        const converter = new CounterConverter({ counter: 1n << 50n, filetime, hertz: 1e6 });
        const now = filetimeToUnixMicroseconds(filetime);
        assert.equal(converter.unixMicroseconds(...halves((1n << 50n) + 5n)), now);
        assert.equal(converter.unixMicroseconds(...halves((1n << 64n) - 1n)), now);
        const slow = new CounterConverter({ counter: 1n << 63n, filetime, hertz: 1 });
        assert.equal(slow.unixMicroseconds(0, 0), now);
    });

    it("has no negative duration", () => {
        const converter = new CounterConverter({ counter: 0n, filetime, hertz: 1e9 });
        assert.equal(converter.durationNs(10, 0, 9, 0), 0);
    });

    it("begins anew when the counter does (the machine slept)", () => {
        const calibration = new Calibration(sample(0));
        calibration.update(sample(1));
        calibration.update(sample(1000, { tscAtZero: -2_590_000_000_000n }));
        calibration.update(sample(1000.01, { tscAtZero: -2_590_000_000_000n }));
        assert.ok(Math.abs(calibration.tscHertz! / 2.6e9 - 1) < 0.001, `${calibration.tscHertz}`);
    });

    it("begins anew when the counter's speed changes (the machine moved)", () => {
        const calibration = new Calibration(sample(0));
        calibration.update(sample(1));
        // From 1 s on it runs at 3.0 GHz.
        const tscAtZero = sample(1).tsc - 3_000_000_000n;
        calibration.update(sample(2, { hertz: 3e9, tscAtZero }));
        calibration.update(sample(3, { hertz: 3e9, tscAtZero }));
        assert.ok(Math.abs(calibration.tscHertz! / 3e9 - 1) < 0.001, `${calibration.tscHertz}`);
    });

    it("is not thrown off by two samples taken almost at once", () => {
        const calibration = new Calibration(sample(0));
        calibration.update(sample(1));
        calibration.update({ ...sample(1.0000004), tsc: sample(1).tsc + 5000n });
        assert.ok(Math.abs(calibration.tscHertz! / 2.6e9 - 1) < 0.001, `${calibration.tscHertz}`);
    });
});
