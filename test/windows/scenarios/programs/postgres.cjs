// node postgres.cjs BIN DATA COUNT: starts a PostgreSQL server from BIN on the database in DATA (made if it is not
// there), makes COUNT connections with three queries each, eight at a time, and stops it. Speaks the protocol itself.
// The server hands each connection to a process of its own with WSADuplicateSocket, and waits with WSAEventSelect.
"use strict";

const assert = require("node:assert/strict");
const { execFileSync } = require("node:child_process");
const { once } = require("node:events");
const fs = require("node:fs");
const net = require("node:net");
const path = require("node:path");

const [bin, data, count] = process.argv.slice(2);
const queries = 3;
const run = (name, ...args) => execFileSync(path.join(bin, name), args, { stdio: "ignore" });

function message(type, text) {
    const head = Buffer.alloc(5);
    head.write(type, "latin1");
    head.writeUInt32BE(text.length + 5, 1);
    return Buffer.concat([head, Buffer.from(`${text}\0`, "latin1")]);
}

/** The messages of the server, [type, body], each as it is complete. */
async function* messages(socket) {
    let rest = Buffer.alloc(0);
    for await (const chunk of socket) {
        rest = Buffer.concat([rest, chunk]);
        while (rest.length >= 5 && rest.length > rest.readUInt32BE(1)) {
            const end = rest.readUInt32BE(1) + 1;
            yield [String.fromCharCode(rest[0]), rest.subarray(5, end)];
            rest = rest.subarray(end);
        }
    }
}

const backends = [];
let bytesRead = 0;
async function connection(port, number) {
    const socket = net.connect(port, "127.0.0.1");
    await once(socket, "connect");
    const startup = Buffer.concat([Buffer.from([0, 3, 0, 0]), Buffer.from("user\0tester\0database\0postgres\0\0")]);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(startup.length + 4);
    socket.write(Buffer.concat([length, startup]));
    let asked = 0;
    const answers = [];
    for await (const [type, body] of messages(socket)) {
        assert.notEqual(type, "E", body.toString());
        if (type === "K") {
            backends.push(body.readInt32BE(0));
        } else if (type === "D") {
            answers.push(body.subarray(6).toString());
        } else if (type === "Z") {
            // The last answer is longer than any buffer on the way.
            const query = ["select 6 * 7", `select ${number} + 1000`, "select repeat('0123456789', 20000)"][asked++];
            socket.write(query === undefined ? Buffer.from([0x58, 0, 0, 0, 4]) : message("Q", query));
        }
    }
    assert.deepEqual(answers, ["42", `${number + 1000}`, "0123456789".repeat(20000)]);
    bytesRead += socket.bytesRead;
}

async function main() {
    if (!fs.existsSync(path.join(data, "PG_VERSION"))) {
        run("initdb.exe", "-D", data, "-A", "trust", "-U", "tester", "-N", "--locale=C", "-E", "UTF8");
    }
    const probe = net.createServer().listen(0, "127.0.0.1");
    await once(probe, "listening");
    const { port } = probe.address();
    probe.close();
    await once(probe, "close");
    const log = path.join(data, "log.txt");
    run("pg_ctl.exe", "start", "-w", "-D", data, "-l", log, "-o", `-p ${port} -h 127.0.0.1 -F`);
    const server = Number(fs.readFileSync(path.join(data, "postmaster.pid"), "utf8").split("\n")[0]);
    const begin = performance.now();
    let milliseconds;
    let next = 0;
    try {
        await Promise.all(
            Array.from({ length: 8 }, async () => {
                while (next < count) {
                    await connection(port, next++);
                }
            }),
        );
        milliseconds = Math.round(performance.now() - begin);
    } finally {
        run("pg_ctl.exe", "stop", "-w", "-m", "fast", "-D", data);
    }
    const { pid } = process;
    console.log(JSON.stringify({ ok: true, pid, server, backends, queries: queries * next, bytesRead, milliseconds }));
}

main().catch((error) => {
    console.log(JSON.stringify({ ok: false, error: String(error.stack) }));
    process.exit(1);
});
