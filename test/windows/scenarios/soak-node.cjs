// node --expose-gc soak-node.cjs: for each number that comes on standard input makes that many connections, of every
// kind that Node has, to a server of its own, and says "done" when all are closed. Ends when standard input does.
"use strict";

const dgram = require("node:dgram");
const { once } = require("node:events");
const net = require("node:net");
const { createInterface } = require("node:readline");

const open = new Set(); // accepted
const server = net.createServer((socket) => {
    open.add(socket);
    socket.on("error", () => {}).on("close", () => open.delete(socket));
    socket.on("data", (data) => {
        socket.write(data);
        if (data[0] === "s".charCodeAt(0)) {
            socket.end();
        } else if (data[0] === "d".charCodeAt(0)) {
            socket.resetAndDestroy();
        }
    });
});

/** Resolves when it has closed, with or without an error. */
const closing = (socket) => new Promise((resolve) => socket.on("close", resolve));

/** What the client sends first says how it ends: by the server, by either end with a reset, or by itself. */
async function connection(port, how) {
    const socket = net
        .connect(port, "127.0.0.1")
        .on("error", () => {})
        .resume();
    const closed = closing(socket);
    if (how === "a") {
        socket.destroy(); // while it connects
    } else {
        socket.write(how);
        if (how === "c") {
            socket.end();
        } else if (how === "r") {
            await once(socket, "data");
            socket.resetAndDestroy();
        }
    }
    await closed;
}

async function datagrams() {
    const socket = dgram.createSocket("udp4").bind(0, "127.0.0.1");
    await once(socket, "listening");
    socket.send("datagram", socket.address().port, "127.0.0.1");
    await once(socket, "message");
    socket.close();
    await once(socket, "close");
}

async function main() {
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address();
    console.log("ready");
    for await (const line of createInterface({ input: process.stdin })) {
        let left = Number(line);
        await Promise.all(
            Array.from({ length: 4 }, async () => {
                while (left > 0) {
                    const how = "csrdau"[--left % 6];
                    await (how === "u" ? datagrams() : connection(port, how));
                }
            }),
        );
        // One after all others: those that were given up while they connected have been accepted before it.
        await connection(port, "c");
        while (open.size > 0) {
            await Promise.all([...open].map(closing));
        }
        globalThis.gc();
        console.log("done");
    }
    server.close();
}

main();
