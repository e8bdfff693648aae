// A plain Node HTTP server. It knows nothing about winsock-spi.
const http = require("node:http");

const server = http.createServer((request, response) => {
    let bytes = 0;
    request.on("data", (chunk) => (bytes += chunk.length));
    request.on("end", () => response.end(`${request.method} ${request.url}: ${bytes} bytes\n`));
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
process.stdin.resume().on("end", () => server.close(() => process.exit(0)));
