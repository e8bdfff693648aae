// UDP echo over loopback: datagrams of many sizes, the empty one too, each answered before the next is sent; then the
// same over a connected socket.
//   node udp-echo.cjs [--datagrams 100] [--family 4]
"use strict";

const assert = require("node:assert/strict");
const { randomBytes } = require("node:crypto");
const dgram = require("node:dgram");
const { once } = require("node:events");
const { loopback, scenario, tally } = require("./support/scenario.cjs");

function receivedBy(socket) {
    socket.on("message", (message) => {
        tally.datagramsReceived += 1;
        tally.datagramBytesReceived += message.length;
    });
    return socket;
}

function send(socket, message, ...to) {
    return new Promise((resolve, reject) => {
        socket.send(message, ...to, (error, bytes) => {
            if (error) {
                reject(error);
                return;
            }
            tally.datagramsSent += 1;
            tally.datagramBytesSent += bytes;
            resolve(bytes);
        });
    });
}

async function bound(type, host) {
    const socket = receivedBy(dgram.createSocket(type));
    socket.bind({ address: host, port: 0 });
    await once(socket, "listening");
    tally.datagramSockets += 1;
    return socket;
}

async function exchange(client, message, to) {
    const answer = once(client, "message");
    assert.equal(await send(client, message, ...to), message.length);
    const [echo, from] = await answer;
    assert.ok(echo.equals(message), `${message.length} bytes came back as ${echo.length}`);
    return from;
}

scenario("udp-echo", { datagrams: 100, family: 4 }, async ({ datagrams, family }) => {
    const type = `udp${family}`;
    const host = loopback[family];
    const server = await bound(type, host);
    server.on("message", (message, from) => {
        void send(server, message, from.port, from.address); // a rejection ends the process as a failure
    });
    const { port } = server.address();

    const free = await bound(type, host);
    const connected = await bound(type, host);
    connected.connect(port, host);
    await once(connected, "connect");
    for (let index = 0; index < datagrams; index += 1) {
        const size = index === 0 ? 0 : Math.min(60_000, Math.floor(1.12 ** index) + index);
        const from = await exchange(free, randomBytes(size), [port, host]);
        assert.equal(from.port, port, "the answer names the sender");
        assert.equal(from.address, host);
        await exchange(connected, randomBytes(size), []);
    }
    for (const socket of [server, free, connected]) {
        const closed = once(socket, "close");
        socket.close();
        await closed;
    }
    assert.equal(tally.datagramsSent, 4 * datagrams);
    assert.equal(tally.datagramsReceived, 4 * datagrams);
    assert.equal(tally.datagramBytesReceived, tally.datagramBytesSent);
    return { datagrams: 4 * datagrams };
});
