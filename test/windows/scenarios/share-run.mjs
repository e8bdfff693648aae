// A Windows process that runs what a test sends it: { id, code, args } in, { id, value } or { id, error } out, over the
// channel that fork() makes. `code` is the body of an async function of (lib, args, kept); `kept` lives as long as the
// process.
import dgram from "node:dgram";
import { once } from "node:events";
import http from "node:http";
import net from "node:net";
import * as lib from "winsock-spi";

const AsyncFunction = (async () => {}).constructor;
const kept = { net, http, dgram, once };

/** Exactly `length` bytes of a stream; the rest stays in it. */
kept.read = async (stream, length) => {
    const chunks = [];
    for (let left = length; left > 0;) {
        const chunk = stream.read(Math.min(left, stream.readableLength)) ?? undefined;
        if (chunk === undefined || chunk.length === 0) {
            await Promise.race([once(stream, "readable"), once(stream, "close").then(() => { throw new Error("closed"); })]);
            continue;
        }
        chunks.push(chunk);
        left -= chunk.length;
    }
    return Buffer.concat(chunks).toString("latin1");
};

process.on("message", async ({ id, code, args }) => {
    try {
        const value = await new AsyncFunction("lib", "args", "kept", code)(lib, args, kept);
        process.send({ id, value });
    } catch (error) {
        process.send({ id, error: { message: error.message, code: error.code, stack: error.stack } });
    }
});
process.on("disconnect", () => process.exit());
process.send({ id: 0, value: process.pid });
