// Bytes per second, and connects per second, through the relay beside direct: program, relay and server are processes
// of their own. The program's end is bound and announced here as the provider does it.
import { fork } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import net from "node:net";
import { fileURLToPath } from "node:url";
import { compare, formatRatio, leastPairs, median, printTable } from "./measure.mjs";
import { transfer } from "./transfer.mjs";

export const title = "a stream through the relay beside a direct one";
export const inside = "host";

const end = (name, ...args) => fork(fileURLToPath(new URL(`ends/${name}.mjs`, import.meta.url)), args);

function boundSocket(Tcp) {
    const handle = new Tcp(0);
    const name = {};
    if (handle.bind("0.0.0.0", 0) !== 0 || handle.getsockname(name) !== 0) {
        throw new Error("a socket cannot be bound");
    }
    const socket = new net.Socket({ handle, manualStart: true, allowHalfOpen: true });
    return { local: { address: "0.0.0.0", port: name.port }, socket };
}

async function connectMany(connects, connect) {
    const start = process.hrtime.bigint();
    for (let count = 0; count < connects; ++count) {
        const socket = await connect();
        socket.on("error", () => {});
        await once(socket, "data");
        socket.resetAndDestroy();
    }
    return Number(process.hrtime.bigint() - start) / 1e9;
}

export async function measure({ quick }) {
    const bytes = (quick ? 1 : 64) * 2 ** 20;
    const connects = quick ? 3 : 30;
    const pairs = quick ? 1 : leastPairs;
    const server = end("streamer", `winsock-spi-bench-${randomUUID()}`);
    const [{ port }] = await once(server, "message");
    const relay = end("relay");
    await once(relay, "message");
    const donor = net.createServer();
    await new Promise((resolve) => donor.listen(0, "127.0.0.1", resolve));
    const Tcp = donor._handle.constructor;

    const quiet = net.createServer((socket) => socket.on("error", () => {}).write("x")).listen(0, "127.0.0.1");
    await once(quiet, "listening");
    const idle = quiet.address().port;

    const direct = (to) => async () => {
        const { socket } = boundSocket(Tcp);
        socket.connect({ host: "127.0.0.1", port: to });
        await once(socket, "connect");
        return socket;
    };
    let number = 0;
    const waiting = new Map();
    relay.on("message", (message) => {
        waiting.get(message.number)?.(message.answer);
        waiting.delete(message.number);
    });
    const relayed =
        (to, action = {}) =>
        async () => {
            const { local, socket } = boundSocket(Tcp);
            const answered = new Promise((resolve) => waiting.set(++number, resolve));
            relay.send({ number, pid: process.pid, local, remote: { address: "127.0.0.1", port: to }, action });
            const answer = await answered;
            if (answer.action !== "redirect") {
                throw new Error(JSON.stringify(answer));
            }
            socket.connect({ host: answer.to.address, port: answer.to.port });
            await once(socket, "connect");
            return socket;
        };

    const results = {};
    const rows = [["", "relayed", "direct", "ratio (spread)", "A/A (spread)"]];
    const row = (name, unit, amount, { ours, theirs, ratio, noise }) => {
        const speed = (runs) => Math.round(amount / median(runs.map(({ seconds }) => seconds)));
        results[name] = { unit, relayed: speed(ours), direct: speed(theirs), ratio, noise };
        rows.push([`${name}, ${unit}`, speed(ours), speed(theirs), formatRatio(ratio), formatRatio(noise)]);
    };
    for (const direction of ["send", "receive"]) {
        row(
            `program ${direction === "send" ? "receives" : "sends"}`,
            "MB/s",
            bytes / 2 ** 20,
            await compare(
                () => transfer(server, { direction, bytes, connect: relayed(port) }),
                () => transfer(server, { direction, bytes, connect: direct(port) }),
                { pairs },
            ),
        );
    }
    row(
        "connects and first bytes",
        "per second",
        connects,
        await compare(
            () => connectMany(connects, relayed(idle)),
            () => connectMany(connects, direct(idle)),
            { pairs },
        ),
    );
    donor.close();
    quiet.close();
    for (const child of [server, relay]) {
        child.disconnect();
        child.kill();
    }
    printTable(rows);
    return results;
}
