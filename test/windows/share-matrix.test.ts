// Every kind of socket, over IPv4 and IPv6, over every transport, between processes of every bitness, on Winsock as found,
// behind our provider, and behind it with ids that differ between the two catalogs.
import assert from "node:assert/strict";
import * as dgram from "node:dgram";
import { once } from "node:events";
import * as net from "node:net";
import { randomUUID } from "node:crypto";
import {
    bitnesses,
    cli,
    entriesOf,
    expectCode,
    keepCatalog,
    ours,
    providerFile,
    readCatalog,
    setup,
} from "./acceptance-support.js";
import { nodes } from "../support/windows.js";
import { type End, Ends } from "./share-support.js";

const transports = [
    "pipe",
    "mailslot",
    "shared-memory",
    "copydata",
    "anonymous-pipe",
    "atoms",
    "dde",
    "tcp",
    "systemfd",
] as const;
type TransportName = (typeof transports)[number];

const hosts = ["127.0.0.1", "::1"] as const;
type Host = (typeof hosts)[number];

const pairs = [
    ["node", "node"],
    ["node", "node-x86"],
    ["node-x86", "node"],
] as const;

/** Two unrelated processes, and a third that one of them starts, for the transport that needs it. */
interface Stage {
    readonly source: End;
    readonly target: End;
    readonly child: End;
    readonly addresses: Readonly<Partial<Record<TransportName, string>>>;
}

async function setStage(ends: Ends, source: string, target: string): Promise<Stage> {
    const from = await ends.start(nodes[source]!);
    const to = await ends.start(nodes[target]!);
    const starting = from.do("startChild", { name: "child", program: nodes[target], args: ends.args });
    const child = await ends.started();
    await Promise.all([starting, child.do("receiveFromParent")]);
    const addresses: Partial<Record<TransportName, string>> = {};
    for (const transport of transports) {
        if (transport !== "anonymous-pipe" && transport !== "systemfd") {
            const at = transport === "tcp" ? "127.0.0.1:0" : `share-matrix-${randomUUID()}`;
            addresses[transport] = await to.do<string>("receive", { at, transport });
        }
    }
    return { source: from, target: to, child, addresses };
}

let names = 0;

/** Hands the source's socket over, and gives the process that has it then. */
async function handOver(stage: Stage, transport: TransportName, name: string, mode: "move" | "share"): Promise<End> {
    const { source, target, child, addresses } = stage;
    if (transport === "systemfd") {
        const server = `systemfd-${name}`;
        const env = await source.do<object>("serveSystemfd", { names: [name], name: server });
        assert.equal(await target.do<number>("takeSystemfd", { env }), 1);
        await source.do("close", { name: server });
        await source.do("close", { name });
        return target;
    }
    const receiver = transport === "anonymous-pipe" ? child : target;
    const given = transport === "anonymous-pipe" ? { child: "child" } : { to: addresses[transport], transport };
    const sent = await source.do<{ pid: number }>("send", { name, mode, message: name, ...given });
    assert.equal(sent.pid, receiver.pid, "the system's word for who got it");
    const got = await receiver.received();
    assert.equal(got.mode, mode);
    assert.equal(got.message, name);
    assert.equal(got.peer.pid, source.pid);
    if (mode === "share") {
        await source.do("close", { name });
    }
    return receiver;
}

async function answer(stream: net.Socket, ask?: string): Promise<string> {
    const came = once(stream, "data") as Promise<[Buffer]>;
    if (ask !== undefined) {
        stream.write(ask);
    }
    return (await came)[0].toString();
}

async function connected(stage: Stage, transport: TransportName, host: Host): Promise<void> {
    const name = `socket-${names++}`;
    const server = net.createServer().listen(0, host);
    await once(server, "listening");
    const arrived = once(server, "connection") as Promise<[net.Socket]>;
    await stage.source.do("connect", { name, host, port: (server.address() as net.AddressInfo).port });
    const [far] = await arrived;
    server.close();
    assert.equal(await answer(far, "before"), `${stage.source.pid}:before`);
    const owner = await handOver(stage, transport, name, "move");
    assert.equal(await answer(far, "after"), `${owner.pid}:after`);
    await owner.do("drop");
    far.destroy();
}

async function visit(host: Host, port: number): Promise<string> {
    const visitor = net.connect(port, host);
    const text = await answer(visitor);
    visitor.destroy();
    return text;
}

async function listening(stage: Stage, transport: TransportName, host: Host): Promise<void> {
    const name = `socket-${names++}`;
    const port = await stage.source.do<number>("listen", { name, host });
    assert.equal(await visit(host, port), `${stage.source.pid}:hello`);
    const owner = await handOver(stage, transport, name, "share");
    assert.equal(await visit(host, port), `${owner.pid}:hello`);
    assert.equal(await visit(host, port), `${owner.pid}:hello`);
    await owner.do("drop");
}

async function datagram(stage: Stage, transport: TransportName, host: Host): Promise<void> {
    const name = `socket-${names++}`;
    const port = await stage.source.do<number>("bind", { name, host });
    const far = dgram.createSocket(host === "::1" ? "udp6" : "udp4").bind(0, host);
    await once(far, "listening");
    const ask = async (text: string): Promise<string> => {
        const came = once(far, "message") as Promise<[Buffer]>;
        far.send(text, port, host);
        return (await came)[0].toString();
    };
    assert.equal(await ask("before"), `${stage.source.pid}:before`);
    const owner = await handOver(stage, transport, name, "move");
    assert.equal(await ask("after"), `${owner.pid}:after`);
    await owner.do("drop");
    await new Promise<void>((resolve) => far.close(resolve));
}

const kinds = { "TCP connected": connected, "TCP listening": listening, UDP: datagram };

function cells(): void {
    for (const [from, to] of pairs) {
        describe(`${from} to ${to}`, () => {
            let ends: Ends;
            let stage: Stage;
            before(async function () {
                if (nodes[from] === undefined || nodes[to] === undefined) {
                    this.skip();
                }
                ends = await Ends.open();
                stage = await setStage(ends, from, to);
            });
            after(() => ends[Symbol.asyncDispose]());
            for (const transport of transports) {
                it(`${Object.keys(kinds).join(", ")} over IPv4 and IPv6, handed over by ${transport}`, async () => {
                    for (const [kind, cell] of Object.entries(kinds)) {
                        for (const host of hosts) {
                            await cell(stage, transport, host).catch((error: unknown) => {
                                throw new Error(`${kind} on ${host}`, { cause: error });
                            });
                        }
                    }
                });
            }
        });
    }
}

describe("share matrix", function () {
    this.timeout(60_000);
    keepCatalog({ each: false });

    describe("Winsock as found", cells);

    describe("behind the provider", () => {
        before(async () => expectCode(await cli(["install", "--yes"]), 0));
        after(async () => expectCode(await cli(["uninstall", "--yes"]), 0));
        cells();
    });

    describe("behind the provider, with different ids in the two catalogs", () => {
        before(async () => {
            // Ids that were given once are not given again: the 32-bit catalog's next ones are others from here on.
            await setup(32, "install", providerFile(32, "second_provider.dll"), "--guid", "entry", "--chain", "entry");
            await setup(32, "remove");
            expectCode(await cli(["install", "--yes"]), 0);
            const catalog = await readCatalog();
            const [ids64, ids32] = bitnesses.map(
                (bits) =>
                    new Set(
                        entriesOf(catalog, bits)
                            .filter(({ providerId }) => providerId.startsWith(ours))
                            .map(({ id }) => id),
                    ),
            );
            assert.ok(
                [...ids64!].some((id) => !ids32!.has(id)),
                "the two catalogs number our entries differently",
            );
        });
        after(async () => expectCode(await cli(["uninstall", "--yes"]), 0));
        cells();
    });
});
