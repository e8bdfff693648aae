// Shows: bind, listen and accept that the policy holds; and whom the provider does not believe.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import * as net from "node:net";
import { createInterface } from "node:readline";
import { lastJson, program, programFile } from "./acceptance-support.js";
import { applyHoldRule, withHoldRule } from "./hold-policy.js";
import { allow, deny, errorOf, FakeController, functions, greetingServer } from "./hold-support.js";
import type { Summary } from "./hold-support.js";

const access = 10013;
const netDown = 10050;

interface Accepting {
    readonly port: number;
    readonly ended: Promise<Summary>;
}

async function startAccepting(way: string): Promise<Accepting> {
    const child = spawn(programFile(64, "held_calls"), [way, "4", "0"], { stdio: ["ignore", "pipe", "inherit"] });
    const seen: string[] = [];
    const lines = createInterface({ input: child.stdout }).on("line", (line) => seen.push(line));
    await once(lines, "line");
    const ended = once(child, "close").then(() => lastJson(seen.join("\n")));
    return { port: Number(seen[0]!.slice("port ".length)), ended };
}

/** What a client gets: what it is sent, or the code of its error. */
async function visit(port: number): Promise<string> {
    const socket = net.connect(port, "127.0.0.1");
    let text = "";
    socket.setEncoding("utf8").on("data", (data: string) => (text += data));
    const end = once(socket, "end").then(() => []);
    const [error] = (await Promise.race([end, once(socket, "error")])) as [NodeJS.ErrnoException?];
    socket.destroy();
    return error?.code ?? text;
}

describe("hold: servers", function () {
    this.timeout(60_000);
    withHoldRule({ otherwise: "WSAENETDOWN", calls: ["bind", "listen", "accept"] });

    it("listen and bind of a thread that may wait", async () => {
        const asked: number[] = [];
        await FakeController.start({
            onRequest: (request) => {
                asked.push(request.call);
                request.answer(request.call === functions.WSPListen ? deny(access) : allow);
            },
        });
        assert.equal(errorOf(await program(64, "held_calls", ["bind", "4", "0"])), 0);
        assert.equal(errorOf(await program(64, "held_calls", ["listen", "4", "0"])), access);
        assert.deepEqual(asked, [functions.WSPBind, functions.WSPBind, functions.WSPListen]);
    });

    it("bind of a non-blocking socket: the rule's otherwise at once, since nobody could wait", async () => {
        const controller = await FakeController.start();
        assert.equal(errorOf(await program(64, "held_calls", ["bind-nonblocking", "4", "0"])), netDown);
        assert.equal(controller.requests.length, 0);
    });

    for (const way of ["accept", "accept-condition"]) {
        it(`${way}: refused, then allowed`, async () => {
            const answers = [deny(access), allow];
            const controller = await FakeController.start({
                onRequest: (request) => request.answer(request.call === functions.WSPAccept ? answers.shift()! : allow),
            });
            const { port, ended } = await startAccepting(way);
            const first = await visit(port);
            assert.notEqual(first, "accepted");
            if (way === "accept") {
                // it never hears of the first one
                assert.equal(await visit(port), "accepted");
            }
            const summary = await ended;
            assert.equal(errorOf(summary), way === "accept" ? 0 : 10061);
            assert.equal(summary["deferred"], way === "accept-condition");
            const asked = controller.requests.filter(({ call }) => call === functions.WSPAccept);
            assert.ok(asked.length > 0 && asked.every(({ remote }) => remote.port !== 0));
        });
    }
});

describe("hold: who is believed", function () {
    this.timeout(60_000);
    withHoldRule({ otherwise: "WSAENETDOWN" });

    const broken: [string, Buffer][] = [
        ["other magic", Buffer.alloc(48, 1)],
        [
            "an action that there is not",
            Buffer.from("5753494101003000" + "00".repeat(8) + "09000000" + "00".repeat(28), "hex"),
        ],
    ];
    for (const [name, greeting] of broken) {
        it(`not a controller that says ${name}`, async () => {
            await using server = await greetingServer(4, "hello");
            await FakeController.start({ greeting, onRequest: (request) => request.answer(allow) });
            assert.equal(errorOf(await program(64, "held_calls", ["connect", "4", `${server.port}`])), netDown);
        });
    }

    it("answers of calls that nobody made change nothing", async () => {
        const stray = Buffer.from("57534941010030003930000000000000" + "01000000" + "00".repeat(28), "hex");
        await using server = await greetingServer(4, "hello");
        await FakeController.start({
            greeting: Buffer.concat([stray, stray]),
            onRequest: (request) => {
                request.answer(deny(access));
                request.answer(allow); // nor does a second one
            },
        });
        assert.equal(errorOf(await program(64, "held_calls", ["port", "4", `${server.port}`])), 10061);
        assert.equal(server.connections(), 0);
    });

    it("not a pipe whose owner is some user", async () => {
        await using server = await greetingServer(4, "hello");
        const controller = await FakeController.start({
            sddl: "O:WDG:BAD:(A;;GRGW;;;WD)",
            onRequest: (request) => request.answer(allow),
        });
        assert.equal(errorOf(await program(64, "held_calls", ["connect", "4", `${server.port}`])), netDown);
        assert.equal(controller.requests.length, 0);
    });

    it("a ticket of a relay: bound beforehand, and led to where it says", async () => {
        await applyHoldRule({ relay: true, otherwise: "WSAENETDOWN" });
        await using wanted = await greetingServer(4, "wanted");
        await using other = await greetingServer(4, "other");
        for (const bits of [64, 32] as const) {
            const controller = await FakeController.start({
                onRequest: (request) => request.answer({ action: "redirect", port: other.port, family: "ipv4" }),
            });
            const summary = await program(bits, "held_calls", ["port", "4", `${wanted.port}`]);
            assert.equal(errorOf(summary), 0);
            assert.deepEqual([summary["greeting"], summary["peer"]], ["other", `127.0.0.1:${wanted.port}`]);
            const tickets = controller.requests.map(({ kind, local }) => [kind, local.port !== 0]);
            assert.deepEqual(tickets, [["ticket", true]]);
            await controller.stop();
        }
    });
});
