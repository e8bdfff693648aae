// HTTP requests to a server of this process, several at a time.
import { once } from "node:events";
import http from "node:http";
import { perSecond } from "./timing.mjs";

const lanes = 4;
const body = "x".repeat(100);

export async function requests({ milliseconds, keepAlive }) {
    const server = http.createServer((_request, response) => response.end(body)).listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address();
    const agent = new http.Agent({ keepAlive, maxSockets: lanes });
    const request = () =>
        new Promise((resolve, reject) => {
            http.get({ host: "127.0.0.1", port, agent }, (response) => {
                response.on("error", reject).on("end", resolve).resume();
            }).on("error", reject);
        });
    const result = await perSecond({ milliseconds, lanes }, request);
    agent.destroy();
    server.closeAllConnections();
    server.close();
    await once(server, "close");
    return { perSecond: result };
}
