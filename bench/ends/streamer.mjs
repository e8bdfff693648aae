// Sends or takes as many bytes as it is told, on sockets that it accepted itself or that it was handed.
//   streamer.mjs AT
import net from "node:net";
import { pipeline } from "node:stream/promises";
import { Readable, Writable } from "node:stream";
import { receiveSockets } from "winsock-spi";

const block = Buffer.alloc(65536, 1);
let task;

async function work(socket, path) {
    const { direction, bytes } = task;
    socket.on("error", () => {});
    if (direction === "send") {
        const blocks = Array.from({ length: bytes / block.length }, () => block);
        await pipeline(Readable.from(blocks, { objectMode: false, highWaterMark: 65536 }), socket);
    } else {
        await pipeline(socket, new Writable({ write: (_chunk, _encoding, done) => done() }), { end: false });
        socket.end();
    }
    process.send({ done: path });
}

const server = net.createServer({ allowHalfOpen: true }, (socket) => void work(socket, "ordinary"));
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const receiver = receiveSockets({ at: process.argv[2], allowHalfOpen: true });
process.on("message", (message) => {
    task = message;
    process.send("ready");
});
await receiver.listening;
process.send({ port: server.address().port });
for await (const { socket, path } of receiver) {
    void work(socket, path);
}
