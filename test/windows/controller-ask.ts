// A TypeScript hook decides calls of unmodified Node programs: asked through the real provider and the real pipe.
import assert from "node:assert/strict";
import { once } from "node:events";
import * as net from "node:net";
import { onAsk } from "#lib/hooks/ask.js";
import type { AskHook } from "#lib/policy/answers.js";
import { applyPolicy } from "#lib/policy/apply.js";
import type { Controller } from "#lib/policy/controller.js";
import type { HeldCall } from "#lib/policy/controller-model.js";
import type { Action, Otherwise, Policy } from "#lib/policy/model.js";
import { clearPolicy, readPolicy } from "#lib/policy/store.js";
import { type LineProgram, startNode } from "./watch-support.js";

/** Connects to each port that it is told, and says how it went; counts the turns of a timer meanwhile. */
const client = `
    const net = require("node:net");
    process.stdin.on("data", (text) => {
        const port = Number(text);
        let ticks = 0;
        const timer = setInterval(() => ticks++, 5);
        const begin = performance.now();
        const done = (result, socket) => {
            clearInterval(timer);
            say(JSON.stringify({ result, ticks, ms: performance.now() - begin, remotePort: socket?.remotePort ?? null }));
            socket?.destroy();
        };
        const socket = net.connect(port, "127.0.0.1", () => done("connected", socket)).on("error", ({ code }) => done(code));
    })`;

interface Outcome {
    readonly result: string;
    readonly ticks: number;
    readonly ms: number;
    readonly remotePort: number | null;
}

async function listener(): Promise<{ port: number; connections: () => number; close: () => void }> {
    let connections = 0;
    const server = net
        .createServer((socket) => {
            connections++;
            socket.on("error", () => undefined).resume();
        })
        .listen(0, "127.0.0.1");
    await once(server, "listening");
    return {
        port: (server.address() as net.AddressInfo).port,
        connections: () => connections,
        close: () => server.close(),
    };
}

export function askTests(): void {
    describe("controller: a hook decides calls of unmodified programs", function () {
        this.timeout(120_000);
        const cleanUp: (() => unknown)[] = [];
        afterEach(async () => {
            for (const one of cleanUp.splice(0).reverse()) {
                await one();
            }
            await clearPolicy();
        });

        const policyFor = (port: number, then: Action): Policy => ({
            version: 1,
            default: { kind: "allow" },
            rules: [
                {
                    name: "held",
                    match: { call: ["connect"], to: [{ ports: [{ first: port, last: port }] }] },
                    then,
                },
            ],
        });
        const asking = (timeout = 30_000, otherwise: Otherwise = { kind: "deny", error: "WSAEACCES" }): Action => ({
            kind: "ask",
            timeout,
            otherwise,
        });

        async function place(): Promise<Awaited<ReturnType<typeof listener>>> {
            const made = await listener();
            cleanUp.push(made.close);
            return made;
        }
        async function ask(hook: AskHook): Promise<Controller> {
            const controller = await onAsk(hook);
            cleanUp.push(() => controller.close());
            return controller;
        }
        const connect = async (program: LineProgram, port: number): Promise<Outcome> =>
            JSON.parse(await program.ask(String(port))) as Outcome;

        it("allow, deny and redirect; the program sees the address that it asked for, and its timers go on", async () => {
            const [wanted, other] = [await place(), await place()];
            await applyPolicy(policyFor(wanted.port, asking()));
            const program = await startNode(client);
            const calls: HeldCall[] = [];
            const answers = [
                "allow",
                "deny",
                { action: "redirect", to: { address: "127.0.0.1", port: other.port } },
            ] as const;
            await ask(async (call) => {
                calls.push(call);
                await new Promise((resolve) => setTimeout(resolve, 200));
                return answers[calls.length - 1];
            });
            const allowed = await connect(program, wanted.port);
            assert.equal(allowed.result, "connected");
            assert.ok(allowed.ms >= 190 && allowed.ticks >= 2, `held, not blocked: ${JSON.stringify(allowed)}`);
            assert.equal(wanted.connections(), 1);
            const denied = await connect(program, wanted.port);
            assert.equal(denied.result, "ECONNREFUSED", "the stack's own refusal ends a pended ConnectEx");
            const redirected = await connect(program, wanted.port);
            assert.deepEqual([redirected.result, redirected.remotePort], ["connected", wanted.port]);
            assert.deepEqual([wanted.connections(), other.connections()], [1, 1]);
            const [first] = calls;
            assert.equal(first?.pid, program.pid);
            assert.equal(first?.call, "ConnectEx");
            assert.equal(first?.rule?.name, "held");
            assert.deepEqual(first?.remote, { address: "127.0.0.1", port: wanted.port });
            assert.equal(first?.program.toLowerCase(), process.execPath.toLowerCase());
        });

        it("an answer for the process is not asked for again; one for ever decides at once in every process", async () => {
            const wanted = await place();
            await applyPolicy(policyFor(wanted.port, asking()));
            let asked = 0;
            let remember: "process" | "forever" = "process";
            await ask(
                () => (
                    asked++,
                    remember === "process"
                        ? { action: "allow", remember }
                        : { action: "deny", error: "WSAENETUNREACH", remember }
                ),
            );
            const first = await startNode(client);
            assert.equal((await connect(first, wanted.port)).result, "connected");
            assert.equal((await connect(first, wanted.port)).result, "connected");
            assert.equal(asked, 1);
            remember = "forever";
            const { generation } = await readPolicy();
            const second = await startNode(client);
            assert.equal((await connect(second, wanted.port)).result, "ECONNREFUSED");
            while ((await readPolicy()).generation === generation) {
                await new Promise((resolve) => setTimeout(resolve, 5));
            }
            const third = await startNode(client);
            assert.equal(
                (await connect(third, wanted.port)).result,
                "ENETUNREACH",
                "denied at once, with the chosen error",
            );
            assert.equal(asked, 2);
        });

        it("otherwise holds without a controller, when it goes, and when the time is over", async () => {
            const wanted = await place();
            await applyPolicy(policyFor(wanted.port, asking()));
            const program = await startNode(client);
            assert.equal((await connect(program, wanted.port)).result, "EACCES", "no controller");
            let held!: (call: HeldCall) => void;
            const asked = new Promise<HeldCall>((resolve) => (held = resolve));
            const controller = await ask((call) => (held(call), new Promise<undefined>(() => undefined)));
            const outcome = connect(program, wanted.port);
            const { signal } = await asked;
            await controller.close();
            assert.equal((await outcome).result, "ECONNREFUSED");
            assert.equal(signal.aborted, true);
            await applyPolicy(policyFor(wanted.port, asking(200, { kind: "allow" })));
            await ask(() => new Promise<undefined>(() => undefined));
            const late = await connect(program, wanted.port);
            assert.equal(late.result, "connected");
            assert.ok(late.ms >= 190, `${late.ms} ms`);
        });

        it("many programs are asked at the same time", async () => {
            const wanted = await place();
            await applyPolicy(policyFor(wanted.port, asking()));
            const programs = await Promise.all(Array.from({ length: 4 }, () => startNode(client)));
            const waiting: (() => void)[] = [];
            await ask(
                () =>
                    new Promise((resolve) => {
                        waiting.push(() => resolve("allow"));
                        if (waiting.length === programs.length) {
                            waiting.forEach((go) => go());
                        }
                    }),
            );
            const outcomes = await Promise.all(programs.map((program) => connect(program, wanted.port)));
            assert.deepEqual(
                outcomes.map(({ result }) => result),
                programs.map(() => "connected"),
            );
        });

        it("relays start with the first call that wants one", async () => {
            const wanted = await place();
            await applyPolicy(
                policyFor(wanted.port, { kind: "relay", delay: 80, otherwise: { kind: "deny", error: "WSAEACCES" } }),
            );
            await ask(() => undefined);
            const program = await startNode(client);
            const outcome = await connect(program, wanted.port);
            assert.deepEqual([outcome.result, outcome.remotePort], ["connected", wanted.port]);
            assert.ok(outcome.ms >= 75, `${outcome.ms} ms`);
        });
    });
}
