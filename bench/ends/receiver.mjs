// Gets sockets by receiveSockets: receiver.mjs TRANSPORT AT. Says where it listens and when it has as many as it was told
// to expect; over the channel of its parent if TRANSPORT is anonymous-pipe.
import { parentChannel, receiveSockets } from "winsock-spi";

const [transport, at] = process.argv.slice(2);
let left = 0;
let held = [];
const receiver = receiveSockets(transport === "anonymous-pipe" ? { at: await parentChannel() } : { transport, at });
process.on("message", ({ expect }) => {
    left = expect;
    process.send("ready");
});
process.send?.({ address: await receiver.listening });
for await (const { socket } of receiver) {
    held.push(socket.on("error", () => {}));
    if (--left <= 0) {
        process.send?.("all");
        held.forEach((each) => each.destroy()); // what it costs to close them is not measured
        held = [];
    }
}
