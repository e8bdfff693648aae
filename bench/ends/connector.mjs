// Connects to a port of loopback, one connection after the other; seconds for all, and of each.
import net from "node:net";

process.on("message", async ({ port, count }) => {
    const each = [];
    const begin = process.hrtime.bigint();
    for (let number = 0; number < count; number += 1) {
        const start = process.hrtime.bigint();
        await new Promise((resolve, reject) => {
            const socket = net.connect(port, "127.0.0.1");
            socket.on("connect", () => {
                each.push(Number(process.hrtime.bigint() - start) / 1e9);
                socket.resetAndDestroy();
            });
            socket.on("close", resolve).on("error", reject);
        });
    }
    process.send({ seconds: Number(process.hrtime.bigint() - begin) / 1e9, each });
});
process.send("ready");
