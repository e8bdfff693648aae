// Hand-overs per second and median latency of each transport, beside child_process.send(handle) with the same number of
// sockets in the same run.
import { fork } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import net from "node:net";
import { fileURLToPath } from "node:url";
import { sendSocket, spawnWithChannel, transportNames } from "winsock-spi";
import { compare, formatRatio, leastPairs, median, printTable } from "./measure.mjs";

export const title = "sockets given to another process, beside child_process.send(handle)";
export const inside = "host";

/** Sockets in flight at once; few where the mechanism is a slow one (a hand-over by atoms is a thousand atoms). */
const inFlight = {
    pipe: 500,
    tcp: 100,
    "shared-memory": 100,
    "anonymous-pipe": 100,
    mailslot: 100,
    copydata: 100,
    dde: 50,
    atoms: 20,
};
/** Sockets sent one after the other, for the latency. */
const oneByOne = { atoms: 10, dde: 30 };

const file = (name) => fileURLToPath(new URL(`ends/${name}`, import.meta.url));

/** `count` connected sockets of this process, and the other ends of them. */
async function connections(count) {
    const server = net.createServer({ pauseOnConnect: true });
    server.listen(0, "127.0.0.1", 1000);
    await once(server, "listening");
    const { port } = server.address();
    const near = [];
    server.on("connection", (socket) => near.push(socket));
    const far = [];
    for (let made = 0; made < count; made += 50) {
        await Promise.all(
            Array.from({ length: Math.min(50, count - made) }, async () => {
                const socket = net.connect(port, "127.0.0.1").on("error", () => {});
                far.push(socket);
                await once(socket, "connect");
            }),
        );
    }
    while (near.length < count) {
        await once(server, "connection");
    }
    server.close();
    return { near, end: () => far.forEach((socket) => socket.destroy()) };
}

/** Seconds to hand all of them over at once, and the median of doing so one by one. */
async function measureOnce(count, give, expect) {
    const all = await connections(count);
    const arrived = await expect(count);
    const start = process.hrtime.bigint();
    all.near.forEach(give);
    await arrived();
    const seconds = Number(process.hrtime.bigint() - start) / 1e9;
    all.end();
    return seconds;
}

async function latencies(count, give, expect) {
    const each = [];
    const all = await connections(count);
    for (const socket of all.near) {
        const arrived = await expect(1);
        const start = process.hrtime.bigint();
        give(socket);
        await arrived();
        each.push(Number(process.hrtime.bigint() - start) / 1e6);
    }
    all.end();
    return median(each);
}

const isAll = (message) => message === "all";

/** expect(count) of a forked child: it is told how many come, and the result waits for it to have them all. */
function expecting(child) {
    return async (count) => {
        const ready = once(child, "message");
        child.send({ expect: count });
        await ready;
        const done = once(child, "message").then(([message]) => {
            if (!isAll(message)) {
                throw new Error(`unexpected: ${JSON.stringify(message)}`);
            }
        });
        return () => done;
    };
}

async function ours(transport) {
    if (transport === "anonymous-pipe") {
        const { channel, exited } = await spawnWithChannel(process.execPath, [file("receiver.mjs"), transport]);
        let sending = [];
        return {
            give: (socket) => sending.push(sendSocket(socket, { to: channel })),
            // No second channel to that child: a hand-over is over when sendSocket says so.
            expect: async () => {
                sending = [];
                return () => Promise.all(sending);
            },
            end: async () => {
                channel.stream.destroy();
                await exited;
            },
        };
    }
    const at = transport === "tcp" ? "127.0.0.1:0" : `winsock-spi-bench-${randomUUID()}`;
    const child = fork(file("receiver.mjs"), [transport, at]);
    const [{ address }] = await once(child, "message");
    const expect = expecting(child);
    let sending = [];
    return {
        give: (socket) => sending.push(sendSocket(socket, { to: address, transport })),
        expect: async (count) => {
            const arrived = await expect(count);
            sending = [];
            return async () => {
                await arrived();
                await Promise.all(sending);
            };
        },
        end: async () => {
            const gone = once(child, "exit");
            child.kill();
            await gone;
        },
    };
}

export async function measure({ quick }) {
    const child = fork(file("forked.cjs"));
    const expect = expecting(child);
    const give = (socket) => child.send({}, socket);
    const rows = [
        [
            "transport",
            "in flight",
            "per second",
            "child.send",
            "ratio (spread)",
            "A/A (spread)",
            "latency ms",
            "child.send ms",
        ],
    ];
    const results = {};
    for (const transport of transportNames) {
        if (inFlight[transport] === undefined) {
            continue; // systemfd is a protocol of its own, with all sockets in one answer
        }
        const count = quick ? 5 : inFlight[transport];
        process.stderr.write(`${transport} ... `);
        const way = await ours(transport);
        const {
            ours: mine,
            theirs,
            ratio,
            noise,
        } = await compare(
            () => measureOnce(count, way.give, way.expect),
            () => measureOnce(count, give, expect),
            { pairs: quick ? 1 : leastPairs },
        );
        const perSecond = (runs) => Math.round(count / median(runs.map(({ seconds }) => seconds)));
        const single = quick ? 2 : (oneByOne[transport] ?? 30);
        const latency = {
            ours: await latencies(single, way.give, way.expect),
            childSend: await latencies(single, give, expect),
        };
        results[transport] = {
            inFlight: count,
            perSecond: perSecond(mine),
            childSendPerSecond: perSecond(theirs),
            ratio,
            noise,
            latencyMs: latency,
        };
        rows.push([
            transport,
            count,
            perSecond(mine),
            perSecond(theirs),
            formatRatio(ratio),
            formatRatio(noise),
            latency.ours.toFixed(2),
            latency.childSend.toFixed(2),
        ]);
        await way.end();
    }
    process.stderr.write("\n");
    child.disconnect();
    printTable(rows);
    return results;
}
