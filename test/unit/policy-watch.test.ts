// What watchers are told of policies: names of verdicts and rules in records, filters, and the table on a terminal.

import * as assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { PassThrough } from "node:stream";
import { showLiveTable } from "#lib/cli/live-table.js";
import { WatchTable } from "#lib/cli/watch-table.js";
import { CounterConverter } from "#lib/hooks/clock.js";
import { RecordBatch } from "#lib/hooks/decode.js";
import { WantedRecords } from "#lib/hooks/record-filter.js";
import { layout, recordFlags, recordSize, type CallRecord, type WatchedProcess } from "#lib/hooks/records.js";
import { RuleNames } from "#lib/hooks/rule-names.js";
import type { Watch } from "#lib/hooks/watch.js";
import { compilePolicy } from "#lib/policy/compile.js";
import { parsePolicy } from "#lib/policy/parse.js";

const watched: WatchedProcess = {
    pid: 7,
    parentPid: 1,
    startTime: 1n,
    program: "C:\\x\\curl.exe",
    bits: 64,
    mode: "active",
};
const clock = new CounterConverter({ counter: 0n, filetime: 116_444_736_000_000_000n, hertz: 10_000_000 });

/** Raw records of these calls, by number. */
function rawOf(calls: readonly number[], { verdict = 0, rule = 0, generation = 0 } = {}): Uint8Array {
    const raw = Buffer.alloc(recordSize * calls.length);
    calls.forEach((call, index) => {
        const at = index * recordSize;
        raw.writeUInt16LE(call, at + layout.call);
        raw.writeUInt16LE(verdict === 0 ? 0 : recordFlags.hasVerdict, at + layout.flags);
        raw.writeUInt32LE(verdict, at + layout.verdict);
        raw.writeUInt32LE(rule, at + layout.rule);
        raw.writeUInt32LE(generation, at + layout.generation);
    });
    return raw;
}
const record = (fields: Partial<CallRecord>): CallRecord => ({
    time: "2026-01-01T00:00:00.000000Z",
    pid: 7,
    program: "C:\\x\\curl.exe",
    call: "WSPConnect",
    durationNs: 1000,
    ...fields,
});

describe("watch: verdicts and rules by name", () => {
    let folder: string;
    before(() => {
        folder = mkdtempSync(path.join(tmpdir(), "winsock-spi-names-"));
        const policy = parsePolicy(
            '{"version":1,"rules":[{"name":"no telemetry","then":"deny"},{"name":"ün","then":"allow"}]}',
        );
        const image = compilePolicy(policy, { generation: 5 });
        writeFileSync(path.join(folder, "policy-5.bin"), image);
        image[image.length - 100] = (image[image.length - 100] ?? 0) ^ 1;
        writeFileSync(path.join(folder, "policy-6.bin"), image);
    });
    after(() => rmSync(folder, { recursive: true, force: true }));

    const decode = (fields: { verdict: number; rule: number; generation: number }) => {
        const { verdict, rule } = new RecordBatch({
            process: watched,
            raw: rawOf([8], fields),
            clock,
            ruleName: new RuleNames(folder).find,
        }).record(0);
        return [verdict, rule];
    };
    it("of the policy that decided", () => {
        assert.deepEqual(decode({ verdict: 2, rule: 1, generation: 5 }), ["deny", "no telemetry"]);
        assert.deepEqual(decode({ verdict: 1, rule: 2, generation: 5 }), ["allow", "ün"]);
        assert.deepEqual(decode({ verdict: 1, rule: 0, generation: 5 }), ["allow", 0]);
    });
    it("as numbers where the policy is gone, damaged, or has no such rule", () => {
        assert.deepEqual(decode({ verdict: 3, rule: 9, generation: 5 }), ["redirect", 9]);
        assert.deepEqual(decode({ verdict: 4, rule: 1, generation: 6 }), ["relay", 1]);
        assert.deepEqual(decode({ verdict: 99, rule: 1, generation: 0xffff_ffff }), [99, 1]);
    });
});

describe("watch: filters", () => {
    const calls = (filter: ConstructorParameters<typeof WantedRecords>[1], given: readonly number[]): string[] => {
        const raw = new WantedRecords("watch", filter).select(rawOf(given));
        return Array.from(new RecordBatch({ process: watched, raw, clock }), ({ call }) => call);
    };
    it("by call, by name or by what it does", () => {
        assert.deepEqual(calls({}, [8, 20, 65]), ["WSPConnect", "WSPRecv", "ConnectEx"]);
        assert.deepEqual(calls({ calls: "connect" }, [8, 20, 65]), ["WSPConnect", "ConnectEx"]);
        assert.deepEqual(calls({ calls: ["wsprecv", "bind"] }, [8, 20, 65, 4]), ["WSPRecv", "WSPBind"]);
    });
    it("by program", () => {
        const wants = (program: string | string[]) =>
            new WantedRecords("watch", { program }).hasProgram("C:\\x\\Curl.exe");
        assert.deepEqual(
            [wants("curl.exe"), wants("*.EXE"), wants("C:/x/*"), wants("c:\\y\\*"), wants(["a", "curl*"])],
            [true, true, true, false, true],
        );
    });
    it("refuse what is none", () => {
        for (const wrong of [
            { calls: "WSPConect" },
            { calls: [] },
            { program: "" },
            { program: 7 as unknown as string },
        ]) {
            assert.throws(() => new WantedRecords("watch", wrong), TypeError, JSON.stringify(wrong));
        }
    });
});

describe("watch: the table on a terminal", () => {
    const size = { rows: 10, columns: 150 };
    const filled = (): WatchTable => {
        const table = new WatchTable();
        table.add(record({ remote: "1.2.3.4:443", verdict: "deny", rule: "no telemetry", error: "WSAEACCES" }));
        table.add(
            record({
                remote: "1.2.3.4:443",
                verdict: "deny",
                rule: "no telemetry",
                error: "WSAEACCES",
                durationNs: 3000,
            }),
        );
        table.add(record({ call: "WSPSend", bytes: 70_000, program: "C:\\x\\a.exe" }));
        table.add({ call: "dropped", pid: 7, program: "x", count: 3 });
        return table;
    };
    const programs = (table: WatchTable): string[] =>
        table
            .lines(size)
            .slice(2)
            .map((line) => line.split(" ")[0] ?? "");

    it("has a line for each program, call, remote end and verdict", () => {
        const [status, head, ...rows] = filled().lines(size);
        assert.match(status ?? "", /^3 calls, 3 lost /);
        assert.match(head ?? "", /^PROGRAM .* VERDICT +REMOTE$/);
        assert.deepEqual(
            rows.map((row) => row.replace(/ +/g, " ")),
            [
                "a.exe 7 WSPSend 1 70k 1.0 us 1.0 us ok",
                "curl.exe 7 WSPConnect 2 0 2.0 us 3.0 us WSAEACCES deny no telemetry 1.2.3.4:443",
            ],
        );
    });
    it("sorts, halts and filters by keys", () => {
        const table = filled();
        assert.deepEqual(programs(table), ["a.exe", "curl.exe"]);
        table.key("c", size);
        assert.deepEqual(programs(table), ["curl.exe", "a.exe"]);
        table.key(" ", size);
        table.add(record({ program: "new.exe" }));
        assert.deepEqual(programs(table), ["curl.exe", "a.exe"]);
        assert.match(table.lines(size)[0] ?? "", /^PAUSED {2}4 calls/);
        table.key(" ", size);
        assert.deepEqual(programs(table).sort(), ["a.exe", "curl.exe", "new.exe"]);
        for (const key of ["/", "q", "\u007f", "t", "e", "l", "e", "m", "\r"]) {
            assert.equal(table.key(key, size), undefined);
        }
        assert.deepEqual(programs(table), ["curl.exe"]);
        assert.equal(table.key("q", size), "quit");
        assert.equal(table.key("\u0003", size), "quit");
    });
    it("never is wider or longer than the screen, and never steers it", () => {
        const table = new WatchTable();
        for (let count = 0; count < 6000; count++) {
            table.add(
                record({ pid: count, program: `C:\\${"\u001b[2J".repeat(20)}.exe`, rule: "\u0007r", verdict: "deny" }),
            );
        }
        const lines = table.lines({ rows: 5, columns: 60 });
        assert.equal(lines.length, 5);
        assert.ok(lines.every((line) => line.length <= 60 && !/[\u0000-\u001f]/.test(line)));
    });
    it("is painted until a key ends it, and leaves the terminal as it was", async () => {
        const [input, output] = [new PassThrough(), new PassThrough()];
        const raw: boolean[] = [];
        const terminal = {
            input: Object.assign(input, { setRawMode: (on: boolean) => raw.push(on), isRaw: false }),
            output: Object.assign(output, { rows: 10, columns: 120 }),
        };
        let stop = (): void => undefined;
        const stopped = new Promise<void>((resolve) => (stop = resolve));
        const batches: Watch<RecordBatch> = {
            async *[Symbol.asyncIterator]() {
                yield new RecordBatch({ process: watched, raw: rawOf([8]), clock });
                await stopped;
            },
            stop: () => stop(),
            close: () => {
                stop();
                return Promise.resolve();
            },
            [Symbol.asyncDispose]: () => Promise.resolve(),
        };
        const shown = showLiveTable(batches, terminal);
        input.write("q");
        await shown;
        output.end();
        let text = "";
        for await (const chunk of output) {
            text += String(chunk);
        }
        assert.deepEqual(raw, [true, false]);
        assert.match(text, /curl\.exe/);
        assert.ok(text.startsWith("\u001b[?1049h") && text.endsWith("\u001b[?1049l"));
    });
});
