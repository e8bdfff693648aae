// A process that shares sockets with the test that started it. It connects to the port in its argument and speaks JSON
// lines there: each question gets one answer. (Not over stdout: a 32-bit program misreads what a 64-bit Node says of its
// standard handles.)
// Connections get this process's id and are ended; datagrams are answered with "<pid>:<text>".
import * as net from "node:net";
import * as dgram from "node:dgram";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { adoptDatagram, adoptedPath, adoptServer, duplicateSocket, listen, openListener } from "winsock-spi";

let server;
let datagram;
let accepted = 0;
const bytes = (text) => Buffer.from(text, "base64");
const base64 = (info) => Buffer.from(info.bytes).toString("base64");

function serve(socket) {
    accepted++;
    socket.on("error", () => undefined);
    socket.end(String(process.pid));
}

function receive() {
    datagram.on("message", (data, from) => datagram.send(`${process.pid}:${data}`, from.port, from.address));
}

const commands = {
    /** Serves on a listener that somebody gave. */
    adopt({ info }) {
        server = adoptServer(bytes(info)).on("connection", serve);
        return { path: adoptedPath(server), port: server.address().port };
    },
    /** Serves on a listener of Node's own. */
    async own({ pid }) {
        server = net.createServer(serve).listen(0, "127.0.0.1");
        await once(server, "listening");
        return { port: server.address().port, info: base64(duplicateSocket(server, pid)) };
    },
    /** Serves on a listener of the library. */
    async listen({ pid }) {
        server = listen(net.createServer(serve), { host: "127.0.0.1" });
        await once(server, "listening");
        return { port: server.address().port, info: base64(duplicateSocket(server, pid)) };
    },
    /** Has a listener and accepts nothing. */
    open({ pid }) {
        const raw = openListener({ host: "127.0.0.1" });
        return { port: raw.state.local.port, info: base64(duplicateSocket(raw, pid)) };
    },
    async close() {
        server.close();
        await once(server, "close");
        return { accepted };
    },
    accepted: () => ({ accepted }),
    /** A UDP socket of Node's own, which answers. */
    async ownDatagram({ pid, address }) {
        datagram = dgram.createSocket(net.isIPv6(address) ? "udp6" : "udp4");
        receive();
        datagram.bind(0, address);
        await once(datagram, "listening");
        return { port: datagram.address().port, info: base64(duplicateSocket(datagram, pid)) };
    },
    adoptDatagram({ info, options }) {
        datagram = adoptDatagram(bytes(info), options);
        receive();
        return { path: adoptedPath(datagram), address: datagram.address() };
    },
    async closeDatagram() {
        datagram.close();
        await once(datagram, "close");
        return {};
    },
};

const control = net.connect(Number(process.argv[2]), "127.0.0.1");
for await (const line of createInterface({ input: control })) {
    const { command, ...given } = JSON.parse(line);
    let answer;
    try {
        answer = await commands[command](given);
    } catch (error) {
        answer = { error: error.code ?? String(error), message: error.message };
    }
    control.write(`${JSON.stringify(answer)}\n`);
}
process.exit(0);
