// Datagrams from one socket of this process to another, so many in flight as surely fit into its buffer.
import dgram from "node:dgram";
import { once } from "node:events";
import { perSecond } from "./timing.mjs";

const inFlight = 32;
const message = Buffer.alloc(64, 3);

export async function messages({ milliseconds }) {
    const from = dgram.createSocket("udp4").bind(0, "127.0.0.1");
    const to = dgram.createSocket("udp4").bind(0, "127.0.0.1");
    await Promise.all([once(from, "listening"), once(to, "listening")]);
    const { port } = to.address();
    let left = 0;
    let all;
    to.on("message", () => --left === 0 && all());
    const result = await perSecond({ milliseconds }, async () => {
        left = inFlight;
        const arrived = new Promise((resolve) => (all = resolve));
        for (let sent = 0; sent < inFlight; ++sent) {
            from.send(message, port, "127.0.0.1");
        }
        await arrived;
    });
    from.close();
    to.close();
    return { perSecond: result * inFlight };
}
