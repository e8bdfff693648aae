// One transfer of many bytes over a connection whose other end is in a bench/ends/streamer.mjs.
import { once } from "node:events";

const block = Buffer.alloc(65536, 2);

/**
 * direction: "send" (the streamer sends) or "receive". connect: gives the socket of this process, once the streamer has
 * been told what to do. Gives { seconds, path }: path is how the streamer got its socket.
 */
export async function transfer(streamer, { direction, bytes, connect }) {
    const ready = once(streamer, "message");
    streamer.send({ direction, bytes });
    await ready;
    const done = once(streamer, "message");
    const socket = await connect();
    const start = process.hrtime.bigint();
    await (direction === "send" ? takeAll(socket, bytes) : giveAll(socket, bytes));
    const seconds = Number(process.hrtime.bigint() - start) / 1e9;
    const [{ done: path }] = await done;
    return { seconds, path };
}

/** Reads until the other side ends; the socket allows half-open connections. */
async function takeAll(socket, bytes) {
    let got = 0;
    socket.on("data", (data) => (got += data.length));
    await once(socket, "end");
    if (got !== bytes) {
        throw new Error(`${got} of ${bytes} bytes came`);
    }
    socket.end();
}

/** Writes it all, and waits until the other side has read it and ended. */
async function giveAll(socket, bytes) {
    for (let sent = 0; sent < bytes; sent += block.length) {
        if (!socket.write(block)) {
            await once(socket, "drain");
        }
    }
    socket.end();
    await once(socket.resume(), "end");
}
