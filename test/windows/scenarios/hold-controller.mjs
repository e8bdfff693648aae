// A controller that never answers: listens on its own pipe, prints "listening" and one "asked" for each request.
import { pipe } from "#lib/share/transports/pipe.js";

const requestSize = 88;
const say = (text) => process.stdout.write(`${text}\n`);
const sddl = "O:BAG:BAD:(A;;GRGW;;;WD)";
const listener = await pipe.listen(`\\\\.\\pipe\\winsock-spi-controller-${process.pid}`, { sddl });
process.stdin.on("end", () => process.exit()).resume();
say("listening");
for await (const { stream } of listener) {
    let bytes = 0;
    stream
        .on("error", () => undefined)
        .on("data", (data) => {
            const before = Math.floor(bytes / requestSize);
            bytes += data.length;
            for (let count = before; count < Math.floor(bytes / requestSize); ++count) {
                say("asked");
            }
        });
}
