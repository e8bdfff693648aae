// What `watch` prints, and which program it starts.
import assert from "node:assert/strict";
import { findProgram, startLine } from "#lib/cli/find-program.js";
import { formatDuration, tableHead, toJson, toLine } from "#lib/cli/watch-lines.js";

const program = "C:\\programs\\client.exe";
const time = "2026-11-21T01:00:00.000001Z";

describe("watch: what is printed", () => {
    it("is one JSON value per record, sockets as decimal strings", () => {
        const text = toJson({
            time,
            pid: 4711,
            program,
            call: "WSPConnect",
            socket: 412n,
            remote: "127.0.0.1:80",
            error: "WSAECONNREFUSED",
            durationNs: 5,
        });
        assert.equal(
            text,
            '{"time":"2026-11-21T01:00:00.000001Z","pid":4711,"program":"C:\\\\programs\\\\client.exe",' +
                '"call":"WSPConnect","socket":"412","remote":"127.0.0.1:80","error":"WSAECONNREFUSED","durationNs":5}',
        );
        assert.ok(!text.includes("\n"));
    });

    it("is one line per record in a table, without a control character from another process", () => {
        const line = toLine({
            time,
            pid: 4711,
            program: "C:\\a\u001b[2Jb\n.exe",
            call: "WSPSend",
            socket: 412n,
            local: "127.0.0.1:5",
            remote: "127.0.0.1:80",
            requested: 100,
            pending: true,
            durationNs: 12_345,
        });
        assert.deepEqual(line.split(/ {2,}/), [
            "01:00:00.000001",
            "4711",
            "a?[2Jb?.exe",
            "WSPSend",
            "412",
            "-/100",
            "12.3 us",
            "pending",
            "127.0.0.1:5 -> 127.0.0.1:80",
        ]);
        assert.match(toLine({ call: "dropped", pid: 1, program, count: 5 }), /dropped.*5 records lost/);
        const reason = "no\u0007memory";
        const about = { call: "start", pid: 1, program, bits: 32, version: "1.2.3" } as const;
        const start = toLine({ ...about, mode: "pass-through", reason });
        assert.match(start, /start, 32-bit.*pass-through 1\.2\.3: no\?memory/);
        assert.ok(tableHead.startsWith("TIME"));
    });

    it("writes durations in a fitting unit", () => {
        assert.deepEqual([400, 12_345, 999_999, 1_500_000, 2.5e9, 5e12].map(formatDuration), [
            "0.4 us",
            "12.3 us",
            "1.0 ms",
            "1.5 ms",
            "2.5 s",
            "5000.0 s",
        ]);
    });
});

describe("watch: the program to start", () => {
    const files = new Set([
        "C:\\tools\\node.exe",
        "C:\\other\\node.exe",
        "C:\\tools\\npx.cmd",
        "D:\\work\\a.exe",
        "D:\\work\\sub\\b.exe",
        "D:\\work\\plain",
    ]);
    const search = {
        environment: { Path: '"C:\\missing";C:\\tools;relative;C:\\other' },
        folder: "D:\\work",
        isFile: (file: string) => files.has(file),
    };
    const cases: [string, string | undefined][] = [
        ["node", "C:\\tools\\node.exe"],
        ["node.exe", "C:\\tools\\node.exe"],
        ["npx", "C:\\tools\\npx.cmd"],
        ["a", undefined],
        [".\\a", "D:\\work\\a.exe"],
        ["sub/b.exe", "D:\\work\\sub\\b.exe"],
        ["C:\\other\\node", "C:\\other\\node.exe"],
        [".\\plain", undefined],
        ["nosuch", undefined],
        ["", undefined],
    ];
    for (const [name, expected] of cases) {
        it(`"${name}" is ${expected ?? "not found"}`, () => {
            assert.equal(findProgram(name, search), expected);
        });
    }

    it("starts a program with its arguments as they are, quoted where they must be", () => {
        const args = ["/c", "x y", '"', "", "a\\", "b c\\", 'd\\"e'];
        const { file, line } = startLine("C:\\a b.exe", args, "C:\\cmd.exe");
        assert.equal(file, "C:\\a b.exe");
        assert.equal(line, '"C:\\a b.exe" /c "x y" "\\"" "" a\\ "b c\\\\" "d\\\\\\"e"');
    });

    it("starts a batch file through cmd.exe, and nothing in an argument is a command", () => {
        const { file, line } = startLine("C:\\t\\npx.cmd", ["a&calc", 'b"c', "%PATH%"], "C:\\cmd.exe");
        assert.equal(file, "C:\\cmd.exe");
        assert.ok(line.startsWith('"C:\\cmd.exe" /d /s /c "'), line);
        assert.ok(!/[^^]&/.test(line), line);
        assert.ok(!/[^^]%/.test(line), line);
    });
});
