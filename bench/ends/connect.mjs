// Connections to a server of this process, one after the other, each over when both ends have it.
import { once } from "node:events";
import net from "node:net";
import { perSecond } from "./timing.mjs";

export async function connections({ milliseconds }) {
    const server = net.createServer((socket) => socket.on("error", () => {})).listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address();
    const result = await perSecond({ milliseconds }, async () => {
        const accepted = once(server, "connection");
        const socket = net.connect(port, "127.0.0.1").on("error", () => {});
        await once(socket, "connect");
        const [other] = await accepted;
        socket.resetAndDestroy();
        other.resetAndDestroy();
    });
    server.close();
    return { perSecond: result };
}
