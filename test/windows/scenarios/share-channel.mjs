// One end of a channel in a process of its own; it speaks in lines of JSON.
//   node share-channel.mjs echo TRANSPORT ADDRESS     connects, says {pid, parent}, and sends back what it gets
//   node share-channel.mjs listen TRANSPORT ADDRESS   listens, says {address}, and sends back what each channel gets
//   node share-channel.mjs child                      the same over parentChannel()
//   node share-channel.mjs lie TRANSPORT ADDRESS PID  connects and claims to be process PID
//   node share-channel.mjs worker TRANSPORT           a channel inside a worker thread, which is then terminated
import { Worker, isMainThread, workerData } from "node:worker_threads";
import { parentChannel, transport } from "winsock-spi";

const [role, name, address, more] = isMainThread ? process.argv.slice(2) : ["in-worker", ...workerData];
const say = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);

function echo({ stream, peerPid }) {
    stream.on("error", (error) => say({ failed: error.code }));
    stream.on("close", () => say({ closed: true }));
    stream.pipe(stream);
    say({ peerPid });
}

switch (role) {
    case "echo":
        echo(await (await transport(name)).connect(address));
        break;
    case "child":
        echo(await parentChannel());
        break;
    case "listen": {
        const listener = await (await transport(name)).listen(address);
        say({ address: listener.address });
        for await (const channel of listener) {
            echo(channel);
        }
        break;
    }
    case "lie":
        Object.defineProperty(process, "pid", { value: Number(more) });
        await (await transport(name)).connect(address).then(
            () => say({ believed: true }),
            (error) => say({ failed: error.code }),
        );
        break;
    case "worker": {
        const worker = new Worker(new URL(import.meta.url), { workerData: [name, `worker-${process.pid}`] });
        worker.on("message", async (message) => {
            say({ message });
            await worker.terminate();
            say({ terminated: true });
        });
        break;
    }
    case "in-worker": {
        const { parentPort } = await import("node:worker_threads");
        const listener = await (await transport(name)).listen(address);
        const connecting = (await transport(name)).connect(listener.address);
        const { value: server } = await listener[Symbol.asyncIterator]().next();
        const client = await connecting;
        server.stream.pipe(server.stream);
        client.stream.once("data", (data) => parentPort.postMessage(data.toString()));
        client.stream.write("from a worker");
        break;
    }
    default:
        throw new Error(`there is no role ${role}`);
}
