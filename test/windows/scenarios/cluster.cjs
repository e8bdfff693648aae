// node:cluster with two workers and one port, each connection new.
//   node cluster.cjs [--requests 40] [--policy none|rr] [--family 4]
// "none" shares the listening socket among the workers (Windows' default), "rr" hands them accepted connections.
"use strict";

const assert = require("node:assert/strict");
const cluster = require("node:cluster");
const { once } = require("node:events");
const http = require("node:http");
const { allClosed, countSocket, loopback, parseArguments, scenario, tally, times } = require("./support/scenario.cjs");

const workers = 2;
const defaults = { requests: 40, policy: "none", family: 4 };

function workerMain() {
    tally.role = "worker";
    const { policy, family } = parseArguments(defaults);
    const server = http.createServer((request, response) => response.end(`${process.pid} ${request.url}`));
    server.on("connection", (socket) => countSocket(socket, policy === "rr" ? "adopted" : "accepted"));
    server.listen({ host: loopback[family], port: 0 });
    if (policy === "none") {
        tally.adopted += 1; // the listening socket itself
    }
    process.on("message", async () => {
        const closed = once(server, "close");
        server.close();
        await closed;
        await allClosed();
        process.send(tally, () => process.disconnect());
    });
}

async function get(options) {
    return new Promise((resolve, reject) => {
        const request = http.get({ ...options, agent: false }, async (response) => {
            let text = "";
            for await (const chunk of response) {
                text += chunk;
            }
            resolve(text);
        });
        request.on("socket", (socket) => socket.once("connect", () => countSocket(socket, "connected")));
        request.on("error", reject);
    });
}

if (cluster.isPrimary) {
    scenario("cluster", defaults, async ({ requests, policy, family }) => {
        cluster.schedulingPolicy = { none: cluster.SCHED_NONE, rr: cluster.SCHED_RR }[policy];
        const forked = Array.from({ length: workers }, () => cluster.fork());
        const addresses = await Promise.all(forked.map(async (worker) => (await once(worker, "listening"))[0]));
        const port = addresses[0].port;
        assert.equal(addresses[1].port, port, "both workers listen on one port");
        tally.listened += 1;

        const served = new Map();
        for (let round = 0; round < requests; round += 4) {
            await times(Math.min(4, requests - round), async (index) => {
                const path = `/${round + index}`;
                const [pid, echo] = (await get({ host: loopback[family], port, path })).split(" ");
                assert.equal(echo, path);
                served.set(Number(pid), (served.get(Number(pid)) ?? 0) + 1);
            });
        }
        const tallies = await Promise.all(
            forked.map(async (worker) => {
                const exited = once(worker, "exit");
                const message = once(worker, "message");
                worker.send("stop");
                const [workerTally] = await message;
                assert.deepEqual(await exited, [0, null]);
                return workerTally;
            }),
        );
        await allClosed();
        if (policy === "rr") {
            tally.accepted = requests; // accepted by the primary, which hands them on unread
            assert.equal(served.size, workers, "both workers served");
        }
        for (const { pid, accepted, adopted } of tallies) {
            const counted = policy === "rr" ? adopted : accepted;
            assert.equal(counted, served.get(pid) ?? 0, "each worker counted what it served");
        }
        assert.equal(tally.connected, requests);
        assert.equal(
            [...served.values()].reduce((sum, count) => sum + count, 0),
            requests,
        );
        return { policy, served: Object.fromEntries(served), processes: tallies };
    });
} else {
    workerMain();
}
