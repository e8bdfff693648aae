// The whole way: a policy, the controller with its relay, the provider in an unmodified Node program, and proxies that
// are not ours.
import assert from "node:assert/strict";
import { once } from "node:events";
import * as fs from "node:fs";
import * as http from "node:http";
import * as net from "node:net";
import * as path from "node:path";
import { createProxy } from "proxy";
import socks from "simple-socks";
import { applyPolicy } from "#lib/policy/apply.js";
import { type Controller, type ControllerOptions, startController } from "#lib/policy/controller.js";
import { parsePolicy } from "#lib/policy/parse.js";
import { clearPolicy } from "#lib/policy/store.js";
import { project } from "../support/windows.js";
import { closedPort, later, udpSocket } from "../unit/relay-support.js";
import { cli, expectCode, temporaryFolder } from "./acceptance-support.js";
import { type LineProgram, startLines, withProvider } from "./watch-support.js";

const script = path.join(project, "test", "windows", "scenarios", "relay-program.mjs");

interface Said {
    readonly error?: string;
    readonly status?: number;
    readonly body?: string;
    readonly time?: number;
    readonly seen?: unknown;
    readonly text?: string;
    readonly from?: unknown;
    readonly remote?: number;
    readonly ended?: string;
}

const start = (): Promise<LineProgram> => startLines(process.execPath, [script], "ready");

async function ask(program: LineProgram, ...words: (string | number)[]): Promise<Said> {
    return JSON.parse(await program.ask(words.join(" "))) as Said;
}

/** A server or proxy of this process, which the policy does not concern: it is the controller. */
async function listening(server: net.Server): Promise<number> {
    const sockets = new Set<net.Socket>();
    server.on("connection", (socket) => {
        sockets.add(socket);
        socket.on("error", () => undefined).on("close", () => sockets.delete(socket));
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    later(() => {
        server.close();
        sockets.forEach((socket) => socket.destroy());
    });
    return (server.address() as net.AddressInfo).port;
}

async function web(): Promise<{ port: number; served: () => number }> {
    let count = 0;
    const server = http.createServer((_request, response) => response.end("hello from the web"));
    server.on("connection", () => (count += 1));
    return { port: await listening(server), served: () => count };
}

/** One rule for Node programs that go to `port`; its `then` as a policy file says it. */
async function rule(port: number, then: string, before = ""): Promise<void> {
    await applyPolicy(
        parsePolicy(
            `
version: 1
default: allow
rules:
${before}  - name: under test
    match: { program: 'node.exe', to: ['127.0.0.1:${port}', '[::1]:${port}'] }
    then: { ${then} }
`,
            { file: "test.yaml" },
        ),
    );
}

describe("relay: the whole way", function () {
    this.timeout(180_000);
    withProvider();
    let controller: Controller | undefined;
    const control = async (options: ControllerOptions = {}): Promise<void> => {
        controller = await startController(options);
    };
    afterEach(async () => {
        await controller?.close();
        controller = undefined;
        await clearPolicy();
    });

    it("a SOCKS5 proxy carries an unmodified Node program; down, it is denied and not direct", async () => {
        const { port, served } = await web();
        const asked: string[] = [];
        const proxy = socks.createServer({
            authenticate: (user, password, _socket, done) =>
                done(user === "user" && password === "pw" ? undefined : new Error("no")),
            connectionFilter: (to, _from, done) => {
                asked.push(`${to.address}:${to.port}`);
                done();
            },
        });
        const proxyPort = await listening(proxy);
        await control();
        await rule(port, `proxy: 'socks5://user:pw@127.0.0.1:${proxyPort}', otherwise: deny`);
        const program = await start();
        const said = await ask(program, "get", `http://127.0.0.1:${port}/`);
        assert.deepEqual(said, { status: 200, body: "hello from the web", remote: port });
        assert.deepEqual(asked, [`127.0.0.1:${port}`]);

        const before = served();
        const down = await closedPort();
        await rule(port, `proxy: 'socks5://user:pw@127.0.0.1:${down.port}', otherwise: deny`);
        assert.match((await ask(program, "get", `http://127.0.0.1:${port}/`)).error!, /^E(ACCES|CONNREFUSED)$/);
        await controller!.close();
        assert.match((await ask(program, "get", `http://127.0.0.1:${port}/`)).error!, /^E(ACCES|CONNREFUSED)$/);
        assert.equal(served(), before, "nothing went direct");
    });

    it("an HTTP proxy carries it by CONNECT", async () => {
        const { port } = await web();
        const asked: string[] = [];
        const proxy = createProxy(http.createServer());
        proxy.prependListener("connect", (request: http.IncomingMessage) => asked.push(request.url!));
        const proxyPort = await listening(proxy);
        await control();
        await rule(port, `proxy: 'http://127.0.0.1:${proxyPort}'`);
        const said = await ask(await start(), "get", `http://127.0.0.1:${port}/`);
        assert.deepEqual(said, { status: 200, body: "hello from the web", remote: port });
        assert.deepEqual(asked, [`127.0.0.1:${port}`]);
    });

    it("a delay of 80 ms is measured from outside, on either family, and open without a controller", async () => {
        const { port } = await web();
        const six = http.createServer((_request, response) => response.end("six")).listen(port, "::1");
        await once(six, "listening");
        later(() => six.close());
        await control();
        await rule(port, "delay: 80ms");
        const program = await start();
        for (const address of ["127.0.0.1", "::1", "::ffff:127.0.0.1"]) {
            const { time, seen, error } = await ask(program, "connect", address, port);
            assert.equal(error, undefined, address);
            assert.ok(time! >= 79, `the connect to ${address} took ${time} ms`);
            assert.deepEqual(seen, { address, port });
        }
        assert.equal((await ask(program, "get", `http://127.0.0.1:${port}/`)).status, 200);
        await controller!.close();
        assert.equal((await ask(program, "get", `http://127.0.0.1:${port}/`)).status, 200);
    });

    it("a controller that is killed ends its streams at once; what comes next takes the rule's otherwise", async () => {
        let closed: Promise<unknown> | undefined;
        const server = net.createServer((socket) => {
            socket
                .on("error", () => undefined)
                .resume()
                .write("hello");
            closed = new Promise((resolve) => socket.once("close", resolve));
        });
        const port = await listening(server);
        const killed = path.join(project, "test", "windows", "scenarios", "relay-controller.mjs");
        const other = await startLines(process.execPath, [killed], "controls");
        await rule(port, "delay: 1ms, otherwise: { deny: WSAENETDOWN }");
        const program = await start();
        assert.deepEqual(await ask(program, "open", "127.0.0.1", port), {});
        const ended = ask(program, "end");
        const begin = performance.now();
        other.child.kill("SIGKILL");
        assert.match((await ended).ended!, /^(ECONNRESET|ECONNABORTED|end)$/);
        await closed!;
        const time = performance.now() - begin;
        assert.ok(time < 10_000, `streams lived on for ${time} ms`);
        assert.match((await ask(program, "open", "127.0.0.1", port)).error!, /^E(NETDOWN|CONNREFUSED)$/);
    });

    it("a program that is killed ends its streams at the other end too", async () => {
        let closed: Promise<unknown> | undefined;
        const port = await listening(
            net.createServer((socket) => {
                socket
                    .on("error", () => undefined)
                    .resume()
                    .write("hello");
                closed = new Promise((resolve) => socket.once("close", resolve));
            }),
        );
        await control();
        await rule(port, "delay: 1ms");
        const program = await start();
        assert.deepEqual(await ask(program, "open", "127.0.0.1", port), {});
        program.child.kill("SIGKILL");
        await closed!;
    });

    it("watch --pcapng writes what passes", async () => {
        const { port } = await web();
        await rule(port, "capture: true");
        const file = path.join(temporaryFolder(), "watched.pcapng");
        const get = `http=require("http");http.get("http://127.0.0.1:${port}/",r=>r.resume())`;
        const done = await cli(["watch", "--json", "--pcapng", file, "--", process.execPath, "-e", get]);
        expectCode(done, 0);
        const bytes = fs.readFileSync(file);
        assert.equal(bytes.readUInt32LE(0), 0x0a0d0d0a);
        for (const text of ["GET / HTTP/1.1", "hello from the web", 'rule "under test"', "node.exe pid "]) {
            assert.ok(bytes.includes(text), `"${text}" is in the file\n${done.stdout}\n${done.stderr}`);
        }
    });

    it("a name that a rule denies is reset, others pass", async () => {
        const { port } = await web();
        await control();
        await rule(
            port,
            "delay: 1ms",
            `  - name: no telemetry
    match: { program: 'node.exe', to: '*.telemetry.test' }
    then: { deny: WSAEACCES }
`,
        );
        const program = await start();
        const url = `http://127.0.0.1:${port}/`;
        assert.equal((await ask(program, "get", url, "www.telemetry.test")).error, "ECONNRESET");
        assert.equal((await ask(program, "get", url, "www.good.test")).status, 200);
    });

    it("onStream rewrites what a program says", async () => {
        const { port } = await web();
        await control({
            onStream: ({ client, server }) => {
                client.pipe(server);
                server.on("data", (bytes: Buffer) => client.write(bytes.toString().replace("hello", "HELLO")));
                server.on("end", () => client.end());
            },
        });
        await rule(port, "rewrite: true");
        assert.equal((await ask(await start(), "get", `http://127.0.0.1:${port}/`)).body, "HELLO from the web");
    });

    it("datagrams are delayed, and answers come from the address that was asked", async () => {
        const { socket, local } = await udpSocket();
        socket.on("message", (bytes, from) => socket.send(bytes, from.port, from.address));
        await control();
        await rule(local.port, "delay: 40ms");
        const said = await ask(await start(), "ask", local.address, local.port, "hello");
        assert.equal(said.text, "hello");
        assert.deepEqual(said.from, { address: local.address, port: local.port });
        assert.ok(said.time! >= 78, `there and back took ${said.time} ms`);
    });
});
