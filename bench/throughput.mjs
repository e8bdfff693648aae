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
import { transfer } from "./transfer.mjs";

export const title = "an adopted socket beside an ordinary one";
export const inside = "host";

async function connected(port) {
    const socket = net.connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    await once(socket, "connect");
    return socket;
}

export async function measure({ quick }) {
    const bytes = (quick ? 1 : 128) * 2 ** 20;
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
            () => transfer(child, { direction, bytes, connect: adopted }),
            () => transfer(child, { direction, bytes, connect: () => connected(port) }),
            { pairs: quick ? 1 : leastPairs },
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
