// Through proxies that are not ours: SOCKS5 by simple-socks, HTTP CONNECT by proxy; chains of both; proxies that fail.
import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { once } from "node:events";
import * as http from "node:http";
import * as net from "node:net";
import { Duplex } from "node:stream";
import { createProxy } from "proxy";
import socks from "simple-socks";
import type { Answer } from "#lib/policy/controller-model.js";
import type { Endpoint, Proxy, RelayAction } from "#lib/policy/model.js";
import { formatPolicy } from "#lib/policy/format.js";
import { parsePolicy } from "#lib/policy/parse.js";
import { connectHttp } from "#lib/relay/http-connect.js";
import { connectSocks5, greetSocks5 } from "#lib/relay/socks5.js";
import { counts } from "../support/counts.js";
import {
    boundSocket,
    callOf,
    closedPort,
    connectThrough,
    echo,
    converse,
    follow,
    later,
    policyOf,
    readAll,
    relayFor,
    ruleOf,
    serve,
} from "./relay-support.js";

interface Started {
    readonly proxy: Proxy;
    /** What it was asked for: "host:port". */
    readonly asked: string[];
}

async function listening(server: net.Server): Promise<Endpoint> {
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
    return { address: "127.0.0.1", port: (server.address() as net.AddressInfo).port };
}

const secret = { user: "user", password: "pa:ss word" };

async function socks5Proxy({ closed = false } = {}): Promise<Started> {
    const asked: string[] = [];
    const server = socks.createServer({
        connectionFilter: ({ address, port }, _origin, done) => {
            asked.push(`${address}:${port}`);
            done();
        },
        ...(closed && {
            authenticate: (user: string, password: string, _socket: net.Socket, done: (error?: Error) => void) =>
                done(user === secret.user && password === secret.password ? undefined : new Error("no")),
        }),
    });
    const { address: host, port } = await listening(server);
    return { proxy: { kind: "socks5", host, port, ...(closed && secret) }, asked };
}

async function httpProxy({ closed = false } = {}): Promise<Started> {
    const asked: string[] = [];
    const server = createProxy(http.createServer());
    server.prependListener("connect", (request: http.IncomingMessage) => asked.push(request.url!));
    if (closed) {
        const expected = `Basic ${Buffer.from(`${secret.user}:${secret.password}`).toString("base64")}`;
        server.authenticate = (request) => request.headers["proxy-authorization"] === expected;
    }
    const { address: host, port } = await listening(server);
    return { proxy: { kind: "http", host, port, ...(closed && secret) }, asked };
}

const start = { socks5: socks5Proxy, http: httpProxy };
const nameOf = ({ address, port }: Endpoint): string => `${address}:${port}`;

async function admit(action: Partial<RelayAction>, remote: Endpoint): Promise<Answer> {
    const relay = await relayFor();
    const { local } = await boundSocket();
    return relay.admit(callOf(ruleOf(action), local, remote));
}

describe("relay: proxies", function () {
    this.timeout(60_000);

    for (const kind of ["socks5", "http"] as const) {
        for (const closed of [false, true]) {
            it(`${kind}${closed ? " with user and password" : ""} carries a stream`, async () => {
                const { proxy, asked } = await start[kind]({ closed });
                const remote = await serve(echo);
                const { client } = await connectThrough(await relayFor(), ruleOf({ proxy: [proxy] }), remote);
                assert.equal(await converse(client, "by proxy"), "by proxy");
                assert.deepEqual(asked, [nameOf(remote)]);
            });
        }

        it(`${kind}: a wrong password is the proxy's fault, the rule's otherwise holds`, async () => {
            const { proxy } = await start[kind]({ closed: true });
            const wrong = { ...proxy, password: "guess" };
            const remote = await serve(echo);
            assert.deepEqual(
                await admit({ proxy: [wrong], otherwise: { kind: "deny", error: "WSAENETDOWN" } }, remote),
                { action: "deny", error: "WSAENETDOWN" },
            );
        });

        it(`${kind}: what the server says in the same breath as the proxy is not lost`, async () => {
            const { proxy } = await start[kind]();
            const remote = await serve((socket) => socket.end("220 hello"));
            const { client } = await connectThrough(await relayFor(), ruleOf({ proxy: [proxy] }), remote);
            assert.equal((await readAll(client)).toString(), "220 hello");
        });

        it(`${kind} resolves the name itself where it is known`, async () => {
            const { proxy, asked } = await start[kind]();
            const remote = await serve(echo);
            const rule = ruleOf({ proxy: [proxy] });
            // A rule with a name before it makes the relay look for names.
            const named = { name: "named", match: { to: [{ host: "other.test" }] }, then: { kind: "allow" } as const };
            const relay = await relayFor();
            const { local, socket } = await boundSocket();
            const client = await follow(
                socket,
                await relay.admit(callOf(rule, local, remote, { policy: policyOf(named, rule) })),
            );
            const request = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
            assert.equal(await converse(client, request), request);
            assert.deepEqual(asked, [`localhost:${remote.port}`]);
        });
    }

    it("socks5h is what a policy says for it", () => {
        const text = (scheme: string): string =>
            `{ version: 1, default: allow, rules: [{ name: x, match: {}, then: { proxy: "${scheme}://h:1080" } }] }`;
        for (const [scheme, names] of [
            ["socks5", undefined],
            ["socks5h", true],
        ] as const) {
            const policy = parsePolicy(text(scheme));
            const { then } = policy.rules[0]!;
            assert.ok(then.kind === "relay");
            assert.equal(then.proxy![0]!.names, names);
            assert.ok(formatPolicy(policy).includes(`${scheme}://h:1080`));
        }
    });

    it("socks5h: the proxy resolves the name, no other rule needed", async () => {
        const { proxy, asked } = await socks5Proxy();
        const remote = await serve(echo);
        const rule = ruleOf({ proxy: [{ ...proxy, names: true }] });
        const { client } = await connectThrough(await relayFor(), rule, remote);
        const request = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
        assert.equal(await converse(client, request), request);
        assert.deepEqual(asked, [`localhost:${remote.port}`]);
    });

    it("socks5: a destination that refuses is refused", async () => {
        const { proxy } = await socks5Proxy();
        const answer = await admit({ proxy: [proxy] }, await closedPort());
        // This proxy answers "network unreachable" to every failed connect; the relay says so.
        assert.ok(answer.action === "deny");
        assert.match(answer.error, /^WSAE(CONNREFUSED|NETUNREACH|HOSTUNREACH)$/);
    });

    it("http: a destination that refuses cannot be reached", async () => {
        const { proxy } = await httpProxy();
        const answer = await admit({ proxy: [proxy] }, await closedPort());
        assert.ok(answer.action === "deny");
        assert.match(answer.error, /^WSAE(CONNREFUSED|HOSTUNREACH)$/);
    });

    const chains: ("socks5" | "http")[][] = [
        ["socks5", "http"],
        ["http", "socks5"],
        ["socks5", "socks5"],
        ["http", "http", "socks5"],
    ];
    for (const chain of chains) {
        it(`a chain of ${chain.join(", ")}`, async () => {
            const hops = await Promise.all(chain.map((kind, index) => start[kind]({ closed: index % 2 === 1 })));
            const remote = await serve(echo);
            const rule = ruleOf({ proxy: hops.map(({ proxy }) => proxy) });
            const { client } = await connectThrough(await relayFor(), rule, remote);
            assert.equal(await converse(client, "far"), "far");
            hops.forEach(({ asked }, index) => {
                const next = hops[index + 1]?.proxy;
                assert.deepEqual(asked, [next === undefined ? nameOf(remote) : `${next.host}:${next.port}`]);
            });
        });
    }

    it("a chain whose second proxy is down is no way: otherwise holds", async () => {
        const { proxy } = await httpProxy();
        const down = await closedPort();
        const chain: Proxy[] = [proxy, { kind: "socks5", host: down.address, port: down.port }];
        assert.deepEqual(await admit({ proxy: chain }, await serve(echo)), { action: "deny", error: "WSAEACCES" });
    });

    for (const kind of ["socks5", "http"] as const) {
        it(`${kind}: a proxy that is down is no way: denied, or direct if the rule says so`, async () => {
            const { address: host, port } = await closedPort();
            const remote = await serve(echo);
            const proxy = [{ kind, host, port }];
            assert.deepEqual(await admit({ proxy }, remote), { action: "deny", error: "WSAEACCES" });
            assert.deepEqual(await admit({ proxy, otherwise: { kind: "allow" } }, remote), { action: "allow" });
        });

        const silly: [string, (socket: net.Socket) => void][] = [
            ["says nothing", () => undefined],
            ["closes at once", (socket) => socket.end()],
            [
                "talks without end",
                (socket) => {
                    const talk = setInterval(() => socket.write("HTTP/1.1 200 OK\r\nX: " + "y".repeat(10_000)), 1);
                    socket.on("close", () => clearInterval(talk));
                },
            ],
            ["answers something else", (socket) => socket.write("SSH-2.0-x\r\n\r\n")],
            ["closes in the middle of its answer", (socket) => socket.once("data", () => socket.end(Buffer.from([5])))],
        ];
        for (const [what, behave] of silly) {
            it(`${kind}: a proxy that ${what} is no way`, async () => {
                const { address: host, port } = await serve(behave);
                const relay = await relayFor({}, { dialTimeout: 300 });
                const { local } = await boundSocket();
                const rule = ruleOf({ proxy: [{ kind, host, port }] });
                assert.deepEqual(await relay.admit(callOf(rule, local, await serve(echo))), {
                    action: "deny",
                    error: "WSAEACCES",
                });
            });
        }
    }

    it(`proxies that say anything, ${counts.proxyAnswers} times: a way, or a failure of the proxy`, async () => {
        const seeds = [
            Buffer.from([5, 0, 5, 0, 0, 1, 127, 0, 0, 1, 0, 80]),
            Buffer.from([5, 2, 1, 0, 5, 0, 0, 3, 1, 120, 0, 80]),
            Buffer.from("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"),
        ];
        const target = { host: "192.0.2.1", port: 80 };
        const proxy = { host: "p", port: 1, user: "user", password: "pw" } as const;
        let ways = 0;
        for (let input = 0; input < counts.proxyAnswers; ++input) {
            const kind = input % 3 === 2 ? "http" : "socks5";
            const bytes = Buffer.from(seeds[input % 3]!);
            for (let damage = randomInt(0, 4); damage > 0; --damage) {
                bytes[randomInt(bytes.length)] = randomInt(256);
            }
            let at = 0;
            const stream = new Duplex({
                read() {
                    const size = randomInt(1, bytes.length + 1);
                    this.push(at < bytes.length ? bytes.subarray(at, at + size) : null);
                    at += size;
                },
                write: (_chunk, _encoding, done) => done(),
            });
            stream.on("error", () => undefined);
            try {
                if (kind === "http") {
                    await connectHttp(stream, { kind, ...proxy }, target);
                } else {
                    await greetSocks5(stream, { kind, ...proxy });
                    await connectSocks5(stream, target);
                }
                ways += 1;
            } catch (error) {
                const bug = !(error instanceof Error) || error instanceof TypeError || error instanceof RangeError;
                assert.ok(!bug, String(error));
            }
        }
        assert.ok(ways > 0 && ways < counts.proxyAnswers);
    });
});
