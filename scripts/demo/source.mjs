// The process that gives its connection away: source.mjs PORT PIPE. Says each step on stdout.
import { once } from "node:events";
import net from "node:net";
import { createInterface } from "node:readline";
import { duplicateSocket, releaseSocket, sendSocket } from "winsock-spi";

const [port, pipe] = [Number(process.argv[2]), process.argv[3]];
const say = (step, text) => console.log(JSON.stringify({ step, text }));

const socket = net.connect(port, "127.0.0.1").pause(); // what comes is for the target to read
await once(socket, "connect");
say(1, `WSPSocket, WSPConnect: connected to 127.0.0.1:${port}`);

const ipc = net.connect(`\\\\.\\pipe\\${pipe}`);
const lines = createInterface({ input: ipc })[Symbol.asyncIterator]();
const answer = async () => (await lines.next()).value;
ipc.write("pid?\n");
say(2, "asks over a named pipe who is at the other end");
const pid = Number(await answer());
say(4, `learns process id ${pid}`);
const info = duplicateSocket(socket, pid);
say(5, `WSPDuplicateSocket: ${info.bytes.length} bytes, good in process ${pid} only`);
ipc.write(`${Buffer.from(info.bytes).toString("base64")}\n`);
say(6, "sends them over the pipe");
await answer(); // the target has opened it
socket.write(`source ${process.pid}\n`);
await answer(); // the target has written too
await releaseSocket(socket);
say(10, "WSPCloseSocket: this descriptor is gone, the connection is not");
ipc.write("closed\n");
await answer();

// The same with everything that can go wrong taken care of, in one call.
const second = net.connect(port, "127.0.0.1");
await once(second, "connect");
const sent = await sendSocket(second, { to: `${pipe}-sockets` });
say("", `sendSocket: handed a second connection to process ${sent.pid}, ${sent.path}`);
ipc.end();
