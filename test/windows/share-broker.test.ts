// A broker and its workers, which are other processes.
import assert from "node:assert/strict";
import { once } from "node:events";
import * as net from "node:net";
import { text } from "node:stream/consumers";
import { WinsockError } from "#lib/errors.js";
import { type Broker, type BrokerOptions, joinBroker, startBroker } from "#lib/share/recipes/broker.js";
import { nodes } from "../support/windows.js";
import { type StartedProgram, scenario, start, uniqueName } from "./share-programs.js";

interface Worker {
    program: StartedProgram;
    pid: number;
}

describe("share: broker", function () {
    this.timeout(30_000);
    let broker: Broker | undefined;
    let name: string;
    let errors: unknown[];

    beforeEach(() => {
        name = uniqueName();
        errors = [];
    });
    afterEach(async () => {
        await broker?.close();
        broker = undefined;
    });

    async function open(options: Partial<BrokerOptions> = {}): Promise<Broker> {
        broker = await startBroker({ name, host: "127.0.0.1", onError: (error) => errors.push(error), ...options });
        return broker;
    }

    /** A worker that has joined. */
    async function work(flags: readonly string[] = [], node = process.execPath): Promise<Worker> {
        const program = start(node, [scenario("broker-worker.mjs"), name, ...flags]);
        return { program, ...(JSON.parse(await program.line()) as { pid: number }) };
    }

    /** Sends a message over a new connection; resolves with who answered. */
    async function ask(message: string): Promise<number> {
        const socket = net.connect(broker!.address.port, "127.0.0.1");
        socket.end(message);
        const [, pid, echo] = /^(\d+) (.*)$/.exec(await text(socket)) ?? [];
        assert.equal(echo, message);
        return Number(pid);
    }

    const askMany = (count: number): Promise<number[]> =>
        Promise.all(Array.from({ length: count }, (_, index) => ask(`message ${index}`)));

    it("gives every worker its share of the connections, whatever Node it is", async () => {
        await open();
        const kinds = [...new Set([nodes["node"], nodes["node26"], nodes["node-x86"], nodes["node20"]])];
        const workers = await Promise.all(kinds.filter((node) => node !== undefined).map((node) => work([], node)));
        while (broker!.workers.length < workers.length) {
            await ask("until all have joined");
        }
        const answered = await askMany(40 * workers.length);
        const { workers: seen } = broker!;
        assert.deepEqual(seen.map(({ pid }) => pid).sort(), workers.map(({ pid }) => pid).sort());
        for (const { pid } of workers) {
            assert.ok(
                answered.filter((one) => one === pid).length >= 20,
                `${pid} answered its share: ${String(answered)}`,
            );
        }
        assert.deepEqual(errors, []);
    });

    it("lets connections wait until a worker joins", async () => {
        await open();
        const early = askMany(10);
        const { pid } = await work();
        assert.deepEqual(
            await early,
            Array.from({ length: 10 }, () => pid),
        );
    });

    it("gives to others what was on its way to a worker that died", async () => {
        await open();
        const dying = await work(["--die-after", "3"]);
        const living = await work();
        // Those two that it answers, and the third, which it had got when it died, are its own.
        const asked = Array.from({ length: 60 }, (_, index) =>
            ask(`message ${index}`).catch((error: unknown) => error),
        );
        const answers = await Promise.all(asked);
        assert.deepEqual((await dying.program.ended)[0], 5);
        const lost = answers.filter((answer) => typeof answer !== "number");
        assert.ok(lost.length <= 3, `${lost.length} connections were lost with the worker that had them`);
        assert.ok(answers.filter((answer) => answer === living.pid).length >= 57);
        assert.equal(await ask("afterwards"), living.pid);
    });

    it("gives to others what a worker that hangs does not take in time", async () => {
        await open({ timeout: 500 });
        const hung = await work(["--hang-after", "1"]);
        void ask("this one it has got").catch(() => undefined);
        assert.equal(await hung.program.line(), "hanging");
        const { pid } = await work();
        assert.deepEqual(
            await askMany(20),
            Array.from({ length: 20 }, () => pid),
        );
        assert.ok(errors.some((error) => error instanceof WinsockError && error.code === "ERR_TIMEOUT"));
    });

    it("lets a worker leave, and the others go on", async () => {
        await open();
        const leaving = new AbortController();
        const own = joinBroker({ name, allowHalfOpen: true, signal: leaving.signal });
        const got = own.next();
        const asked = ask("for this process");
        const { value } = await got;
        assert.ok(value !== undefined);
        assert.equal(value.broker, process.pid);
        const [message] = (await once(value.socket, "data")) as [Buffer];
        assert.equal(message.toString(), "for this process");
        value.socket.end(`${process.pid} for this process`);
        assert.equal(await asked, process.pid);
        leaving.abort();
        await assert.rejects(own.next(), { name: "AbortError" });
        const { pid } = await work();
        assert.deepEqual(await askMany(5), [pid, pid, pid, pid, pid]);
    });

    it("chooses as it is told", async () => {
        const chosen: number[] = [];
        await open({
            choose: (workers) => {
                const worker = workers.reduce((one, other) => (other.pid > one.pid ? other : one));
                chosen.push(worker.pid);
                return worker;
            },
        });
        const workers = [await work(), await work()];
        const favourite = Math.max(...workers.map(({ pid }) => pid));
        while (broker!.workers.length < 2) {
            await ask("until both have joined");
        }
        assert.deepEqual(await askMany(3), [favourite, favourite, favourite]);
        assert.equal(chosen.at(-1), favourite);
    });

    it("ends with what was on its way delivered, and lets its workers go", async () => {
        await open();
        const { program } = await work();
        await askMany(3);
        const { port } = broker!.address;
        await broker!.close();
        await broker!.close();
        assert.equal(await program.line(), "left");
        assert.deepEqual(await program.ended, [0, null]);
        const refused = net.connect(port, "127.0.0.1");
        const [error] = (await once(refused, "error")) as [NodeJS.ErrnoException];
        assert.equal(error.code, "ECONNREFUSED");
        await assert.rejects(
            joinBroker({ name }).next(),
            (cause: unknown) => cause instanceof WinsockError && cause.code === "ERR_NO_LISTENER",
        );
    });

    it("refuses misuse", async () => {
        for (const options of [
            undefined,
            {},
            { name: "" },
            { name, wrong: 1 },
            { name, window: 0 },
            { name, listener: 5 },
        ]) {
            await assert.rejects(startBroker(options as unknown as BrokerOptions), TypeError);
        }
        assert.throws(() => joinBroker({} as { name: string }), TypeError);
    });
});
