// An unmodified program that uses the network as Node programs do. Told what to do in lines; answers in JSON.
import * as dgram from "node:dgram";
import * as http from "node:http";
import * as net from "node:net";
import { createInterface } from "node:readline";
import { writeSync } from "node:fs";

const once = (emitter, event) =>
    new Promise((resolve, reject) => {
        emitter.once(event, resolve).once("error", reject);
    });

let opened;
let ending;

const actions = {
    /** The body of a URL, by a connection of its own; `host` stands in the Host field. */
    async get(url, host) {
        const request = http.get(url, { agent: false, ...(host !== undefined && { headers: { host } }) });
        const response = await once(request, "response");
        let body = "";
        for await (const chunk of response) {
            body += chunk;
        }
        return { status: response.statusCode, body, remote: response.socket.remotePort };
    },
    /** Connects, and says what it sees of the connection. */
    async connect(host, port) {
        const begin = performance.now();
        const socket = net.connect(Number(port), host);
        await once(socket, "connect");
        const time = performance.now() - begin;
        const seen = { address: socket.remoteAddress, port: socket.remotePort };
        socket.destroy();
        return { time, seen };
    },
    /** Opens a stream and says so once the other end has spoken; `end` then tells how it ends. */
    async open(host, port) {
        opened = net.connect(Number(port), host);
        ending = new Promise((resolve) => {
            opened.once("error", ({ code }) => resolve(code)).once("end", () => resolve("end"));
        });
        await once(opened, "data");
        opened.resume();
        return {};
    },
    async end() {
        return { ended: await ending };
    },
    /** Sends a datagram and waits for the answer. */
    async ask(host, port, text) {
        const socket = dgram.createSocket(net.isIPv6(host) ? "udp6" : "udp4");
        try {
            const answered = new Promise((resolve, reject) => {
                socket.once("error", reject);
                socket.once("message", (bytes, from) => resolve({ text: bytes.toString(), from }));
            });
            const begin = performance.now();
            await new Promise((resolve, reject) => {
                socket.send(text, Number(port), host, (error) => (error === null ? resolve() : reject(error)));
            });
            const { text: got, from } = await answered;
            return { text: got, from: { address: from.address, port: from.port }, time: performance.now() - begin };
        } finally {
            socket.close();
        }
    },
};

const lines = createInterface({ input: process.stdin });
lines.on("line", (line) => {
    const [action, ...words] = line.split(" ");
    actions[action](...words).then(
        (value) => writeSync(1, `${JSON.stringify(value)}\n`),
        ({ code, message }) => writeSync(1, `${JSON.stringify({ error: code ?? message })}\n`),
    );
});
lines.on("close", () => process.exit());
writeSync(1, "ready\n");
