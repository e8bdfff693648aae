// What `hold` makes of its command line, and when it starts its program again.
import assert from "node:assert/strict";
import { type KeepRunningOptions, keepRunning } from "#lib/cli/keep-running.js";
import { socketsHead, toSocketLine } from "#lib/cli/socket-lines.js";
import { formatListenAddress, parseListenAddress } from "#lib/cli/listen-address.js";

describe("share: hold, addresses", () => {
    const good: [string, string, number][] = [
        ["8080", "127.0.0.1", 8080],
        ["0", "127.0.0.1", 0],
        ["localhost:80", "127.0.0.1", 80],
        ["LOCALHOST:80", "127.0.0.1", 80],
        ["0.0.0.0:65535", "0.0.0.0", 65535],
        ["[::1]:9090", "::1", 9090],
        ["[::]:1", "::", 1],
    ];
    for (const [text, host, port] of good) {
        it(`takes ${text} for ${host} and port ${port}`, () => {
            const address = parseListenAddress(text);
            assert.deepEqual(address, { host, port });
            assert.deepEqual(parseListenAddress(formatListenAddress(address)), address);
        });
    }

    const bad = [
        "",
        ":8080",
        "8080:",
        "host:80",
        "65536",
        "-1",
        "1.5",
        "::1:80",
        "[::1]",
        "[127.0.0.1]:80",
        "127.0.0.1",
        "1.2.3.4.5:6",
        "[::1]80",
        " 80",
        "80 ",
        "127.0.0.1:80:90",
        "0x50",
    ];
    for (const text of bad) {
        it(`refuses "${text}"`, () => assert.equal(parseListenAddress(text), undefined));
    }
});

interface Run {
    code: number;
    /** How long it ran, in milliseconds. */
    time: number;
}

/** Plays runs one after the other on a clock of its own; Ctrl-C during the run or the pause with that index. */
async function play(
    restart: KeepRunningOptions["restart"],
    runs: Run[],
    stopIn: { run?: number; pause?: number } = {},
): Promise<{ code: number; started: number; pauses: number[]; told: [number, number][] }> {
    const stop = new AbortController();
    const pauses: number[] = [];
    const told: [number, number][] = [];
    let clock = 0;
    let started = 0;
    const code = await keepRunning({
        restart,
        stop: stop.signal,
        now: () => clock,
        run: () => {
            const run = runs[started]!;
            if (started === stopIn.run) {
                stop.abort();
            }
            started += 1;
            clock += run.time;
            return Promise.resolve(run.code);
        },
        pause: (milliseconds) => {
            if (pauses.length === stopIn.pause) {
                stop.abort();
            }
            pauses.push(milliseconds);
            clock += milliseconds;
            return Promise.resolve();
        },
        onRestart: (...what) => told.push(what),
    });
    return { code, started, pauses, told };
}

describe("share: hold, restarts", () => {
    const short = (code: number): Run => ({ code, time: 10 });

    it("never: the exit code of the only run", async () => {
        assert.deepEqual(await play("never", [short(7)]), { code: 7, started: 1, pauses: [], told: [] });
    });

    it("on-failure: until it ends well", async () => {
        const { code, started, told } = await play("on-failure", [short(1), short(3), short(0)]);
        assert.equal(code, 0);
        assert.equal(started, 3);
        assert.deepEqual(
            told.map(([failed]) => failed),
            [1, 3],
        );
    });

    it("always: until it is stopped, by then with the exit code of that run", async () => {
        const { code, started } = await play("always", [short(0), short(0), short(5), short(9)], { run: 2 });
        assert.equal(code, 5);
        assert.equal(started, 3);
    });

    it("does not start again what is stopped during a pause", async () => {
        const { code, started } = await play("always", [short(2), short(4), short(0)], { pause: 1 });
        assert.equal(code, 4);
        assert.equal(started, 2);
    });

    it("waits longer each time, up to 10 s, until a run lasted", async () => {
        const failures = Array.from({ length: 9 }, () => short(1));
        const { pauses } = await play("on-failure", [...failures, { code: 1, time: 5000 }, short(0)]);
        assert.deepEqual(pauses, [100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000, 100]);
    });
});

describe("share: sockets, what is printed", () => {
    it("is one line per socket under its head", () => {
        const loopback = (port: number): { address: string; family: string; port: number } => ({
            address: "127.0.0.1",
            family: "IPv4",
            port,
        });
        const common = { handle: 0x1a4, listening: false, family: "IPv4" } as const;
        const columns = (line: string): string[] => line.split(/ {2,}/);
        assert.deepEqual(columns(socketsHead), ["HANDLE", "PROTOCOL", "KIND", "ADDRESS"]);
        assert.deepEqual(
            columns(
                toSocketLine({ ...common, protocol: 6, kind: "connected", local: loopback(1), remote: loopback(2) }),
            ),
            ["0x1a4", "tcp", "connected", "127.0.0.1:1 -> 127.0.0.1:2"],
        );
        const six = { address: "::1", family: "IPv6", port: 3 };
        assert.deepEqual(
            columns(toSocketLine({ ...common, family: "IPv6", protocol: 17, kind: "datagram", local: six })),
            ["0x1a4", "udp", "datagram", "[::1]:3"],
        );
        assert.deepEqual(columns(toSocketLine({ ...common, family: 1, protocol: 0, kind: "unconnected" })), [
            "0x1a4",
            "family 1",
            "unconnected",
        ]);
    });
});
