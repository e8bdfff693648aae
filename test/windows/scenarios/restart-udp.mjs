// A UDP service that its next start replaces; answers each datagram with its process id and what came.
//   restart-udp.mjs NAME
import { once } from "node:events";

const { bindRestartable } = await import(process.env.WINSOCK_SPI_LIBRARY);
process.stdin
    .on("end", () => process.exit())
    .on("error", () => process.exit())
    .resume();
const [name] = process.argv.slice(2);
const service = await bindRestartable(
    { name, host: "127.0.0.1", onError: (error) => console.error(`${process.pid}: ${error.code}: ${error.message}`) },
    function (message, { port, address }) {
        this.send(`${process.pid} ${message}`, port, address);
    },
);
const closed = once(service.socket, "close");
const { predecessor, socket } = service;
console.log(JSON.stringify({ pid: process.pid, predecessor, port: socket.address().port }));
await Promise.all([service.replaced, closed]);
console.log("replaced");
process.exit();
