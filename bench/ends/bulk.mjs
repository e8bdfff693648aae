// Bytes from one end of a connection to the other, both in this process.
import { once } from "node:events";
import net from "node:net";
import { perSecond } from "./timing.mjs";

const block = Buffer.alloc(65536, 5);

export async function megabytes({ milliseconds }) {
    const server = net.createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const accepted = once(server, "connection");
    const socket = net.connect(server.address().port, "127.0.0.1");
    await once(socket, "connect");
    const [other] = await accepted;
    let got = 0;
    other.on("data", (data) => (got += data.length));
    const begin = performance.now();
    const blocks = await perSecond({ milliseconds }, async () => {
        if (!socket.write(block)) {
            await once(socket, "drain");
        }
    });
    socket.end();
    await once(other, "end");
    const seconds = (performance.now() - begin) / 1000;
    server.close();
    if (!(blocks > 0)) {
        throw new Error("nothing was sent");
    }
    return { perSecond: got / 2 ** 20 / seconds };
}
