// Shows: Node's own net and dgram while their calls are held: events and callbacks come once, and its loop goes on.
import assert from "node:assert/strict";
import { withHoldRule } from "./hold-policy.js";
import { allow, deny, FakeController, greetingDatagrams, greetingServer } from "./hold-support.js";
import { type LineProgram, startNode } from "./watch-support.js";

async function end(node: LineProgram): Promise<void> {
    await node.end();
    assert.equal(node.child.exitCode, 0);
    node.child.stdout!.destroy();
}

describe("hold: Node", function () {
    this.timeout(60_000);
    withHoldRule({ otherwise: "WSAENETDOWN" });

    it("its timer keeps ticking while its connect is held", async () => {
        await using server = await greetingServer(4, "hello");
        const controller = await FakeController.start();
        const node = await startNode(`
            let ticks = 0;
            setInterval(() => ticks++, 10);
            const socket = require("net").connect(${server.port}, "127.0.0.1");
            const began = ticks;
            socket.on("data", (data) => say(data + " " + (ticks - began >= 20)));
            process.stdin.on("data", () => say("ticks " + ticks));`);
        await controller.until(() => controller.requests.length === 1);
        const ticks = async (): Promise<number> => Number((await node.ask("?")).slice("ticks ".length));
        const before = await ticks();
        while ((await ticks()) < before + 25) {
            // its event loop answers, and its timer goes on
        }
        controller.requests[0]!.answer(allow);
        assert.equal(await node.line(), "hello true");
        await end(node);
    });

    it("net: a denied connect is an error, a destroyed socket is closed once", async () => {
        const controller = await FakeController.start();
        const node = await startNode(`
            const net = require("net");
            const denied = net.connect(9, "127.0.0.1");
            denied.on("error", (error) => say("error " + error.code)).on("close", () => say("closed"));
            const destroyed = net.connect(9, "127.0.0.1");
            destroyed.on("error", () => say("wrong")).on("close", () => say("destroyed"));
            process.stdin.on("data", () => destroyed.destroy());`);
        await controller.until(() => controller.requests.length === 2);
        const first = controller.requests.find(({ id }) => id < controller.requests[1]!.id) ?? controller.requests[1]!;
        first.answer(deny(10013));
        assert.equal(await node.line(), "error ECONNREFUSED");
        assert.equal(await node.line(), "closed");
        assert.equal(await node.ask("destroy"), "destroyed");
        await end(node);
    });

    for (const family of [4, 6] as const) {
        it(`dgram, IPv${family}: a burst's callbacks come, and the answers from whom it wrote to`, async () => {
            await using wanted = await greetingDatagrams(family, "wanted");
            await using other = await greetingDatagrams(family, "other");
            const controller = await FakeController.start();
            const node = await startNode(`
                const count = 40;
                const socket = require("dgram").createSocket("udp${family}");
                let errors = 0, sent = 0, answers = 0;
                const host = "${family === 4 ? "127.0.0.1" : "::1"}";
                const done = () =>
                    sent === count && answers === count - errors && say([sent, errors, answers].join());
                socket.on("message", (text, from) => {
                    const right = String(text) === "other" && from.port === ${wanted.port} && from.address === host;
                    if (!right) say("wrong " + text + from.port);
                    answers++; done();
                });
                for (let index = 0; index < count; ++index)
                    socket.send("x", ${wanted.port}, host, (error) => { sent++; if (error) errors++; done(); });
                process.stdin.on("data", () => socket.close(() => say("closed")));`);
            await controller.until(() => controller.requests.length === 1);
            controller.requests[0]!.answer({
                action: "redirect",
                port: other.port,
                family: family === 4 ? "ipv4" : "ipv6",
            });
            assert.equal(await node.line(), "40,0,40");
            assert.equal(await node.ask("close"), "closed");
            assert.equal(controller.requests.length, 1);
            assert.equal(wanted.connections(), 0);
            await end(node);
        });
    }

    it("dgram: closed while its datagrams are held, every one of them has its callback", async () => {
        const controller = await FakeController.start();
        const node = await startNode(`
            const socket = require("dgram").createSocket("udp4");
            let called = 0;
            socket.on("message", () => say("wrong"));
            for (let index = 0; index < 20; ++index) socket.send("x", 9, "127.0.0.1", () => called++);
            process.stdin.on("data", () => {
                socket.close();
                const timer = setInterval(() => called === 20 && (clearInterval(timer), say("closed " + called)), 10);
            });`);
        await controller.until(() => controller.requests.length === 1);
        assert.equal(await node.ask("close"), "closed 20");
        await end(node);
    });
});
