// The restart of an HTTP server under load.
import assert from "node:assert/strict";
import { once } from "node:events";
import * as http from "node:http";
import * as net from "node:net";
import { text } from "node:stream/consumers";
import type { RestartOptions } from "#lib/share/recipes/restart.js";
import { serveRestartable } from "#lib/share/recipes/restart.js";
import { counts } from "../support/counts.js";
import { nodes } from "../support/windows.js";
import { type StartedProgram, scenario, start, uniqueName } from "./share-programs.js";

interface Running {
    program: StartedProgram;
    pid: number;
    predecessor?: number;
    port: number;
}

async function startServer(name: string, port = 0, node = process.execPath): Promise<Running> {
    const program = start(node, [scenario("restart-server.mjs"), name, String(port)]);
    return { program, ...(JSON.parse(await program.line()) as Omit<Running, "program">) };
}

/** Resolves with the process that answered. */
async function get(port: number, path: string, agent: http.Agent): Promise<number> {
    const request = http.get({ port, path, agent, host: "127.0.0.1" });
    const [response] = (await once(request, "response")) as [http.IncomingMessage];
    assert.equal(response.statusCode, 200);
    return Number(await text(response));
}

describe("share: restart of an HTTP server", function () {
    this.timeout(60_000);
    const agents = new Set<http.Agent>();
    afterEach(() => {
        agents.forEach((agent) => agent.destroy());
        agents.clear();
    });
    function keepAlive(maxSockets: number): http.Agent {
        const agent = new http.Agent({ keepAlive: true, maxSockets });
        agents.add(agent);
        return agent;
    }

    it("hands the listener and an idle connection to the next process, and the old one ends", async () => {
        const name = uniqueName();
        const first = await startServer(name);
        assert.equal(first.predecessor, undefined);
        const agent = keepAlive(1);
        assert.equal(await get(first.port, "/", agent), first.pid);
        const [connection] = Object.values(agent.freeSockets).flat();
        const second = await startServer(name);
        assert.deepEqual([second.predecessor, second.port], [first.pid, first.port]);
        assert.equal(await first.program.line(), "replaced");
        assert.deepEqual(await first.program.ended, [0, null]);
        assert.equal(await get(first.port, "/", agent), second.pid);
        assert.equal(Object.values(agent.freeSockets).flat()[0], connection, "on the same connection");
        assert.equal(await get(first.port, "/", keepAlive(1)), second.pid);
    });

    it("lets the old process answer what it has begun, and then gives that connection too", async () => {
        const name = uniqueName();
        const first = await startServer(name);
        const agent = keepAlive(1);
        const slow = get(first.port, "/slow", agent);
        const other = keepAlive(1);
        assert.equal(await get(first.port, "/", other), first.pid);
        // The one with which the old process is told to answer is in the middle of a request itself.
        const releasing = net.connect(first.port, "127.0.0.1");
        releasing.write("GET /release HTTP/1.1\r\nHost: a\r\n");
        assert.equal(await get(first.port, "/", other), first.pid); // by now it has read that
        const second = await startServer(name);
        assert.equal(await get(first.port, "/", other), second.pid);
        releasing.write("\r\n");
        assert.equal(await slow, first.pid);
        assert.equal(await first.program.line(), "replaced");
        assert.equal(await get(first.port, "/", agent), second.pid, "on the connection of the slow request");
        releasing.destroy();
    });

    it("gives a connection on which nothing has been asked yet", async () => {
        const name = uniqueName();
        const first = await startServer(name);
        const silent = net.connect(first.port, "127.0.0.1");
        await once(silent, "connect");
        assert.equal(await get(first.port, "/", keepAlive(1)), first.pid); // accepted after the silent one
        const second = await startServer(name);
        assert.equal(await first.program.line(), "replaced");
        silent.end("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        assert.match(await text(silent), new RegExp(`\r\n\r\n${second.pid}$`));
    });

    it("goes on in the old process if the new one fails, and lets the one after that take over", async () => {
        const name = uniqueName();
        const first = await startServer(name);
        const agent = keepAlive(1);
        assert.equal(await get(first.port, "/", agent), first.pid);
        const held = get(first.port, "/slow", keepAlive(1)); // keeps the old process until the new one is gone
        await get(first.port, "/", keepAlive(1));
        const failed = start(process.execPath, [scenario("restart-server.mjs"), name, "0", "--fail"]);
        assert.deepEqual((await failed.ended)[0], 3);
        const second = await startServer(name, first.port);
        assert.equal(second.predecessor, first.pid);
        assert.equal(await get(first.port, "/", keepAlive(1)), second.pid);
        first.program.child.kill();
        await assert.rejects(held);
    });

    it(`fails no request over ${counts.restarts} restarts at the best rate of this machine`, async function () {
        this.timeout(60_000 + 30_000 * counts.restarts);
        const name = uniqueName();
        let current = await startServer(name);
        const { port } = current;
        const clients = 50;
        const agent = keepAlive(clients);
        const failures: unknown[] = [];
        const answered = new Map<number, number>();
        let stopped = false;
        const load = Array.from({ length: clients }, async () => {
            while (!stopped) {
                try {
                    const pid = await get(port, "/", agent);
                    answered.set(pid, (answered.get(pid) ?? 0) + 1);
                } catch (error) {
                    failures.push(error);
                }
            }
        });
        const begun = performance.now();
        const pids = [current.pid];
        for (let restart = 0; restart < counts.restarts; restart += 1) {
            const next = await startServer(name);
            assert.equal(next.predecessor, current.pid);
            assert.equal(await current.program.line(), "replaced");
            current = next;
            pids.push(current.pid);
            const seen = answered.get(current.pid) ?? 0;
            while ((answered.get(current.pid) ?? 0) < seen + 100) {
                await get(port, "/", agent);
            }
        }
        const seconds = (performance.now() - begun) / 1000;
        stopped = true;
        await Promise.all(load);
        const requests = [...answered.values()].reduce((sum, count) => sum + count, 0);
        console.log(`      ${requests} requests, ${Math.round(requests / seconds)} per second`);
        assert.deepEqual(failures, []);
        assert.deepEqual([...answered.keys()].sort(), pids.sort(), "every process has answered, and no other");
    });

    for (const [from, to] of [
        ["node20", "node26"],
        ["node26", "node20"],
        ["node", "node-x86"],
        ["node-x86", "node24"],
    ]) {
        it(`leads from ${from} to ${to}`, async function () {
            const [old, young] = [nodes[from!], nodes[to!]];
            if (old === undefined || young === undefined) {
                this.skip();
            }
            const name = uniqueName();
            const first = await startServer(name, 0, old);
            const agent = keepAlive(1);
            assert.equal(await get(first.port, "/", agent), first.pid);
            const second = await startServer(name, 0, young);
            assert.equal(second.predecessor, first.pid);
            assert.equal(await first.program.line(), "replaced");
            assert.equal(await get(first.port, "/", agent), second.pid);
        });
    }

    it("refuses misuse", async () => {
        for (const options of [undefined, {}, { name: "" }, { name: "x", wrong: 1 }, { name: "x", drainTimeout: 0 }]) {
            await assert.rejects(
                serveRestartable(http.createServer(), options as unknown as RestartOptions),
                TypeError,
            );
        }
        await assert.rejects(serveRestartable({} as http.Server, { name: "x" }), TypeError);
    });
});
