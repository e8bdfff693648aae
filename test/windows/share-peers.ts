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
    readonly #lines: AsyncIterator<string>;

    constructor(readonly child: ChildProcess) {
        this.#lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
    }

    get pid(): number {
        return this.child.pid!;
    }

    async ask(command: string, given: object = {}): Promise<Answer> {
        this.child.stdin!.write(`${JSON.stringify({ command, ...given })}\n`);
        const { value, done } = await this.#lines.next();
        assert.ok(done !== true, `the peer answers ${command}`);
        const answer = JSON.parse(value) as Answer & { error?: string; message?: string };
        assert.equal(answer.error, undefined, answer.message);
        return answer;
    }

    async end(): Promise<void> {
        if (this.child.exitCode === null && this.child.signalCode === null) {
            const exited = once(this.child, "exit");
            this.child.stdin!.end();
            await exited;
        }
    }
}

const running = new Set<Peer>();
afterEach(async () => {
    await Promise.all([...running].map((peer) => peer.end()));
    running.clear();
});

/** Ends with the test. */
export function startPeer(node = process.execPath): Peer {
    const script = path.join(project, "test", "windows", "scenarios", "share-peer.mjs");
    const peer = new Peer(spawn(node, [script], { stdio: ["pipe", "pipe", "inherit"] }));
    running.add(peer);
    return peer;
}

/** Runs a script of scenarios/ to its end: it says what it found wrong by its exit code and stderr. */
export async function runScenario(node: string, name: string, ...args: readonly string[]): Promise<string> {
    const script = path.join(project, "test", "windows", "scenarios", name);
    const child = spawn(node, [script, ...args], { stdio: ["ignore", "pipe", "pipe"] });
    const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]);
    assert.equal(code, 0, `${name}: exit code ${String(code)}\n${stdout}\n${stderr}`);
    return stdout;
}

/** Everything that a server says to one connection. */
export async function ask(port: number, host = "127.0.0.1"): Promise<string> {
    return text(net.connect(port, host));
}

/** The answer to one datagram. */
export async function askDatagram(client: dgram.Socket, message: string, port: number, address: string): Promise<string> {
    const answer = once(client, "message") as Promise<[Buffer]>;
    client.send(message, port, address);
    return (await answer)[0].toString();
}

export const toBytes = (info: string): Uint8Array => Buffer.from(info, "base64");
