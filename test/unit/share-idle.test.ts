// Which connections of an HTTP server are between two requests.
import assert from "node:assert/strict";
import { once } from "node:events";
import * as http from "node:http";
import * as net from "node:net";
import { HttpConnections } from "#lib/share/recipes/idle-connections.js";

interface Client {
    socket: net.Socket;
    /** Resolves when `text` has come, and forgets what came up to there. */
    until(text: string): Promise<void>;
}

describe("share: idle connections of an HTTP server", () => {
    let server: http.Server;
    let connections: HttpConnections;
    let answer: (request: http.IncomingMessage, response: http.ServerResponse) => void;
    const clients: net.Socket[] = [];

    beforeEach(async () => {
        answer = (_, response) => response.end("ok");
        server = http.createServer((request, response) => answer(request, response));
        connections = new HttpConnections(server);
        server.listen(0, "127.0.0.1");
        await once(server, "listening");
    });
    afterEach(async () => {
        clients.splice(0).forEach((socket) => socket.destroy());
        connections.destroy();
        server.close();
        await once(server, "close");
    });

    async function connect(): Promise<Client> {
        const socket = net.connect((server.address() as net.AddressInfo).port, "127.0.0.1");
        clients.push(socket);
        let received = "";
        let wake = (): void => undefined;
        socket.setEncoding("latin1").on("data", (text: string) => {
            received += text;
            wake();
        });
        await Promise.all([once(socket, "connect"), once(server, "connection")]);
        return {
            socket,
            until: async (text) => {
                while (!received.includes(text)) {
                    await new Promise<void>((resolve) => (wake = resolve));
                }
                received = received.slice(received.indexOf(text) + text.length);
            },
        };
    }

    const get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

    it("takes a connection after its answer, and what comes then is not read", async () => {
        const { socket, until } = await connect();
        socket.write(get);
        await until("ok");
        const idle = connections.takeIdle();
        assert.deepEqual(
            idle.map(({ remotePort }) => remotePort),
            [socket.localPort],
        );
        assert.ok(!idle[0]!.destroyed);
        assert.deepEqual(connections.takeIdle(), [], "it is taken once");
        let requests = 0;
        answer = (_, response) => {
            requests += 1;
            response.end("again");
        };
        await new Promise((resolve) => socket.write(get, resolve));
        await turn();
        assert.equal(requests, 0);
        connections.giveBack(idle[0]!);
        await until("again");
        assert.equal(requests, 1);
        assert.equal(connections.takeIdle().length, 0, "what came back stays");
    });

    it("takes a connection on which nothing has come yet", async () => {
        const { socket, until } = await connect();
        const idle = connections.takeIdle();
        assert.deepEqual(
            idle.map(({ remotePort }) => remotePort),
            [socket.localPort],
        );
        socket.write(get);
        connections.giveBack(idle[0]!);
        await until("ok");
    });

    it("leaves those alone whose request is being answered or has begun", async () => {
        const answered = await connect();
        const responses: http.ServerResponse[] = [];
        answer = (_, response) => responses.push(response);
        answered.socket.write(get);
        await once(server, "request");
        const begun = await connect();
        answer = (_, response) => response.end("ok");
        begun.socket.write(get);
        await begun.until("ok");
        await new Promise((resolve) => begun.socket.write("GET / HT", resolve));
        // The half line has been read when an answer that was asked for later has come.
        const later = await connect();
        later.socket.write(get);
        await later.until("ok");
        const idle = connections.takeIdle().map(({ remotePort }) => remotePort);
        assert.deepEqual(idle, [later.socket.localPort]);
        assert.equal(connections.size, 3);
        responses[0]!.end("ok");
        await answered.until("ok");
        assert.deepEqual(
            connections.takeIdle().map(({ remotePort }) => remotePort),
            [answered.socket.localPort],
        );
        begun.socket.write("TP/1.1\r\nHost: a\r\n\r\n");
        await begun.until("ok");
        assert.equal(connections.takeIdle().length, 1);
    });

    it("leaves destroy() of every connection as it was", async () => {
        const { socket, until } = await connect();
        socket.write(get);
        await until("ok");
        const [idle] = connections.takeIdle();
        assert.ok(!Object.hasOwn(idle!, "destroy"));
        const empty = new Promise<void>((resolve) => (connections.onEmpty = resolve));
        idle!.destroy();
        await empty;
        assert.equal(connections.size, 0);
    });

    it("closes an added connection when the next request does not come, and not while it is answered", async () => {
        const other = net.createServer({ pauseOnConnect: true });
        other.listen(0, "127.0.0.1");
        await once(other, "listening");
        const client = net.connect((other.address() as net.AddressInfo).port, "127.0.0.1");
        clients.push(client);
        const [accepted] = (await once(other, "connection")) as [net.Socket];
        other.close();
        server.keepAliveTimeout = 50;
        const held: http.ServerResponse[] = [];
        answer = (_, response) => {
            held.push(response);
            setTimeout(() => response.end("late"), 150); // three times as long as an idle connection lives
        };
        client.write(get);
        connections.add(accepted);
        accepted.resume();
        const [chunk] = (await once(client, "data")) as [Buffer];
        assert.match(chunk.toString(), /200 OK/);
        await once(client.resume(), "close");
        assert.equal(held.length, 1);
    });
});
