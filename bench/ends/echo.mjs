// 1 KB to a server of this process and back, one after the other on one connection.
import { once } from "node:events";
import net from "node:net";
import { perSecond } from "./timing.mjs";

const message = Buffer.alloc(1024, 4);

export async function roundTrips({ milliseconds }) {
    const server = net.createServer({ noDelay: true }, (socket) => socket.on("error", () => {}).pipe(socket));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const socket = net.connect({ port: server.address().port, host: "127.0.0.1", noDelay: true });
    await once(socket, "connect");
    let left = 0;
    let back;
    socket.on("data", (data) => {
        left -= data.length;
        if (left === 0) {
            back();
        }
    });
    const each = [];
    const result = await perSecond({ milliseconds }, async () => {
        const begin = performance.now();
        left = message.length;
        const arrived = new Promise((resolve) => (back = resolve));
        socket.write(message);
        await arrived;
        each.push((performance.now() - begin) * 1000);
    });
    socket.destroy();
    server.close();
    each.sort((a, b) => a - b);
    const at = (share) => each[Math.min(each.length - 1, Math.floor(each.length * share))];
    return { perSecond: result, medianMicroseconds: at(0.5), p99Microseconds: at(0.99) };
}
