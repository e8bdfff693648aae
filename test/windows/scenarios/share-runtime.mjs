// What sharing does in the runtime that runs this: one line of JSON with a result or the code of an error for each.
import { once } from "node:events";
import net from "node:net";

const lib = await import(process.argv[2]);

function attempt(call) {
    try {
        return call();
    } catch (error) {
        return error.code ?? String(error);
    }
}

const server = net.createServer().listen(0, "127.0.0.1");
await once(server, "listening");
const raw = attempt(() => lib.openListener({ host: "127.0.0.1" }));
if (typeof raw === "string") {
    console.log(JSON.stringify({ library: raw }));
    process.exit();
}
const results = {
    socketOf: attempt(() => String(lib.socketOf(server))),
    adoptSocket: attempt(() => lib.adoptSocket(lib.duplicateSocket(raw, process.pid)).localPort),
    raw: attempt(() => raw.state.kind),
    adopted: attempt(() => lib.adoptRaw(lib.duplicateSocket(raw, process.pid)).state.kind),
};
console.log(JSON.stringify(results));
process.exit();
