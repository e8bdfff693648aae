// An HTTP server that its next start replaces.
//   restart-server.mjs NAME PORT [--fail]
// Says { pid, predecessor, port }, then "replaced" when it has nothing left, and ends. /slow answers when /release is
// asked for; everything else is answered with this process's id at once. With --fail it ends as soon as it listens.
import * as http from "node:http";

const { serveRestartable } = await import(process.env.WINSOCK_SPI_LIBRARY);
process.stdin
    .on("end", () => process.exit())
    .on("error", () => process.exit())
    .resume();
const [name, port, ...flags] = process.argv.slice(2);
let held = [];
const server = http.createServer((request, response) => {
    if (request.url === "/slow") {
        held.push(response);
        return;
    }
    if (request.url === "/release") {
        held.splice(0).forEach((waiting) => waiting.end(String(process.pid)));
    }
    request.resume().on("end", () => response.end(String(process.pid)));
});
server.keepAliveTimeout = 60_000;
if (flags.includes("--fail")) {
    server.on("listening", () => process.reallyExit(3));
}
const serving = await serveRestartable(server, {
    name,
    port: Number(port),
    host: "127.0.0.1",
    onError: (error) => console.error(`${process.pid}: ${error.code}: ${error.message}`),
});
console.log(JSON.stringify({ pid: process.pid, predecessor: serving.predecessor, port: server.address().port }));
await serving.replaced;
console.log("replaced");
process.exit();
