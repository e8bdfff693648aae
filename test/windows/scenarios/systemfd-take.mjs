// Takes the listener and the UDP socket that its environment offers, says what it got, answers one connection and one
// datagram, and ends.
import { once } from "node:events";
import * as net from "node:net";
import { readToEnd } from "./support/read-to-end.mjs";

const library = await import(process.env.WINSOCK_SPI_LIBRARY);
const taken = await library.takeSystemfdSockets();
const [listener, datagrams] = taken;
console.log(
    JSON.stringify({
        kinds: taken.map(({ state }) => state.kind),
        ports: taken.map(({ state }) => state.local.port),
        left: Object.keys(process.env).filter((name) => name.startsWith("SYSTEMFD")),
    }),
);
const server = library.serverFromRaw(listener, { server: net.createServer({ allowHalfOpen: true }) });
const socket = library.datagramFromRaw(datagrams);
await Promise.all([
    (async () => {
        const [connection] = await once(server, "connection");
        connection.end(`node: ${await readToEnd(connection)}`);
        server.close();
    })(),
    (async () => {
        const [message, { port, address }] = await once(socket, "message");
        socket.send(`node: ${message}`, port, address, () => socket.close());
    })(),
]);
