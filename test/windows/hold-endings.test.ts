// Shows: a held call ends exactly once, however it ends: led elsewhere, too late, without its controller, with its
// socket or its program closed; and many at once.
import assert from "node:assert/strict";
import { counts } from "../support/counts.js";
import { nodes } from "../support/windows.js";
import { program, scenarioFile } from "./acceptance-support.js";
import { applyHoldRule, withHoldRule } from "./hold-policy.js";
import {
    allow,
    deny,
    errorOf,
    FakeController,
    greetingDatagrams,
    greetingServer,
    HeldProgram,
    writeControl,
} from "./hold-support.js";
import type { FakeRequest, GreetingServer } from "./hold-support.js";
import { startLines } from "./watch-support.js";

const refused = 10061;
const access = 10013;
const netDown = 10050;
const aborted = 995;

/** One way of each mechanism; whether the program sees the error that was chosen, or the stack's own. */
const connects = [
    ["connect", true],
    ["select", true],
    ["event", true],
    ["port", false],
] as const;
const sends = ["sendto", "sendto-again", "sendto-port", "sendmsg"] as const;

describe("hold: how calls end", function () {
    this.timeout(60_000);
    withHoldRule({ otherwise: "WSAENETDOWN" });
    const chosen = (exact: boolean, error: number): number => (exact ? error : refused);

    for (const family of [4, 6] as const) {
        for (const [way] of connects) {
            it(`${way}, IPv${family}: led elsewhere, and the program sees where it wanted to go`, async () => {
                await using wanted = await greetingServer(family, "wanted");
                await using other = await greetingServer(family, "other");
                await FakeController.start({
                    onRequest: (request) =>
                        request.answer({
                            action: "redirect",
                            port: other.port,
                            family: family === 4 ? "ipv4" : "ipv6",
                        }),
                });
                const summary = await program(64, "held_calls", [way, `${family}`, `${wanted.port}`]);
                assert.equal(errorOf(summary), 0);
                const host = family === 4 ? "127.0.0.1" : "[::1]";
                assert.deepEqual([summary["greeting"], summary["peer"]], ["other", `${host}:${wanted.port}`]);
            });
        }
    }

    for (const [way, exact] of connects) {
        it(`${way}: the controller goes away`, async () => {
            const controller = await FakeController.start();
            const held = new HeldProgram(way, 4, 9);
            await controller.until(() => controller.requests.length === 1);
            await controller.stop({ crash: true });
            assert.equal(errorOf(await held.ended), chosen(exact, netDown));
        });

        it(`${way}: the program is killed, and its controller goes on`, async () => {
            const controller = await FakeController.start();
            const held = new HeldProgram(way, 4, 9);
            await controller.until(() => controller.requests.length === 1);
            await held.kill();
            controller.requests[0]!.answer(allow);
            const next = new HeldProgram(way, 4, 9);
            await controller.until(() => controller.requests.length === 2);
            controller.requests[1]!.answer(deny(access));
            assert.equal(errorOf(await next.ended), chosen(exact, access));
        });

        it(`${way}: no controller`, async () => {
            const summary = await program(64, "held_calls", [way, "4", "9"]);
            assert.equal(errorOf(summary), netDown);
        });
    }

    it("connect in another thread: the socket is closed", async () => {
        const controller = await FakeController.start();
        const held = new HeldProgram("connect-thread-closes", 4, 9);
        await controller.until(() => controller.requests.length === 1);
        held.close();
        await controller.until(() => controller.withdrawn.length === 1);
        assert.equal(controller.withdrawn[0], controller.requests[0]!.id);
        controller.requests[0]!.answer(allow); // nobody waits for it any more
        assert.equal(errorOf(await held.end()), 10004);
    });

    it("port: the socket is closed, and one completion comes", async () => {
        const controller = await FakeController.start();
        const held = new HeldProgram("port-close", 4, 9);
        await controller.until(() => controller.requests.length === 1);
        held.close();
        const summary = await held.end();
        assert.deepEqual([summary["ok"], summary["least"], summary["most"]], [true, 1, 1], JSON.stringify(summary));
    });

    it("select: the socket is closed", async () => {
        const controller = await FakeController.start();
        const held = new HeldProgram("select-close", 4, 9);
        await controller.until(() => controller.requests.length === 1);
        held.close();
        await controller.until(() => controller.withdrawn.length === 1);
        assert.equal((await held.end())["ok"], true);
    });

    it(`${counts.heldCalls} ConnectEx of each of two processes, answered in any order: each ends once`, async () => {
        await using server = await greetingServer(4, "hello");
        const waiting: FakeRequest[] = [];
        const total = 2 * counts.heldCalls;
        const controller = await FakeController.start({ onRequest: (request) => waiting.push(request) });
        const both = [1, 2].map(() => new HeldProgram("many", 4, server.port, counts.heldCalls));
        await controller.until(() => waiting.length === total);
        assert.equal(controller.connections, 2, "one connection for each process");
        waiting.sort((a, b) => ((a.id * 7919n) % 1009n < (b.id * 7919n) % 1009n ? -1 : 1));
        waiting.forEach((request, index) => request.answer(index % 2 === 0 ? allow : deny(access)));
        for (const { ended } of both) {
            const summary = await ended;
            assert.deepEqual([summary["ok"], summary["least"], summary["most"]], [true, 1, 1], JSON.stringify(summary));
        }
        const summaries = await Promise.all(both.map(({ ended }) => ended));
        const errors = summaries.map((summary) => summary["errors"] as Record<string, number>);
        assert.equal(
            errors.reduce((sum, each) => sum + (each["0"] ?? 0), 0),
            total / 2,
        );
        assert.equal(
            errors.reduce((sum, each) => sum + (each[`${refused}`] ?? 0), 0),
            total / 2,
        );
    });

    it("a controller that is killed: every held call has its otherwise at once", async function () {
        const file = scenarioFile("hold-controller").replace(/cjs$/, "mjs");
        const controller = await startLines(nodes["node"]!, [file], "listening");
        writeControl(controller.pid);
        const held = ["connect", "select", "many"].map((way) => new HeldProgram(way, 4, 9, 20));
        for (let count = 0; count < 22; ++count) {
            assert.equal(await controller.line(), "asked");
        }
        const killed = performance.now();
        controller.child.kill();
        const summaries = await Promise.all(held.map(({ ended }) => ended));
        const took = performance.now() - killed;
        assert.deepEqual(summaries.map(errorOf), [netDown, netDown, refused]);
        assert.deepEqual([summaries[2]!["least"], summaries[2]!["most"]], [1, 1]);
        console.log(`        ${took.toFixed(0)} ms from the kill to the end of the last program`);
        assert.ok(took < 20_000, "long before the rule's time");
    });

    describe("datagrams", () => {
        let wanted: GreetingServer;
        let other: GreetingServer;
        beforeEach(async () => {
            wanted = await greetingDatagrams(4, "wanted");
            other = await greetingDatagrams(4, "other");
        });
        afterEach(async () => {
            await wanted[Symbol.asyncDispose]();
            await other[Symbol.asyncDispose]();
        });

        for (const way of sends) {
            const port = way === "sendto-port";

            it(`${way}: allowed, asked about once for one destination`, async () => {
                const controller = await FakeController.start({ onRequest: (request) => request.answer(allow) });
                const summary = await program(64, "held_calls", [way, "4", `${wanted.port}`, "5"]);
                assert.equal(errorOf(summary), 0);
                assert.equal(controller.requests.length, 1);
                assert.equal(controller.requests[0]!.protocol, 17);
                assert.equal(summary["cameAgain"] === true, way === "sendto-again");
                if (!port) {
                    assert.deepEqual([summary["greeting"], summary["peer"]], ["wanted", `127.0.0.1:${wanted.port}`]);
                } else {
                    assert.deepEqual([summary["pended"], summary["errors"]], [true, { 0: 5 }]);
                }
            });

            it(`${way}: denied`, async () => {
                await FakeController.start({ onRequest: (request) => request.answer(deny(access)) });
                const summary = await program(64, "held_calls", [way, "4", `${wanted.port}`]);
                assert.equal(errorOf(summary), port ? aborted : access);
                assert.equal(wanted.connections(), 0);
            });

            it(`${way}: the controller goes away`, async () => {
                const controller = await FakeController.start();
                const held = new HeldProgram(way, 4, wanted.port);
                await controller.until(() => controller.requests.length === 1);
                await controller.stop({ crash: true });
                assert.equal(errorOf(await held.ended), port ? aborted : netDown);
            });

            it(`${way}: led elsewhere`, async () => {
                await FakeController.start({
                    onRequest: (request) => request.answer({ action: "redirect", port: other.port, family: "ipv4" }),
                });
                const summary = await program(64, "held_calls", [way, "4", `${wanted.port}`]);
                assert.equal(errorOf(summary), 0);
                if (!port) {
                    assert.deepEqual([summary["greeting"], summary["peer"]], ["other", `127.0.0.1:${wanted.port}`]);
                }
                assert.equal(wanted.connections(), 0);
            });
        }
    });

    describe("with a time-out of 300 ms", () => {
        before(() => applyHoldRule({ otherwise: "WSAENETDOWN", timeout: 300 }));
        after(() => applyHoldRule({ otherwise: "WSAENETDOWN" }));

        for (const [way, exact] of [...connects, ["sendto", true], ["sendto-again", true]] as const) {
            it(`${way}: too late`, async () => {
                await FakeController.start();
                const summary = await program(64, "held_calls", [way, "4", "9"]);
                assert.equal(errorOf(summary), chosen(exact, netDown));
                assert.ok(Number(summary["ms"]) >= 250, `held for ${String(summary["ms"])} ms`);
            });
        }
    });
});
