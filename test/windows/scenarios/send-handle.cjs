// child_process.send(handle): the parent hands accepted connections, and then a listening server, to a child process.
//   node send-handle.cjs [--sockets 5] [--family 4]
"use strict";

const assert = require("node:assert/strict");
const { fork } = require("node:child_process");
const { once } = require("node:events");
const net = require("node:net");
const { allClosed, countSocket, listen, loopback, scenario, tally, times } = require("./support/scenario.cjs");

// Echoes in upper case, so that nobody mistakes what was sent for what came back.
function serve(socket) {
    socket.on("data", (data) => socket.write(data.toString("latin1").toUpperCase()));
    socket.on("end", () => socket.end());
}

function childMain() {
    tally.role = "child";
    let server;
    process.on("message", async (message, handle) => {
        if (message === "socket") {
            serve(countSocket(handle, "adopted"));
            handle.resume();
        } else if (message === "server") {
            tally.adopted += 1;
            server = handle;
            server.on("connection", (socket) => serve(countSocket(socket, "accepted")));
            process.send("serving");
        } else {
            server.close();
            await allClosed();
            process.send(tally, () => process.disconnect());
        }
    });
}

async function talk(host, port, text) {
    const socket = net.connect({ host, port });
    await once(socket, "connect");
    countSocket(socket, "connected");
    socket.end(text);
    let answer = "";
    for await (const chunk of socket) {
        answer += chunk.toString("latin1");
    }
    assert.equal(answer, text.toUpperCase());
}

async function reply(child) {
    const [message] = await once(child, "message");
    return message;
}

if (process.argv[2] === "child") {
    childMain();
} else {
    scenario("send-handle", { sockets: 5, family: 4 }, async ({ sockets, family }) => {
        const host = loopback[family];
        const child = fork(__filename, ["child"]);
        const exited = once(child, "exit");

        const handing = net.createServer({ pauseOnConnect: true }, (socket) => {
            tally.accepted += 1; // and no more: its bytes and its close are the child's
            child.send("socket", socket);
        });
        const handingPort = await listen(handing, { host, port: 0 });
        await times(sockets, (index) => talk(host, handingPort, `by an accepted socket, ${index}`));
        handing.close();

        const given = net.createServer(() => assert.fail("the parent must not accept"));
        const givenPort = await listen(given, { host, port: 0 });
        const serving = reply(child);
        child.send("server", given);
        assert.equal(await serving, "serving");
        given.close();
        await times(sockets, (index) => talk(host, givenPort, `by a server, ${index}`));

        const last = reply(child);
        child.send("stop");
        const childTally = await last;
        assert.deepEqual(await exited, [0, null]);
        await allClosed();
        assert.equal(tally.connected, 2 * sockets);
        assert.equal(tally.accepted, sockets);
        assert.equal(childTally.adopted, sockets + 1);
        assert.equal(childTally.accepted, sockets);
        assert.equal(childTally.bytesRead + tally.bytesRead, childTally.bytesWritten + tally.bytesWritten);
        return { processes: [childTally] };
    });
}
