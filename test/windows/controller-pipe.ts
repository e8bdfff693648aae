// The controller on a live machine: how it is found, who may be it, who is asked, and what is left when it ends. The
// providers are played here: what real ones do with the answers is in hold-*.test.ts and controller-ask.test.ts.
import assert from "node:assert/strict";
import { once } from "node:events";
import * as net from "node:net";
import { native } from "#lib/native.js";
import { onAsk } from "#lib/hooks/ask.js";
import { applyPolicy } from "#lib/policy/apply.js";
import { type Controller, controllerPipe, startController } from "#lib/policy/controller.js";
import { answerSize } from "#lib/policy/controller-messages.js";
import type { HeldCall } from "#lib/policy/controller-model.js";
import type { Policy } from "#lib/policy/model.js";
import { clearPolicy, readPolicy } from "#lib/policy/store.js";
import { decodeAnswer, encodeRequest } from "../unit/controller-requests.js";
import { startNode } from "./watch-support.js";

const asking: Policy = {
    version: 1,
    default: { kind: "allow" },
    rules: [
        {
            name: "ask",
            match: { program: ["no-such-program.exe"] },
            then: { kind: "ask", timeout: 10_000, otherwise: { kind: "deny", error: "WSAEACCES" } },
        },
    ],
};
const remote = { address: "192.0.2.1", port: 80 };

/** Connects as a provider does and asks once; undefined if the controller hangs up. */
async function askAt(
    pipe: string,
    fields: Parameters<typeof encodeRequest>[0],
): Promise<ReturnType<typeof decodeAnswer> | undefined> {
    const stream = net.connect(pipe);
    try {
        await once(stream, "connect");
        stream.write(encodeRequest({ remote, ...fields }));
        const bytes = await Promise.race([
            once(stream, "data").then(([chunk]) => chunk as Buffer),
            once(stream, "close").then(() => undefined),
        ]);
        assert.ok(bytes === undefined || bytes.length === answerSize);
        return bytes && decodeAnswer(bytes);
    } finally {
        stream.destroy();
    }
}

function code(expected: string): { name: string; code: string } {
    return { name: "WinsockError", code: expected };
}

export function pipeTests(): void {
    describe("controller", function () {
        this.timeout(120_000);
        const running: Controller[] = [];
        const start = async (...args: Parameters<typeof startController>): Promise<Controller> => {
            const controller = await startController(...args);
            running.push(controller);
            return controller;
        };
        afterEach(async () => {
            await Promise.all(running.splice(0).map((controller) => controller.close()));
            await clearPolicy();
        });

        it("is named in control.bin while it runs, with its start", async () => {
            const controller = await start();
            const { controllerPid, controllerStart } = native().readPolicyState();
            assert.equal(controllerPid, process.pid);
            assert.ok(controllerStart > 0n);
            assert.equal((await readPolicy()).controller, process.pid);
            await controller.close();
            await controller.close();
            await controller.closed;
            assert.equal(native().readPolicyState().controllerPid, 0);
            await assert.rejects(askAt(controllerPipe(process.pid), {}));
        });

        it("is one: a second is refused with the first one's number; a dead one is replaced", async () => {
            await start();
            await assert.rejects(
                start(),
                (error: Error & { code?: string }) =>
                    error.code === "ERR_CONTROLLER_RUNNING" && error.message.includes(String(process.pid)),
            );
            await running.pop()!.close();
            const other = await startNode(`
                import("winsock-spi").then(({ startController }) => startController()).then(() => say("there"));
                process.stdin.on("data", () => process.kill(process.pid, "SIGKILL"))`);
            assert.equal(await other.line(), "there");
            await assert.rejects(start(), code("ERR_CONTROLLER_RUNNING"));
            other.child.stdin!.write("end\n");
            await once(other.child, "exit");
            assert.equal(native().readPolicyState().controllerPid, other.pid, "it could not take itself out");
            await start();
            assert.equal(native().readPolicyState().controllerPid, process.pid);
        });

        it("asks the hook about a call, with what the system says of the process", async () => {
            const { generation } = await applyPolicy(asking);
            const calls: HeldCall[] = [];
            running.push(
                await onAsk((call) => {
                    calls.push(call);
                    return { action: "redirect", to: { address: "127.0.0.1", port: 1080 } };
                }),
            );
            const answer = await askAt(controllerPipe(process.pid), { generation, id: 77n });
            assert.deepEqual(answer, { id: 77n, action: 3, error: 0, target: { address: "127.0.0.1", port: 1080 } });
            const [call] = calls;
            assert.equal(call?.pid, process.pid);
            assert.equal(call?.program.toLowerCase(), process.execPath.toLowerCase());
            assert.ok(call.processStart > 0n);
            assert.deepEqual(call?.policy, asking);
            assert.equal(call?.generation, generation);
        });

        it("hangs up on who names no policy that it applied", async () => {
            const { generation } = await applyPolicy(asking);
            await start({ onAsk: () => "allow" });
            assert.equal(await askAt(controllerPipe(process.pid), { generation: generation + 1 }), undefined);
            assert.equal(await askAt(controllerPipe(process.pid), { generation, rule: 2 }), undefined);
            assert.equal((await askAt(controllerPipe(process.pid), { generation }))?.action, 1);
        });

        it("writes what is remembered for ever in front of the policy, once for all that ask at the same time", async () => {
            const { generation } = await applyPolicy(asking);
            const waiting: (() => void)[] = [];
            await start({
                onAsk: () =>
                    new Promise((resolve) => {
                        waiting.push(() => resolve({ action: "deny", error: "WSAENETUNREACH", remember: "forever" }));
                        if (waiting.length === 2) {
                            waiting.forEach((go) => go());
                        }
                    }),
            });
            const both = await Promise.all(
                [1n, 2n].map((id) => askAt(controllerPipe(process.pid), { generation, id })),
            );
            assert.deepEqual(
                both.map((answer) => answer?.error),
                [10051, 10051],
            );
            while ((await readPolicy()).generation === generation) {
                await new Promise((resolve) => setTimeout(resolve, 5));
            }
            await running.at(-1)!.close(); // whatever else is to be written is written
            const { policy } = await readPolicy();
            assert.equal(policy?.rules.length, 2);
            assert.deepEqual(policy?.rules[0]?.then, { kind: "deny", error: "WSAENETUNREACH" });
            assert.deepEqual(policy?.rules[0]?.match.to, [
                { range: { first: remote.address, last: remote.address }, ports: [{ first: 80, last: 80 }] },
            ]);
            assert.deepEqual(policy?.rules[1], asking.rules[0]);
        });

        it("puts its own policy in force and takes it back", async () => {
            const { generation } = await applyPolicy({ ...asking, rules: [] });
            const controller = await start({ policy: asking });
            assert.deepEqual((await readPolicy()).policy, asking);
            await controller.close();
            const back = await readPolicy();
            assert.deepEqual(back.policy?.rules, []);
            assert.ok(back.generation > generation + 1);
        });

        it("serves many at once, and those that say nothing hold up nobody", async () => {
            const { generation } = await applyPolicy(asking);
            await start({ onAsk: () => "allow" });
            const pipe = controllerPipe(process.pid);
            const silent = await Promise.all(
                Array.from({ length: 3 }, async () => {
                    const stream = net.connect(pipe);
                    await once(stream, "connect");
                    return stream;
                }),
            );
            for (let round = 0; round < 20; round++) {
                assert.equal((await askAt(pipe, { generation }))?.action, 1);
            }
            silent.forEach((stream) => stream.destroy());
        });

        it("ends with its signal; misuse is a TypeError", async () => {
            const abort = new AbortController();
            const controller = await start({ signal: abort.signal });
            abort.abort();
            await controller.closed;
            assert.equal(native().readPolicyState().controllerPid, 0);
            await assert.rejects(start({ onask: 1 } as never), TypeError);
            await assert.rejects(start({ onAsk: 1 } as never), TypeError);
            await assert.rejects(onAsk(undefined as never), TypeError);
        });
    });
}
