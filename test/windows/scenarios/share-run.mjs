// A Windows process that runs what a test sends it: { id, code, args } in, { id, value } or { id, error } out, one line of
// JSON each, over a loopback connection to the port in the first argument (a 32-bit Node does not find the pipes of a
// 64-bit one). It ends with the connection. `code` is the body of an async function of (lib, args, kept); `kept` lives as long as the
// process.
import dgram from "node:dgram";
import { once } from "node:events";
import http from "node:http";
import net from "node:net";
import { createInterface } from "node:readline";
import * as lib from "winsock-spi";

const AsyncFunction = (async () => {}).constructor;
const kept = { net, http, dgram, once };

/** Exactly `length` bytes of a stream; the rest stays in it. */
kept.read = async (stream, length) => {
    const chunks = [];
    for (let left = length; left > 0;) {
        const chunk = stream.read(Math.min(left, stream.readableLength)) ?? undefined;
        if (chunk === undefined || chunk.length === 0) {
            await Promise.race([
                once(stream, "readable"),
                once(stream, "close").then(() => {
                    throw new Error("closed");
                }),
            ]);
            continue;
        }
        chunks.push(chunk);
        left -= chunk.length;
    }
    return Buffer.concat(chunks).toString("latin1");
};

const control = net.connect(Number(process.argv[2]), "127.0.0.1");
const answer = (value) => control.write(`${JSON.stringify(value)}\n`);

async function run({ id, code, args }) {
    try {
        const value = await new AsyncFunction("lib", "args", "kept", code)(lib, args, kept);
        answer({ id, value });
    } catch (error) {
        answer({ id, error: { message: error.message, code: error.code, stack: error.stack } });
    }
}

answer({ id: 0, value: process.pid });
for await (const line of createInterface({ input: control })) {
    void run(JSON.parse(line));
}
process.exit();
