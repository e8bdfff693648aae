// node [--expose-gc] workers.mjs MODE ROUNDS: worker threads that use every part of the addon, over and over.
//
//   run        several at once, each some times through everything, then all end by themselves
//   terminate  several at once, terminated in the middle of whatever they do, round after round
//   exit       the same, and the process exits in the middle of it
//
// The last line is a JSON object with what was done. Nothing is closed or awaited that a careless program would not close.
import { once } from "node:events";
import net from "node:net";
import { Worker, isMainThread, parentPort, workerData } from "node:worker_threads";
import {
    adoptSocket,
    duplicateSocket,
    openDatagram,
    pendingChange,
    readCatalog,
    receiveSockets,
    sendSocket,
    socketOf,
    watch,
    watchBatches,
    watchCatalog,
} from "winsock-spi";

const workers = 3;

const dropped = [];

/** Everything that holds something of the addon; each is there as often as it is done. */
const operations = {
    async catalog() {
        await readCatalog();
        pendingChange();
    },
    async watch() {
        const records = watch({ ownProcess: true });
        const { server, client, accepted } = await connected(); // a process is seen from its first call on
        for await (const record of records) {
            if (record.call === "start") {
                break;
            }
        }
        client.destroy();
        accepted.destroy();
        server.close();
    },
    async droppedWatch() {
        const batches = watchBatches(); // neither iterated nor, until all is done, closed
        if (globalThis.gc === undefined) {
            dropped.push(batches);
        } else {
            globalThis.gc();
        }
    },
    async watchCatalog() {
        const changes = watchCatalog();
        setTimeout(() => void changes.close(), 5);
        for await (const change of changes) {
            void change;
        }
    },
    async share() {
        const { server, client, accepted } = await connected();
        // Another handle of the same socket, in the same process.
        const copy = adoptSocket(duplicateSocket(client, process.pid));
        copy.write("hello");
        const [bytes] = await once(accepted, "data");
        if (String(bytes) !== "hello" || socketOf(copy) === socketOf(client)) {
            throw new Error("the copy is not the socket");
        }
        for (const socket of [copy, client, accepted]) {
            socket.destroy();
        }
        server.close();
    },
    async handOver() {
        const at = `workers-${process.pid}-${workerData}-${Math.random()}`;
        const { server, client, accepted } = await connected();
        const receiver = receiveSockets({ at });
        const [{ socket }] = await Promise.all([firstOf(receiver), sendSocket(client, { to: at })]);
        socket.end("over");
        const [bytes] = await once(accepted, "data");
        if (String(bytes) !== "over") {
            throw new Error("the socket that came is not the one that was sent");
        }
        accepted.destroy();
        socket.destroy();
        server.close();
        globalThis.gc?.();
    },
    async datagram() {
        openDatagram({ host: "127.0.0.1", port: 0 })[Symbol.dispose]();
    },
};

async function connected() {
    const server = net.createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const client = net.connect(server.address().port, "127.0.0.1");
    const [[accepted]] = await Promise.all([once(server, "connection"), once(client, "connect")]);
    // What a terminated worker or a closed end does to the other one is not what this is about.
    client.on("error", () => {});
    accepted.on("error", () => {});
    return { server, client, accepted };
}

async function firstOf(receiver) {
    for await (const received of receiver) {
        return received;
    }
    throw new Error("the receiver ended");
}

async function work() {
    let stopping = false;
    parentPort.on("message", () => (stopping = true));
    const done = {};
    for (let round = 0; !stopping; round++) {
        for (const [name, operation] of Object.entries(operations)) {
            await operation();
            done[name] = (done[name] ?? 0) + 1;
        }
        if (round === 0) {
            parentPort.postMessage({ busy: true });
        }
    }
    await Promise.all(dropped.map((watch) => watch.close()));
    parentPort.postMessage({ done });
    parentPort.close();
}

function start(index) {
    const worker = new Worker(new URL(import.meta.url), { workerData: index });
    const failed = new Promise((_resolve, reject) => worker.once("error", reject));
    failed.catch(() => {});
    return { worker, failed, busy: Promise.race([once(worker, "message"), failed]) };
}

const startAll = async () => {
    const started = Array.from({ length: workers }, (_, index) => start(index));
    await Promise.all(started.map(({ busy }) => busy));
    return started;
};

const modes = {
    async run() {
        const started = await startAll();
        const ended = started.map(async ({ worker, failed }) => {
            const exit = once(worker, "exit");
            const told = once(worker, "message");
            worker.postMessage("stop");
            const [{ done }] = await Promise.race([told, failed]);
            const [code] = await exit;
            return { done, code };
        });
        return { ended: await Promise.all(ended) };
    },
    async terminate(rounds) {
        let terminated = 0;
        for (let round = 0; round < rounds; round++) {
            const started = await startAll();
            await new Promise((resolve) => setTimeout(resolve, (round * 7) % 31));
            await Promise.all(started.map(({ worker }) => worker.terminate()));
            terminated += started.length;
        }
        // The main thread goes on with the same addon.
        const { protocols } = await readCatalog();
        return { terminated, entries: protocols["64"]?.length ?? protocols["32"]?.length };
    },
    async exit() {
        await startAll();
        return { busy: workers };
    },
};

if (isMainThread) {
    const [mode, rounds] = process.argv.slice(2);
    await readCatalog(); // the main thread has the addon, too
    console.log(JSON.stringify(await modes[mode](Number(rounds))));
    if (mode === "exit") {
        process.exit(7);
    }
} else {
    await work();
}
