// A process that owns connections, echoes what comes on them, and hands them to others like it, as the stress test says.
//   share-owner.mjs CONTROL_PIPE
// The test may end this process at any moment.
import { once } from "node:events";
import net from "node:net";
import { createInterface } from "node:readline";
import { listSockets, lostExports, receiveSockets, sendSocket } from "winsock-spi";

const control = net.connect(process.argv[2]);
const tell = (what) => control.write(`${JSON.stringify(what)}\n`);
const owned = new Map();
let receiver;

function own(id, socket) {
    owned.set(id, socket);
    socket.on("error", () => {});
    socket.on("close", () => owned.get(id) === socket && owned.delete(id));
    socket.on("data", (data) => socket.write(data) || (socket.pause(), socket.once("drain", () => socket.resume())));
}

const actions = {
    hello: () => ({ pid: process.pid, arch: process.arch }),
    sockets: () => listSockets(process.pid).length,
    counts: () => ({ sockets: listSockets(process.pid).length, owned: owned.size, lost: lostExports() }),
    receive({ at }) {
        receiver = receiveSockets({ at });
        void (async () => {
            for await (const { socket, message } of receiver) {
                own(message.id, socket);
                tell({ received: { id: message.id } });
            }
        })();
        return receiver.listening;
    },
    async connect({ id, port, host }) {
        const socket = net.connect({ port, host });
        await once(socket, "connect");
        own(id, socket);
    },
    async hand({ id, to }) {
        await sendSocket(owned.get(id), { to, message: { id }, timeout: 20_000 });
        owned.delete(id);
    },
    async closeAll() {
        const all = [...owned.values()];
        await Promise.all(
            all.map(
                (socket) =>
                    new Promise((resolve) => {
                        socket.destroyed ? resolve() : socket.once("close", resolve).destroy();
                    }),
            ),
        );
    },
};

await once(control, "connect");
control.on("close", () => process.exit(0));
for await (const line of createInterface({ input: control })) {
    const { number, action, given } = JSON.parse(line);
    void (async () => actions[action](given))().then(
        (value) => tell({ number, value }),
        ({ code, message, stack }) => tell({ number, error: { code, message, stack } }),
    );
}
