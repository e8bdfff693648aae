// A worker of a broker: answers each connection with its process id and what came, to its end.
//   broker-worker.mjs NAME [--die-after N] [--deaf]
// Says { pid } when it has asked to join. With --die-after it ends itself in the middle of the N-th connection; with
// --deaf it joins and takes nothing.
import { readToEnd } from "./support/read-to-end.mjs";

const { joinBroker } = await import(process.env.WINSOCK_SPI_LIBRARY);
process.stdin.on("end", () => process.exit()).on("error", () => process.exit()).resume();
const [name, ...flags] = process.argv.slice(2);
const dieAfter = flags.includes("--die-after") ? Number(flags[flags.indexOf("--die-after") + 1]) : Infinity;
const connections = joinBroker({ name, allowHalfOpen: true });
let count = 0;
const first = connections.next();
console.log(JSON.stringify({ pid: process.pid }));
if (flags.includes("--deaf")) {
    setInterval(() => undefined, 1000);
    await new Promise(() => undefined);
}
for (let next = await first; next.done !== true; next = await connections.next()) {
    const { socket } = next.value;
    count += 1;
    if (count >= dieAfter) {
        process.reallyExit(5);
    }
    readToEnd(socket).then((message) => socket.end(`${process.pid} ${message}`), () => undefined);
}
console.log("left");
