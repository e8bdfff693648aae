// A program with one socket, bound before anything else: relay-client.mjs tcp|udp ADDRESS. Told what to do in lines.
import * as dgram from "node:dgram";
import * as net from "node:net";
import { createInterface } from "node:readline";
import { writeSync } from "node:fs";

const [protocol, address] = process.argv.slice(2);
const answer = (text) => writeSync(1, `${text}\n`);
const v6 = net.isIPv6(address);

async function boundTcp() {
    const donor = net.createServer();
    await new Promise((resolve) => donor.listen(0, "127.0.0.1", resolve));
    const handle = new donor._handle.constructor(0);
    donor.close();
    const error = v6 ? handle.bind6(address, 0, 0) : handle.bind(address, 0);
    if (error !== 0) {
        throw new Error(`bind: ${error}`);
    }
    const name = {};
    handle.getsockname(name);
    const socket = new net.Socket({ handle, manualStart: true });
    let failed;
    const waiting = [];
    socket.on("error", ({ code }) => {
        failed = code;
        waiting.splice(0).forEach((wake) => wake(code));
    });
    // Not before: reading from a socket that is not connected yet would end it.
    socket.on("connect", () =>
        socket.on("data", (bytes) => {
            waiting.splice(0).forEach((wake) => wake(bytes.toString()));
        }),
    );
    return {
        port: () => name.port,
        connect: (host, port) =>
            new Promise((resolve) => {
                socket.connect({ host, port: Number(port) }, () => resolve("connected"));
                waiting.push(resolve);
            }),
        say: (text) =>
            new Promise((resolve) => {
                if (failed !== undefined) {
                    resolve(failed);
                } else {
                    waiting.push(resolve);
                    socket.write(text);
                }
            }),
    };
}

async function boundUdp() {
    const socket = dgram.createSocket({ type: v6 ? "udp6" : "udp4", ipv6Only: v6 });
    await new Promise((resolve) => socket.bind(0, address, resolve));
    return {
        port: () => socket.address().port,
        send: (host, port, text) =>
            new Promise((resolve) => {
                socket.once("message", (bytes) => resolve(bytes.toString()));
                socket.send(text, Number(port), host);
            }),
    };
}

const actions = await (protocol === "tcp" ? boundTcp() : boundUdp());
const lines = createInterface({ input: process.stdin });
lines.on("line", async (line) => {
    const [action, ...words] = line.split(" ");
    answer(await actions[action](...words));
});
lines.on("close", () => process.exit());
answer("ready");
