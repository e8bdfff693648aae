// Bad lines: delay, jitter, rate, resets.
import assert from "node:assert/strict";
import { once } from "node:events";
import { Line } from "#lib/relay/line.js";
import {
    boundSocket,
    callOf,
    connectThrough,
    echo,
    exchange,
    failure,
    follow,
    readAll,
    relayFor,
    ruleOf,
    serve,
} from "./relay-support.js";

/** Milliseconds of a clock that a timer may lack. */
const tolerance = 2;

async function timed<Value>(work: Promise<Value>): Promise<{ value: Value; time: number }> {
    const begin = performance.now();
    const value = await work;
    return { value, time: performance.now() - begin };
}

describe("relay: bad lines", function () {
    this.timeout(60_000);

    it("delay: the connect, and each way", async () => {
        const relay = await relayFor();
        const rule = ruleOf({ delay: 80 });
        const remote = await serve(echo);
        const { local, socket } = await boundSocket();
        const admitted = await timed(relay.admit(callOf(rule, local, remote)));
        assert.ok(admitted.time >= 80 - tolerance, `the connect took ${admitted.time} ms`);
        const client = await follow(socket, admitted.value);
        client.write("ping");
        const { time } = await timed(once(client, "data"));
        assert.ok(time >= 160 - tolerance, `there and back took ${time} ms`);
    });

    it("delay keeps order, content and the end", async () => {
        const relay = await relayFor();
        const { client } = await connectThrough(relay, ruleOf({ delay: 20, jitter: 20 }), await serve(echo));
        const text = Array.from({ length: 20_000 }, (_, index) => `line ${index}\n`).join("");
        assert.equal(await exchange(client, text), text);
    });

    it("delay: a reset comes through, after what was said before", async () => {
        const relay = await relayFor();
        const remote = await serve((socket) => {
            socket.write("last words");
            socket.once("data", () => socket.resetAndDestroy());
        });
        const { client } = await connectThrough(relay, ruleOf({ delay: 30 }), remote);
        const [words] = (await once(client, "data")) as [Buffer];
        assert.equal(words.toString(), "last words");
        client.write("x");
        assert.equal(await failure(client), "ECONNRESET");
    });

    it("rate: as many bytes a second as the rule says, each way", async () => {
        const relay = await relayFor();
        const size = 200_000;
        const remote = await serve((socket) => socket.end(Buffer.alloc(size)));
        const { client } = await connectThrough(relay, ruleOf({ rate: 400_000 }), remote);
        const { value, time } = await timed(readAll(client));
        assert.equal(value.length, size);
        assert.ok(time >= 500 - 25, `${size} bytes took ${time} ms`);
    });

    it("rate: holds the program back", async () => {
        const relay = await relayFor();
        let got = 0;
        const remote = await serve((socket) => void socket.on("data", (bytes: Buffer) => (got += bytes.length)));
        const { client } = await connectThrough(relay, ruleOf({ rate: 100_000 }), remote);
        const begin = performance.now();
        // More than all buffers on the way together; Windows takes a single send of any size.
        const piece = Buffer.alloc(65_536);
        let pieces = 1024;
        const write = (): void => {
            while (pieces > 0 && client.write(piece)) {
                pieces -= 1;
            }
        };
        client.on("drain", write);
        write();
        await new Promise((resolve) => setTimeout(resolve, 500));
        assert.ok(got <= (performance.now() - begin) * 100 + 4000, `${got} bytes arrived`);
        assert.ok(pieces > 0, "the program still has bytes that nobody takes");
        client.destroy();
    });

    it("reset: a share of streams, at a moment of chance", async () => {
        const remote = await serve(echo);
        const all = await relayFor({}, { random: () => 0.5 });
        const { client } = await connectThrough(all, ruleOf({ reset: 1 }), remote);
        client.write(Buffer.alloc(100_000));
        assert.match((await failure(client))!, /ECONNRESET|EPIPE/);
        const idle = await connectThrough(all, ruleOf({ reset: 1 }), remote);
        assert.equal(await failure(idle.client), "ECONNRESET", "one that says nothing is reset too");

        const none = await relayFor({}, { random: () => 0.5 });
        const spared = await connectThrough(none, ruleOf({ reset: 0.4 }), remote);
        assert.equal(await exchange(spared.client, "spared"), "spared");
    });

    it("a line: delays spread as the jitter says, and no item overtakes another", async () => {
        const numbers = [0, 0.5, 0.999, 0.1, 0.9];
        let next = 0;
        const arrived: { item: number; at: number }[] = [];
        let done: () => void;
        const all = new Promise<void>((resolve) => (done = resolve));
        const begin = performance.now();
        const line = new Line<number>({
            delay: 60,
            jitter: 40,
            rate: undefined,
            random: () => numbers[next++ % numbers.length]!,
            deliver: (item) => {
                arrived.push({ item, at: performance.now() - begin });
                if (arrived.length === 5) {
                    done();
                }
                return true;
            },
        });
        numbers.forEach((_, item) => line.push(item, 1));
        await all;
        assert.deepEqual(
            arrived.map(({ item }) => item),
            [0, 1, 2, 3, 4],
        );
        for (const [item, least] of [20, 60, 99].entries()) {
            assert.ok(arrived[item]!.at >= least - tolerance, `item ${item} arrived after ${arrived[item]!.at} ms`);
        }
    });

    it("closing the relay with delayed streams open ends them at once", async () => {
        const relay = await relayFor();
        const { client } = await connectThrough(relay, ruleOf({ delay: 50 }), await serve(echo));
        client.write("x");
        await relay.close();
        assert.match((await failure(client))!, /ECONNRESET|EPIPE/);
    });
});
