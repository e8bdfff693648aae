// A worker of a broker: answers each connection with its process id and what came, to its end.
//   broker-worker.mjs NAME [--die-after N] [--hang-after N]
// Says { pid } when it has asked to join. With --die-after it ends itself in the middle of the N-th connection; with
// --hang-after it says "hanging" then, and does nothing any more.
import * as fs from "node:fs";
import { readToEnd } from "./support/read-to-end.mjs";

const { joinBroker } = await import(process.env.WINSOCK_SPI_LIBRARY);
process.stdin
    .on("end", () => process.exit())
    .on("error", () => process.exit())
    .resume();
const [name, ...flags] = process.argv.slice(2);
const flag = (name) => (flags.includes(name) ? Number(flags[flags.indexOf(name) + 1]) : Infinity);
const dieAfter = flag("--die-after");
const hangAfter = flag("--hang-after");
const connections = joinBroker({ name, allowHalfOpen: true });
let count = 0;
const first = connections.next();
console.log(JSON.stringify({ pid: process.pid }));
for (let next = await first; next.done !== true; next = await connections.next()) {
    const { socket } = next.value;
    count += 1;
    if (count >= dieAfter) {
        process.reallyExit(5);
    }
    if (count >= hangAfter) {
        fs.writeSync(1, "hanging\n");
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
    }
    readToEnd(socket).then(
        (message) => socket.end(`${process.pid} ${message}`),
        () => undefined,
    );
}
console.log("left");
process.exit();
