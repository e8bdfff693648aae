// Shows: a connect that the policy holds, as the program sees it, whatever it waits with: what the controller allows is
// connected, what it denies fails, exactly once.
import assert from "node:assert/strict";
import { program } from "./acceptance-support.js";
import { allow, deny, errorOf, FakeController, functions, greetingServer } from "./hold-support.js";
import type { FakeRequest } from "./hold-support.js";
import { withHoldRule } from "./hold-policy.js";

const refused = 10061;
const access = 10013;

/** The ways of a program to connect. */
const ways = ["connect", "select", "poll", "event", "port", "port-data", "overlapped-event"] as const;

const usesConnectEx = (way: string): boolean => way.startsWith("port") || way === "overlapped-event";

describe("hold: connects", function () {
    this.timeout(180_000);
    withHoldRule({ otherwise: "WSAEACCES" });

    for (const way of ways) {
        it(`${way}: allowed`, async () => {
            await using server = await greetingServer(4, "hello");
            const controller = await FakeController.start({ onRequest: (request) => request.answer(allow) });
            const summary = await program(64, "held_calls", [way, "4", `${server.port}`]);
            assert.equal(errorOf(summary), 0);
            assert.deepEqual([summary["greeting"], summary["peer"]], ["hello", `127.0.0.1:${server.port}`]);
            const [request] = controller.requests as [FakeRequest];
            assert.equal(controller.requests.length, 1);
            assert.equal(request.call, usesConnectEx(way) ? functions.ConnectEx : functions.WSPConnect);
            assert.deepEqual([request.remote.port, request.protocol, request.kind], [server.port, 6, "ask"]);
            assert.notEqual(request.local.port, 0);
            assert.equal(request.pid, summary["pid"]);
        });

        it(`${way}: denied`, async () => {
            await using server = await greetingServer(4, "hello");
            await FakeController.start({ onRequest: (request) => request.answer(deny(access)) });
            const summary = await program(64, "held_calls", [way, "4", `${server.port}`]);
            assert.equal(errorOf(summary), usesConnectEx(way) ? refused : access);
            assert.equal(server.connections(), 0);
        });
    }
});
