// The restart of a UDP service.
import assert from "node:assert/strict";
import * as dgram from "node:dgram";
import { type RestartDatagramOptions, bindRestartable } from "#lib/share/recipes/udp.js";
import { type StartedProgram, scenario, start, uniqueName } from "./share-programs.js";

interface Running {
    program: StartedProgram;
    pid: number;
    predecessor?: number;
    port: number;
}

async function startService(name: string): Promise<Running> {
    const program = start(process.execPath, [scenario("restart-udp.mjs"), name]);
    return { program, ...(JSON.parse(await program.line()) as Omit<Running, "program">) };
}

describe("share: restart of a UDP service", function () {
    this.timeout(30_000);

    it("answers every datagram once, by the one process or the other", async () => {
        const name = uniqueName();
        let current = await startService(name);
        const { port } = current;
        const client = dgram.createSocket("udp4");
        try {
            const answers = new Map<string, number[]>();
            let heard = (): void => undefined;
            client.on("message", (message) => {
                const [pid, number] = message.toString().split(" ");
                answers.set(number!, [...(answers.get(number!) ?? []), Number(pid)]);
                heard();
            });
            let sent = 0;
            let stopped = false;
            // Never more unanswered than the system's buffers hold for certain.
            const load = (async () => {
                while (!stopped) {
                    client.send(String(sent), port, "127.0.0.1");
                    sent += 1;
                    while (sent - answers.size > 20) {
                        await new Promise<void>((resolve) => (heard = resolve));
                    }
                    await new Promise((resolve) => setImmediate(resolve));
                }
            })();
            const pids = [current.pid];
            for (let round = 0; round < 3; round += 1) {
                const next = await startService(name);
                assert.deepEqual([next.predecessor, next.port], [current.pid, port]);
                assert.equal(await current.program.line(), "replaced");
                assert.deepEqual(await current.program.ended, [0, null]);
                current = next;
                pids.push(next.pid);
                while (![...answers.values()].flat().includes(next.pid)) {
                    await new Promise((resolve) => setImmediate(resolve));
                }
            }
            stopped = true;
            await load;
            while (answers.size < sent) {
                await new Promise<void>((resolve) => (heard = resolve));
            }
            assert.ok(
                [...answers.values()].every((from) => from.length === 1),
                "no datagram was answered twice",
            );
            assert.deepEqual([...new Set([...answers.values()].flat())].sort(), pids.sort());
        } finally {
            client.close();
        }
    });

    it("closes with the socket, and its name is free", async () => {
        const name = uniqueName();
        for (let round = 0; round < 2; round += 1) {
            const service = await bindRestartable({ name, host: "127.0.0.1" }, () => undefined);
            assert.equal(service.predecessor, undefined);
            await service.close();
            await service.close();
        }
    });

    it("refuses misuse", async () => {
        const receive = (): void => undefined;
        for (const options of [undefined, {}, { name: "" }, { name: "x", wrong: 1 }, { name: "x", timeout: 0 }]) {
            await assert.rejects(bindRestartable(options as unknown as RestartDatagramOptions, receive), TypeError);
        }
        await assert.rejects(bindRestartable({ name: "x" }, undefined as unknown as () => void), TypeError);
    });
});
