// An HTTP server and its clients in one process: the plainest program there is to look at from outside.
//   node server-and-client.cjs [--requests 10] [--connections 2] [--bytes 10000] [--family 4]
// Each connection carries its own requests one after the other and is kept open until the last of them.
"use strict";

const assert = require("node:assert/strict");
const { createHash, randomBytes } = require("node:crypto");
const http = require("node:http");
const { allClosed, countSocket, listen, loopback, scenario, tally, times } = require("./support/scenario.cjs");

async function readAll(stream) {
    const chunks = [];
    for await (const chunk of stream) {
        chunks.push(chunk);
    }
    return Buffer.concat(chunks);
}

const sha256 = (data) => createHash("sha256").update(data).digest("hex");

function post({ agent, host, port, body }) {
    return new Promise((resolve, reject) => {
        const headers = { "content-length": body.length };
        const request = http.request({ agent, host, port, method: "POST", headers }, resolve);
        request.on("socket", (socket) => {
            if (socket.connecting) {
                socket.once("connect", () => countSocket(socket, "connected"));
            }
        });
        request.on("error", reject);
        request.end(body);
    });
}

scenario("server-and-client", { requests: 10, connections: 2, bytes: 10_000, family: 4 }, async (options) => {
    const host = loopback[options.family];
    let answered = 0;
    const server = http.createServer(async (request, response) => {
        const body = await readAll(request);
        response.setHeader("x-sha256", sha256(body));
        response.setHeader("content-length", body.length);
        response.end(body);
    });
    server.keepAliveTimeout = 0;
    server.on("connection", (socket) => countSocket(socket, "accepted"));
    const port = await listen(server, { host, port: 0 });

    await times(options.connections, async (connection) => {
        const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
        for (let index = connection; index < options.requests; index += options.connections) {
            const body = randomBytes(options.bytes);
            const response = await post({ agent, host, port, body });
            const echo = await readAll(response);
            assert.equal(response.statusCode, 200);
            assert.equal(response.headers["x-sha256"], sha256(body), "what the server received is what was sent");
            assert.ok(echo.equals(body), "what came back is what was sent");
            answered += 1;
        }
        agent.destroy();
    });
    server.close();
    await allClosed();

    assert.equal(answered, options.requests);
    assert.equal(tally.connected, Math.min(options.connections, options.requests));
    assert.equal(tally.accepted, tally.connected);
    assert.equal(tally.bytesRead, tally.bytesWritten, "in one process everything written is read");
    return { requests: answered, bodyBytes: 2 * answered * options.bytes };
});
