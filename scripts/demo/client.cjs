// A plain Node HTTP client. It knows nothing about winsock-spi.
const http = require("node:http");

const [port, count] = process.argv.slice(2).map(Number);

function request(number) {
    return new Promise((resolve, reject) => {
        const options = { host: "127.0.0.1", port, path: `/${number}`, method: "POST", agent: false };
        const outgoing = http.request(options, (response) => {
            let text = "";
            response.setEncoding("utf8").on("data", (chunk) => (text += chunk));
            response.on("end", () => resolve(text));
        });
        outgoing.on("error", reject).end("x".repeat(1000 * number));
    });
}

(async () => {
    for (let number = 1; number <= count; number += 1) {
        process.stdout.write(await request(number));
    }
})();
