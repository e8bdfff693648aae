// Bytes per second of an adopted socket beside one that the process accepted itself. The adopted one was never tied to
// another completion port (its source accepted it without one); with such a one, and with a system that can detach
// sockets, adoption takes the fast path.
import { fork } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import net from "node:net";
import { fileURLToPath } from "node:url";
import { acceptRaw, openListener, sendSocket } from "winsock-spi";
import { compare, formatRatio, leastPairs, median, printTable } from "./measure.mjs";

export const title = "an adopted socket beside an ordinary one";

const bytes = 128 * 2 ** 20;
const block = Buffer.alloc(65536, 2);

/** Runs one transfer on a connection that the child has the other end of; seconds. */
async function transfer(child, direction, connect) {
    const ready = once(child, "message");
    child.send({ direction, bytes });
    await ready;
    const done = once(child, "message");
    const socket = await connect();
    const start = process.hrtime.bigint();
    if (direction === "send") {
        let got = 0;
        socket.on("data", (data) => (got += data.length));
        await once(socket, "end");
        if (got !== bytes) {
            throw new Error(`${got} of ${bytes} bytes came`);
        }
        socket.end();
    } else {
        for (let sent = 0; sent < bytes; sent += block.length) {
            if (!socket.write(block)) {
                await once(socket, "drain");
            }
        }
        socket.end();
        await once(socket.resume(), "end");
    }
    const seconds = Number(process.hrtime.bigint() - start) / 1e9;
    const [{ done: path }] = await done;
    return { seconds, path };
}

async function connected(port) {
    const socket = net.connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    await once(socket, "connect");
    return socket;
}

export async function measure() {
    const at = `winsock-spi-bench-${randomUUID()}`;
    const child = fork(fileURLToPath(new URL("ends/streamer.mjs", import.meta.url)), [at]);
    const [{ port }] = await once(child, "message");
    const listener = openListener({ host: "127.0.0.1", port: 0 });
    const accepting = acceptRaw(listener)[Symbol.asyncIterator]();
    const adopted = async () => {
        const next = accepting.next();
        const socket = await connected(listener.state.local.port);
        const { value: raw } = await next;
        await sendSocket(raw, { to: at });
        return socket;
    };
    const rows = [["direction", "adopted MB/s", "ordinary MB/s", "ratio (spread)", "A/A (spread)", "path"]];
    const results = {};
    for (const direction of ["send", "receive"]) {
        const { ours, theirs, ratio, noise } = await compare(
            () => transfer(child, direction, adopted),
            () => transfer(child, direction, () => connected(port)),
            { pairs: leastPairs },
        );
        const speed = (runs) => Math.round(bytes / 2 ** 20 / median(runs.map(({ seconds }) => seconds)));
        const paths = [...new Set(ours.map(({ path }) => path))];
        results[direction] = { adoptedMBs: speed(ours), ordinaryMBs: speed(theirs), ratio, noise, paths };
        rows.push([direction, speed(ours), speed(theirs), formatRatio(ratio), formatRatio(noise), paths.join()]);
    }
    await accepting.return();
    listener.close();
    child.disconnect();
    child.kill();
    printTable(rows);
    return results;
}
