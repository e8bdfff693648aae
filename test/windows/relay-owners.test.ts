// Who owns a socket, by the system's own tables, and whom the relay lets in by them.
import assert from "node:assert/strict";
import * as path from "node:path";
import type { Answer, HeldCall } from "#lib/policy/controller-model.js";
import type { Endpoint } from "#lib/policy/model.js";
import { systemOwners } from "#lib/relay/owners.js";
import { startRelay } from "#lib/relay/relay.js";
import { project } from "../support/windows.js";
import { callOf, echo, later, ruleOf, serve, udpSocket } from "../unit/relay-support.js";
import { startLines } from "./watch-support.js";

const script = path.join(project, "test", "windows", "scenarios", "relay-client.mjs");

/** A process with a bound socket: it connects, sends and tells as it is told. */
async function startClient(protocol: "tcp" | "udp", address: string) {
    const program = await startLines(process.execPath, [script, protocol, address], "ready");
    const port = Number(await program.ask("port"));
    const connected = address === "::" ? "::1" : address === "0.0.0.0" ? "127.0.0.1" : address;
    return { program, pid: program.pid, local: { address, port }, seen: { address: connected, port } };
}

function callFor(
    { pid, local }: { pid: number; local: Endpoint },
    remote: Endpoint,
    more: Partial<HeldCall> = {},
): HeldCall {
    return callOf(ruleOf({}), local, remote, { pid, program: process.execPath, ...more });
}

function toOf(answer: Answer): Endpoint {
    assert.ok(answer.action === "redirect", JSON.stringify(answer));
    return answer.to;
}

describe("relay: owners of sockets", function () {
    this.timeout(120_000);

    for (const [bound, loopback] of [
        ["127.0.0.1", "127.0.0.1"],
        ["::1", "::1"],
    ] as const) {
        it(`TCP, ${bound}`, async () => {
            const client = await startClient("tcp", bound);
            const remote = await serve(echo, loopback);
            assert.equal(await client.program.ask(`connect ${remote.address} ${remote.port}`), "connected");
            assert.deepEqual(systemOwners({ protocol: "tcp", local: client.seen, remote }), [client.pid]);
            assert.deepEqual(systemOwners({ protocol: "tcp", local: remote, remote: client.seen }), [process.pid]);
            const other = { ...remote, port: client.seen.port };
            assert.deepEqual(systemOwners({ protocol: "tcp", local: client.seen, remote: other }), []);
        });

        it(`UDP, ${bound}`, async () => {
            const client = await startClient("udp", bound);
            assert.deepEqual(systemOwners({ protocol: "udp", local: client.local }), [client.pid]);
            const { local } = await udpSocket(loopback);
            assert.deepEqual(systemOwners({ protocol: "udp", local }), [process.pid]);
        });
    }

    for (const [bound, loopback] of [
        ["0.0.0.0", "127.0.0.1"],
        ["::", "::1"],
    ] as const) {
        it(`the relay lets the ticket's process in, ${bound}`, async () => {
            const relay = await startRelay();
            later(() => relay.close());
            const client = await startClient("tcp", bound);
            const to = toOf(await relay.admit(callFor(client, await serve(echo, loopback))));
            assert.equal(await client.program.ask(`connect ${to.address} ${to.port}`), "connected");
            assert.equal(await client.program.ask("say hello"), "hello");
        });
    }

    it("the relay resets another process, unread", async () => {
        const relay = await startRelay();
        later(() => relay.close());
        const client = await startClient("tcp", "0.0.0.0");
        const call = { ...callFor(client, await serve(echo)), pid: process.pid };
        const to = toOf(await relay.admit(call));
        await client.program.ask(`connect ${to.address} ${to.port}`);
        assert.equal(await client.program.ask("say hello"), "ECONNRESET");
    });

    it("datagrams go through as long as the socket is there", async () => {
        const relay = await startRelay({}, { flowIdle: 20 });
        later(() => relay.close());
        const { socket: server, local: remote } = await udpSocket();
        server.on("message", (bytes, from) => server.send(bytes, from.port, from.address));
        const client = await startClient("udp", "0.0.0.0");
        const to = toOf(await relay.admit(callFor(client, remote, { protocol: "udp", call: "WSPSendTo" })));
        const flow = (): readonly number[] => systemOwners({ protocol: "udp", local: to });
        assert.equal(await client.program.ask(`send ${to.address} ${to.port} hello`), "hello");
        assert.deepEqual(flow(), [process.pid]);
        await client.program.end();
        while (flow().length > 0) {
            await new Promise((resolve) => setTimeout(resolve, 20));
        }
    });
});
