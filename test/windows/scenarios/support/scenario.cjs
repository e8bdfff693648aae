// What every scenario shares: arguments, one JSON summary as last line, a non-zero exit on any discrepancy, and a
// tally of what this process did with sockets, counted by the program itself and by nobody else.
"use strict";

const assert = require("node:assert/strict");
const { once } = require("node:events");

const loopback = { 4: "127.0.0.1", 6: "::1" };

// The longest any scenario may take; only reached when something hangs.
const watchdogMilliseconds = 240_000;

const tally = {
    pid: process.pid,
    role: "main",
    listened: 0, // server sockets that listened
    connected: 0, // sockets that connected
    accepted: 0, // connections that a server of this process accepted
    adopted: 0, // sockets that came from another process
    datagramSockets: 0,
    bytesWritten: 0, // TCP: what net.Socket counted
    bytesRead: 0,
    datagramsSent: 0,
    datagramBytesSent: 0,
    datagramsReceived: 0,
    datagramBytesReceived: 0,
};

const open = new Set();

// Counts one net.Socket under `kind` ("connected" | "accepted" | "adopted" | undefined for one already counted) and
// adds its bytes when it has closed.
function countSocket(socket, kind) {
    if (kind !== undefined) {
        tally[kind] += 1;
    }
    const closed = once(socket, "close").then(() => {
        tally.bytesWritten += socket.bytesWritten;
        tally.bytesRead += socket.bytesRead;
        open.delete(closed);
    });
    open.add(closed);
    return socket;
}

// Resolves when every counted socket has closed, so that the tally is final.
async function allClosed() {
    while (open.size > 0) {
        await Promise.all(open);
    }
}

async function listen(server, options) {
    server.listen(options);
    await once(server, "listening");
    tally.listened += 1;
    return server.address().port;
}

// Runs N bodies at once and fails with the first that fails.
function times(count, body) {
    return Promise.all(Array.from({ length: count }, (_, index) => body(index)));
}

// "--requests 10 --family 6" over the defaults; every option is a number or a word, as its default is.
function parseArguments(defaults, argv = process.argv.slice(2)) {
    const options = { ...defaults };
    for (let index = 0; index < argv.length; index += 2) {
        const name = argv[index].replace(/^--/, "");
        assert.ok(name in defaults, `unknown option ${argv[index]}`);
        assert.ok(index + 1 < argv.length, `${argv[index]} needs a value`);
        const numeric = typeof defaults[name] === "number";
        options[name] = numeric ? Number(argv[index + 1]) : argv[index + 1];
        assert.ok(!numeric || Number.isSafeInteger(options[name]), `${argv[index]} is no number`);
    }
    return options;
}

function finish(code, value) {
    process.exitCode = code;
    const line = `${JSON.stringify(value)}\n`;
    if (code === 0) {
        process.stdout.write(line); // and end by itself: what keeps the loop alive now is a leak, seen as a hang
    } else {
        process.stdout.write(line, () => process.exit(code));
    }
}

// Runs `body(options)`; its result is an object for the summary, `processes` in it are the tallies of children.
function scenario(name, defaults, body) {
    const about = { scenario: name, node: process.version, arch: process.arch };
    let finished = false;
    const fail = (error) => {
        finished = true;
        finish(1, { ...about, ok: false, error: String(error?.stack ?? error) });
    };
    const late = () => fail(new Error("still running after the longest time allowed"));
    const watchdog = setTimeout(late, watchdogMilliseconds);
    process.on("exit", () => {
        if (!finished) {
            process.exitCode = 1; // the event loop ran empty before the scenario was done
        }
    });
    process.on("uncaughtException", fail);
    Promise.resolve()
        .then(() => body(parseArguments(defaults)))
        .then(async (result) => {
            await allClosed();
            clearTimeout(watchdog);
            finished = true;
            const { processes = [], ...rest } = result;
            finish(0, { ...about, ok: true, ...rest, processes: [tally, ...processes] });
        })
        .catch(fail);
}

module.exports = { allClosed, countSocket, listen, loopback, parseArguments, scenario, tally, times };
