// A server for `winsock-spi hold`: answers with "N: " and what came, N being how often it was started (a file counts).
//   held-server.mjs FILE
// "exit CODE" ends it with that code.
import * as fs from "node:fs";
import * as net from "node:net";
import { readToEnd } from "./support/read-to-end.mjs";

const { takeSystemfdSockets, serverFromRaw } = await import(process.env.WINSOCK_SPI_LIBRARY);
const [file] = process.argv.slice(2);
fs.appendFileSync(file, "x");
const run = fs.readFileSync(file).length;
const [listener] = await takeSystemfdSockets();
const server = serverFromRaw(listener, { server: net.createServer({ allowHalfOpen: true }) });
server.on("connection", async (socket) => {
    const [line] = (await readToEnd(socket)).split("\n");
    socket.end(`${run}: ${line}`, () => line.startsWith("exit ") && process.exit(Number(line.slice(5))));
});
console.log(`run ${run}`);
