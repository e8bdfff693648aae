// One TCP connection that carries N megabytes each way at the same time, with back-pressure, hashed at all four ends.
//   node transfer.cjs [--megabytes 100] [--family 4]
// Each receiver waits before its first read, and again at each quarter, until its sender is seen stuck: write() has said
// false and no drain comes.
"use strict";

const assert = require("node:assert/strict");
const { createHash, randomBytes } = require("node:crypto");
const { once } = require("node:events");
const net = require("node:net");
const { allClosed, countSocket, listen, loopback, scenario, tally } = require("./support/scenario.cjs");

const megabyte = 1024 * 1024;
const chunkBytes = 64 * 1024;
const pausesPerReceiver = 4;

// Turns of the event loop without progress after which a sender counts as stuck.
const idleTurns = 200;

function makeSender(socket, megabytes) {
    const noise = randomBytes(megabyte + chunkBytes);
    const hash = createHash("sha256");
    const state = { waiting: false, done: false, falses: 0, sent: 0 };
    const finished = (async () => {
        for (let index = 0; index < (megabytes * megabyte) / chunkBytes; index += 1) {
            const chunk = Buffer.from(noise.subarray((index * 4099) % megabyte).subarray(0, chunkBytes));
            chunk.writeUInt32LE(index, 0); // no two chunks are equal
            hash.update(chunk);
            state.sent += chunk.length;
            if (!socket.write(chunk)) {
                state.falses += 1;
                state.waiting = true;
                await once(socket, "drain");
                state.waiting = false;
            }
        }
        state.done = true;
        socket.end();
        return hash.digest("hex");
    })();
    return { state, finished };
}

async function untilStuck({ state }) {
    let seen = -1;
    let idle = 0;
    while (!state.done && idle < idleTurns) {
        await new Promise((resolve) => setImmediate(resolve));
        idle = state.waiting && state.sent === seen ? idle + 1 : 0;
        seen = state.sent;
    }
    return !state.done;
}

// By events: an iterator would destroy the socket at the end of reading, with the other direction still under way.
async function receive(socket, sender, bytes) {
    const hash = createHash("sha256");
    let received = 0;
    let stuck = (await untilStuck(sender)) ? 1 : 0;
    socket.on("data", (chunk) => {
        const before = Math.floor((received * pausesPerReceiver) / bytes);
        received += chunk.length;
        hash.update(chunk);
        if (before !== Math.floor((received * pausesPerReceiver) / bytes)) {
            socket.pause();
            void untilStuck(sender).then((yes) => {
                stuck += yes ? 1 : 0;
                socket.resume();
            });
        }
    });
    await once(socket, "end");
    return { received, stuck, hash: hash.digest("hex") };
}

scenario("transfer", { megabytes: 100, family: 4 }, async ({ megabytes, family }) => {
    const bytes = megabytes * megabyte;
    const server = net.createServer({ allowHalfOpen: true });
    const accepted = once(server, "connection");
    const port = await listen(server, { host: loopback[family], port: 0 });
    const near = net.connect({ host: loopback[family], port, allowHalfOpen: true });
    await once(near, "connect");
    countSocket(near, "connected");
    const [far] = await accepted;
    countSocket(far, "accepted");
    server.close();

    const there = makeSender(near, megabytes);
    const back = makeSender(far, megabytes);
    const [sentThere, sentBack, gotThere, gotBack] = await Promise.all([
        there.finished,
        back.finished,
        receive(far, there, bytes),
        receive(near, back, bytes),
    ]);
    await allClosed();

    assert.equal(gotThere.received, bytes);
    assert.equal(gotBack.received, bytes);
    assert.equal(gotThere.hash, sentThere, "client to server: equal hashes");
    assert.equal(gotBack.hash, sentBack, "server to client: equal hashes");
    assert.ok(gotThere.stuck > 0 && gotBack.stuck > 0, "both senders were held back by their receiver");
    assert.equal(tally.bytesRead, 2 * bytes);
    assert.equal(tally.bytesWritten, 2 * bytes);
    return { bytesEachWay: bytes, hashes: [sentThere, sentBack], heldBack: [gotThere.stuck, gotBack.stuck] };
});
