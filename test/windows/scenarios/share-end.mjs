// One end of hand-overs: a process of its own that does what the test tells it over a named pipe (a line of JSON each).
//   share-end.mjs CONTROL_PIPE
// A 32-bit child of a 64-bit Node has no standard output, so nothing goes that way.
import dgram from "node:dgram";
import { once } from "node:events";
import net from "node:net";
import { createInterface } from "node:readline";
import {
    datagramFromRaw,
    parentChannel,
    receiveSockets,
    sendSocket,
    serveSystemfd,
    serverFromRaw,
    socketFromRaw,
    spawnWithChannel,
    takeSystemfdSockets,
} from "winsock-spi";

const control = net.connect(process.argv[2]);
const held = new Map(); // sockets by the name that the test gave them
const received = [];
let receivers = [];

/** What an end does with a socket that it owns: it answers, with its process id in front. */
function serve(socket) {
    if (socket instanceof net.Server) {
        socket.on("connection", (connection) => connection.on("error", () => {}).end(`${process.pid}:hello`));
    } else if (socket instanceof dgram.Socket) {
        socket.on("error", () => {});
        socket.on("message", (message, from) => socket.send(`${process.pid}:${message}`, from.port, from.address));
    } else {
        socket.on("error", () => {});
        socket.on("data", (data) => socket.write(`${process.pid}:${data}`));
    }
}

async function keepReceiving(receiver) {
    for await (const { socket, kind, mode, path, message, peer } of receiver) {
        serve(socket);
        received.push({ socket, kind, mode, path, message, peer });
        control.write(`${JSON.stringify({ received: { kind, mode, path, message, peer } })}\n`);
    }
}

const actions = {
    hello: () => ({ pid: process.pid, arch: process.arch, version: process.version }),
    async receive({ at, transport }) {
        const receiver = receiveSockets({ at, transport });
        receivers.push(receiver);
        void keepReceiving(receiver);
        return receiver.listening;
    },
    async receiveFromParent() {
        const receiver = receiveSockets({ at: await parentChannel() });
        receivers.push(receiver);
        void keepReceiving(receiver);
    },
    async connect({ name, port, host }) {
        const socket = net.connect({ port, host });
        await once(socket, "connect");
        serve(socket);
        held.set(name, socket);
    },
    async listen({ name, host }) {
        const server = net.createServer();
        serve(server);
        server.listen(0, host);
        await once(server, "listening");
        held.set(name, server);
        return server.address().port;
    },
    async bind({ name, host }) {
        const socket = dgram.createSocket(host.includes(":") ? "udp6" : "udp4");
        serve(socket);
        socket.bind(0, host);
        await once(socket, "listening");
        held.set(name, socket);
        return socket.address().port;
    },
    async send({ name, to, transport, mode, message, child }) {
        const socket = held.get(name);
        const sent = await sendSocket(socket, {
            to: child === undefined ? to : held.get(child),
            transport,
            mode,
            message,
        });
        if (mode === "move") {
            held.delete(name);
        }
        return { pid: sent.pid, path: sent.path, mode: sent.mode };
    },
    async startChild({ name, program, args }) {
        const { channel, pid } = await spawnWithChannel(program, args);
        held.set(name, channel);
        return pid;
    },
    async serveSystemfd({ names, name }) {
        const server = await serveSystemfd({ sockets: names.map((socket) => held.get(socket)), allow: "anyone" });
        held.set(name, server);
        return server.environment;
    },
    async takeSystemfd({ env }) {
        const sockets = await takeSystemfdSockets({ environment: env });
        for (const raw of sockets) {
            const { kind } = raw.state;
            const make = { connected: socketFromRaw, listening: serverFromRaw, datagram: datagramFromRaw }[kind];
            const socket = make(raw);
            serve(socket);
            received.push({ socket });
        }
        return sockets.length;
    },
    async close({ name }) {
        const socket = held.get(name);
        held.delete(name);
        if (socket instanceof net.Socket) {
            socket.destroy();
            await once(socket, "close");
        } else if (socket?.[Symbol.asyncDispose] !== undefined) {
            await socket[Symbol.asyncDispose]();
        } else {
            await new Promise((resolve) => socket.close(resolve));
        }
    },
    /** Closes everything that was received. */
    async drop() {
        await Promise.all(
            received.splice(0).map(
                ({ socket }) =>
                    new Promise((resolve) => {
                        if (socket instanceof net.Socket) {
                            socket.closed ? resolve() : socket.once("close", resolve).destroy();
                        } else {
                            socket.close(resolve);
                        }
                    }),
            ),
        );
    },
    async stopReceiving() {
        const old = receivers;
        receivers = [];
        await Promise.all(old.map((receiver) => receiver[Symbol.asyncDispose]()));
    },
    exit: () => setImmediate(() => process.exit(0)),
};

await once(control, "connect");
control.on("close", () => process.exit(0));
for await (const line of createInterface({ input: control })) {
    const { number, action, given } = JSON.parse(line);
    void (async () => actions[action](given))().then(
        (value) => control.write(`${JSON.stringify({ number, value })}\n`),
        ({ code, message, stack }) => control.write(`${JSON.stringify({ number, error: { code, message, stack } })}\n`),
    );
}
