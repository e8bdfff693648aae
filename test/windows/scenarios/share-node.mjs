// What must hold in every Node and in worker threads, tried in one process that shares sockets with itself.
//   node share-node.mjs server|datagram|worker|exit
import assert from "node:assert/strict";
import * as dgram from "node:dgram";
import { once } from "node:events";
import * as http from "node:http";
import * as net from "node:net";
import { text } from "node:stream/consumers";
import { Worker, parentPort } from "node:worker_threads";
import {
    adoptDatagram,
    adoptedPath,
    adoptServer,
    datagramFromRaw,
    duplicateSocket,
    openDatagram,
    openListener,
    serverFromRaw,
} from "winsock-spi";

async function server() {
    const raw = openListener({ host: "127.0.0.1" });
    const answers = http.createServer((request, response) => response.end(`got ${request.url}`));
    assert.equal(adoptServer(duplicateSocket(raw, process.pid), { server: answers }), answers);
    raw.close();
    await once(answers, "listening");
    const { port } = answers.address();
    assert.deepEqual(answers.address(), { address: "127.0.0.1", family: "IPv4", port });
    for (const name of ["a", "b"]) {
        assert.equal(await (await fetch(`http://127.0.0.1:${port}/${name}`)).text(), `got /${name}`);
    }
    answers.close();
    answers.closeAllConnections();
    await once(answers, "close");
    // The port is free at once.
    const again = net.createServer((socket) => socket.end("again")).listen(port, "127.0.0.1");
    await once(again, "listening");
    assert.equal(await text(net.connect(port, "127.0.0.1")), "again");
    again.close();
    await once(again, "close");
}

async function datagram(family = "udp4", address = "127.0.0.1") {
    for (const options of [{ mode: "share" }, { mode: "move" }]) {
        const raw = openDatagram({ host: address });
        const socket = adoptDatagram(duplicateSocket(raw, process.pid), options);
        raw.close();
        assert.equal(adoptedPath(socket), options.mode === "share" ? "emulated" : "native");
        socket.on("message", (data, from) => socket.send([Buffer.from("got "), data], from.port, from.address));
        const client = dgram.createSocket(family);
        for (const message of ["a", "", "c".repeat(5000)]) {
            client.send(message, socket.address().port, address);
            const [data, from] = await once(client, "message");
            assert.equal(String(data), `got ${message}`);
            assert.deepEqual(from, { ...socket.address(), size: data.length });
        }
        socket.setTTL(5);
        assert.throws(() => socket.setTTL(500), { code: "EINVAL" });
        socket.close();
        client.close();
        await Promise.all([once(socket, "close"), once(client, "close")]);
    }
}

/** Serves until it is ended. */
async function serveInWorker() {
    const tcp = serverFromRaw(openListener({ host: "127.0.0.1" })).on("connection", (socket) => socket.end("worker"));
    const udp = datagramFromRaw(openDatagram({ host: "127.0.0.1" })).on("message", () => undefined);
    await once(tcp, "listening");
    parentPort.postMessage([tcp.address().port, udp.address().port]);
}

async function worker() {
    for (let round = 0; round < 3; round++) {
        const thread = new Worker(new URL(import.meta.url), { argv: ["serve"] });
        const [[port, udpPort]] = await once(thread, "message");
        assert.equal(await text(net.connect(port, "127.0.0.1")), "worker");
        await thread.terminate();
        // Both are closed: their ports can be taken.
        const tcp = net.createServer().listen(port, "127.0.0.1");
        await once(tcp, "listening");
        tcp.close();
        const udp = dgram.createSocket("udp4").bind(udpPort, "127.0.0.1");
        await once(udp, "listening");
        udp.close();
    }
    for (const task of ["server", "datagram"]) {
        const thread = new Worker(new URL(import.meta.url), { argv: [task] });
        assert.deepEqual(await once(thread, "exit"), [0]);
    }
}

/** Ends while everything is open and busy. */
async function exit() {
    const tcp = serverFromRaw(openListener({ host: "127.0.0.1" }));
    const udp = datagramFromRaw(openDatagram({ host: "127.0.0.1" }));
    udp.on("message", () => undefined);
    new Worker(new URL(import.meta.url), { argv: ["serve"] }).on("message", () => {
        tcp.on("connection", () => process.exit(7));
        net.connect(tcp.address().port, "127.0.0.1").on("error", () => undefined);
        udp.send("x", udp.address().port, "127.0.0.1");
    });
}

/** Ends by itself, since nothing that is open is referenced. */
async function unref() {
    const tcp = serverFromRaw(openListener({ host: "127.0.0.1" })).unref();
    await once(tcp, "listening");
    datagramFromRaw(openDatagram({ host: "127.0.0.1" })).unref();
}

const datagram6 = () => datagram("udp6", "::1");
const tasks = { server, datagram, datagram6, worker, exit, unref, serve: serveInWorker };
await tasks[process.argv[2]]();
