// A server and its client in one process, with steady traffic until it is told to end:
//   node steady-traffic.cjs PIPE [FAMILY]
// One connection that stays open all the time carries echoes, one HTTP request after the other has a connection of its
// own. Anything that goes wrong counts as a failure, and the traffic goes on.
//
// Who started it listens on the named pipe PIPE, which is no socket, and speaks in lines:
//   more N   -> once N more requests and echoes are through: { requests, echoes, failures: [text] }
//   udp      -> a datagram to itself and back, on sockets made now: { datagrams, failures }
//   end      -> closes everything, tells the same for the whole time, and ends
"use strict";

const { once } = require("node:events");
const dgram = require("node:dgram");
const http = require("node:http");
const net = require("node:net");
const { createInterface } = require("node:readline");

const [pipe, family = "4"] = process.argv.slice(2);
const host = family === "6" ? "::1" : "127.0.0.1";
const totals = { requests: 0, echoes: 0, datagrams: 0, failures: [] };
let ending = false;
const waiting = new Set();

function done(what) {
    totals[what] += 1;
    for (const waiter of waiting) {
        if (totals.requests >= waiter.requests && totals.echoes >= waiter.echoes) {
            waiting.delete(waiter);
            waiter.resolve();
        }
    }
}

async function more(count) {
    await new Promise((resolve) =>
        waiting.add({ requests: totals.requests + count, echoes: totals.echoes + count, resolve }),
    );
}

/** Between two requests, and two echoes. Steady, but several such programs leave the machine something to do. */
const pauseMilliseconds = 10;

/** Repeats `work` until the end; what it throws is a failure, of which the first few are told in full. */
async function repeat(work, what) {
    while (!ending) {
        try {
            await work();
            done(what);
        } catch (error) {
            totals.failures.push(`${what}: ${error.stack ?? error}`);
            if (totals.failures.length > 20) {
                throw error;
            }
        }
        await new Promise((resolve) => setTimeout(resolve, pauseMilliseconds));
    }
}

async function listen(server) {
    server.listen(0, host);
    await once(server, "listening");
    return server.address().port;
}

function request(port, number) {
    return new Promise((resolve, reject) => {
        const body = `${number} `.repeat(500);
        const asked = http.request({ host, port, method: "POST", agent: false }, (response) => {
            let answer = "";
            response.setEncoding("latin1").on("data", (part) => (answer += part));
            response.on("error", reject);
            response.on("end", () => (answer === body ? resolve() : reject(new Error(`${answer.length} bytes back`))));
        });
        asked.on("error", reject);
        asked.end(body);
    });
}

function echo(socket, number) {
    return new Promise((resolve, reject) => {
        const text = `echo ${number}\n`;
        let answer = "";
        const read = (part) => {
            answer += part;
            if (answer.length >= text.length) {
                socket.off("data", read).off("error", reject);
                answer === text ? resolve() : reject(new Error(`"${answer}" for "${text}"`));
            }
        };
        socket.on("data", read).on("error", reject);
        socket.write(text);
    });
}

async function datagram() {
    const type = family === "6" ? "udp6" : "udp4";
    const [one, two] = [dgram.createSocket(type), dgram.createSocket(type)];
    try {
        one.bind(0, host);
        await once(one, "listening");
        two.send("there", one.address().port, host);
        const [text, { port }] = await once(one, "message");
        one.send(`${text} and back`, port, host);
        const [answer] = await once(two, "message");
        if (String(answer) !== "there and back") {
            throw new Error(`"${answer}"`);
        }
        done("datagrams");
    } catch (error) {
        totals.failures.push(`datagrams: ${error.stack ?? error}`);
    } finally {
        one.close();
        two.close();
    }
}

async function main() {
    const control = net.connect(pipe);
    await once(control, "connect");
    const answer = () => control.write(`${JSON.stringify({ ...totals, pid: process.pid })}\n`);

    const web = http.createServer((asked, response) => asked.pipe(response));
    const mirror = net.createServer((socket) => socket.pipe(socket));
    const [webPort, mirrorPort] = [await listen(web), await listen(mirror)];
    const lasting = net.connect(mirrorPort, host).setNoDelay(true).setEncoding("latin1");
    await once(lasting, "connect");
    const work = [
        repeat(() => request(webPort, totals.requests), "requests"),
        repeat(() => echo(lasting, totals.echoes), "echoes"),
    ];
    work.forEach((one) => one.catch(() => process.exit(1)));
    await more(1);
    answer();

    for await (const line of createInterface({ input: control })) {
        const [command, count] = line.split(" ");
        if (command === "end") {
            break;
        }
        await (command === "udp" ? datagram() : more(Number(count)));
        answer();
    }
    ending = true;
    await Promise.all(work);
    lasting.end();
    web.close();
    mirror.close();
    answer();
    control.end();
}

main();
