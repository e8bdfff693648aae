// A plain Node TCP client: visits each port in its turn and says what it found. It knows nothing about winsock-spi.
const net = require("node:net");

function visit(port) {
    return new Promise((resolve) => {
        const begin = performance.now();
        const socket = net.connect(port, "127.0.0.1");
        let text = "";
        let connected;
        const tell = (error) =>
            resolve({ port, error, text, from: socket.remotePort, connected, answered: performance.now() - begin });
        socket.on("connect", () => (connected = performance.now() - begin));
        socket.setEncoding("utf8").on("data", (chunk) => {
            text += chunk;
            if (text.endsWith("\n")) {
                tell();
                socket.end();
            }
        });
        socket.on("error", ({ code }) => tell(code));
    });
}

(async () => {
    for (const port of process.argv.slice(2).map(Number)) {
        console.log(JSON.stringify(await visit(port)));
    }
})();
