// Other processes for the tests of sharing (scenarios/share-peer.mjs), and clients.
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import type * as dgram from "node:dgram";
import { once } from "node:events";
import * as net from "node:net";
import * as path from "node:path";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { project } from "../support/windows.js";

/** What a peer answers; `error` is never there: `ask` throws it. */
export interface Answer {
    readonly port: number;
    readonly info: string;
    readonly path: string;
    readonly accepted: number;
    readonly address: net.AddressInfo;
}

export class Peer {
    readonly #control: Promise<{ socket: net.Socket; lines: AsyncIterator<string> }>;

    constructor(
        readonly child: ChildProcess,
        control: Promise<net.Socket>,
    ) {
        this.#control = control.then((socket) => ({
            socket,
            lines: createInterface({ input: socket })[Symbol.asyncIterator](),
        }));
    }

    get pid(): number {
        return this.child.pid!;
    }

    async ask(command: string, given: object = {}): Promise<Answer> {
        const { socket, lines } = await this.#control;
        socket.write(`${JSON.stringify({ command, ...given })}\n`);
        const { value, done } = await lines.next();
        assert.ok(done !== true, `the peer answers ${command}`);
        const answer = JSON.parse(value) as Answer & { error?: string; message?: string };
        assert.equal(answer.error, undefined, answer.message);
        return answer;
    }

    async end(): Promise<void> {
        if (this.child.exitCode === null && this.child.signalCode === null) {
            const exited = once(this.child, "exit");
            (await this.#control).socket.end();
            await exited;
        }
    }
}

const running = new Set<Peer>();
afterEach(async () => {
    await Promise.all([...running].map((peer) => peer.end()));
    running.clear();
});

async function acceptControl(server: net.Server): Promise<net.Socket> {
    const [socket] = (await once(server, "connection")) as [net.Socket];
    server.close();
    return socket.on("error", () => undefined);
}

/** Ends with the test. */
export async function startPeer(node = process.execPath): Promise<Peer> {
    const server = net.createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as net.AddressInfo;
    const child = spawn(node, [scenario("share-peer.mjs"), String(port)], { stdio: ["ignore", "inherit", "inherit"] });
    const peer = new Peer(child, acceptControl(server));
    running.add(peer);
    return peer;
}

const scenario = (name: string): string => path.join(project, "test", "windows", "scenarios", name);

/** Runs a script of scenarios/ to its end, which tells by its exit code. */
export async function runScenario(
    node: string,
    name: string,
    args: readonly string[],
    flags: readonly string[] = [],
): Promise<number | null> {
    const child = spawn(node, [...flags, scenario(name), ...args], { stdio: ["ignore", "inherit", "inherit"] });
    const [code] = (await once(child, "close")) as [number | null];
    return code;
}

/** Everything that a server says to one connection. */
export async function ask(port: number, host = "127.0.0.1"): Promise<string> {
    return text(net.connect(port, host));
}

/** The answer to one datagram. */
export async function askDatagram(
    client: dgram.Socket,
    message: string,
    port: number,
    address: string,
): Promise<string> {
    const answer = once(client, "message") as Promise<[Buffer]>;
    client.send(message, port, address);
    return (await answer)[0].toString();
}

export const toBytes = (info: string): Uint8Array => Buffer.from(info, "base64");
