// HTTP connections that are all open at the same moment: the server answers none before the last has arrived.
//   node many-connections.cjs [--connections 200] [--bytes 2000] [--family 4]
"use strict";

const assert = require("node:assert/strict");
const { randomBytes } = require("node:crypto");
const http = require("node:http");
const { allClosed, countSocket, listen, loopback, scenario, tally, times } = require("./support/scenario.cjs");

scenario("many-connections", { connections: 200, bytes: 2_000, family: 4 }, async (options) => {
    const host = loopback[options.family];
    const body = randomBytes(options.bytes);
    const waiting = [];
    let atOnce = 0;
    const server = http.createServer((request, response) => {
        waiting.push(response);
        if (waiting.length === options.connections) {
            atOnce = tally.accepted;
            for (const held of waiting) {
                held.end(body);
            }
        }
    });
    server.on("connection", (socket) => countSocket(socket, "accepted"));
    const port = await listen(server, { host, port: 0, backlog: 511 });

    await times(
        options.connections,
        () =>
            new Promise((resolve, reject) => {
                const request = http.get({ host, port, agent: false }, async (response) => {
                    const chunks = [];
                    for await (const chunk of response) {
                        chunks.push(chunk);
                    }
                    assert.ok(Buffer.concat(chunks).equals(body), "the answer came whole");
                    resolve();
                });
                request.on("socket", (socket) => socket.once("connect", () => countSocket(socket, "connected")));
                request.on("error", reject);
            }),
    );
    server.close();
    await allClosed();

    assert.equal(atOnce, options.connections, "all connections were open at once");
    assert.equal(tally.connected, options.connections);
    assert.equal(tally.accepted, options.connections);
    assert.equal(tally.bytesRead, tally.bytesWritten);
    return { atOnce };
});
