// The process that gets the connection: target.mjs PIPE. Says each step on stdout, "ready" first.
import { once } from "node:events";
import net from "node:net";
import { createInterface } from "node:readline";
import { adoptSocket, receiveSockets } from "winsock-spi";

/** The lines that come on a socket, one by one. */
const linesOf = (socket) => createInterface({ input: socket })[Symbol.asyncIterator]();

const pipe = process.argv[2];
const say = (step, text) => console.log(JSON.stringify({ step, text }));

const receiver = receiveSockets({ at: `${pipe}-sockets` });
await receiver.listening;
const server = net.createServer().listen(`\\\\.\\pipe\\${pipe}`);
await once(server, "listening");
say("", "ready");
const [ipc] = await once(server, "connection");
server.close();
const lines = linesOf(ipc);

await lines.next();
say(3, `answers: ${process.pid}`);
ipc.write(`${process.pid}\n`);
const bytes = Buffer.from((await lines.next()).value, "base64");
say(7, `gets ${bytes.length} bytes`);
const socket = adoptSocket(bytes);
say(8, `WSPSocket: a net.Socket connected to ${socket.remoteAddress}:${socket.remotePort}`);
const heard = linesOf(socket);
ipc.write("opened\n");
const first = (await heard.next()).value; // the far end's answer to what the source has written
socket.write(`target ${process.pid}\n`);
const second = (await heard.next()).value;
say(9, `uses it: "${first}", "${second}"`);
ipc.write("used\n");
await lines.next(); // the source has closed
socket.write(`target ${process.pid} alone\n`);
say("", `and still does: "${(await heard.next()).value}"`);
ipc.write("done\n");
socket.end();

for await (const { socket: next, peer } of receiver) {
    next.end(`target ${process.pid}, from ${peer.pid}\n`);
    break;
}
