// What the tests of the relay share: programs that bind before they connect, as with the provider; servers; calls.
import assert from "node:assert/strict";
import * as dgram from "node:dgram";
import { once } from "node:events";
import * as net from "node:net";
import type { Answer, HeldCall } from "#lib/policy/controller-model.js";
import type { Endpoint, Match, Policy, RelayAction, Rule } from "#lib/policy/model.js";
import { type RelayInternals, type RelayOptions, startRelay } from "#lib/relay/relay.js";

/** The process that the tests' programs are of. */
export const program = { pid: 4711, program: "C:\\programs\\client.exe" };

const disposals: (() => unknown)[] = [];
afterEach(async () => {
    for (const dispose of disposals.splice(0).reverse()) {
        await dispose();
    }
});
export function later(dispose: () => unknown): void {
    disposals.push(dispose);
}

export async function relayFor(options: RelayOptions = {}, internals: RelayInternals = {}) {
    const relay = await startRelay(options, { ownersOf: () => [program.pid], ...internals });
    later(() => relay.close());
    return relay;
}

export function ruleOf(then: Partial<RelayAction>, match: Match = {}): Rule {
    const closed = (then.proxy ?? []).length > 0;
    const otherwise = closed ? ({ kind: "deny", error: "WSAEACCES" } as const) : ({ kind: "allow" } as const);
    return { name: "through the relay", match, then: { kind: "relay", otherwise, ...then } };
}

export function policyOf(...rules: Rule[]): Policy {
    return { version: 1, default: { kind: "allow" }, rules };
}

export function callOf(rule: Rule, local: Endpoint, remote: Endpoint, more: Partial<HeldCall> = {}): HeldCall {
    return {
        ...program,
        processStart: 1n,
        call: "WSPConnect",
        protocol: "tcp",
        socket: 4n,
        local,
        remote,
        rule,
        policy: policyOf(rule),
        generation: 1,
        signal: new AbortController().signal,
        ...more,
    };
}

interface TcpHandle {
    bind(address: string, port: number): number;
    bind6(address: string, port: number, flags: number): number;
    getsockname(out: { address?: string; port?: number }): number;
}

/** A socket of a program, bound and not connected. */
export async function boundSocket(address = "0.0.0.0"): Promise<{ local: Endpoint; socket: net.Socket }> {
    const donor = net.createServer().listen(0, "127.0.0.1");
    await once(donor, "listening");
    const Tcp = (donor as unknown as { _handle: { constructor: new (type: number) => TcpHandle } })._handle.constructor;
    donor.close();
    const handle = new Tcp(0);
    assert.equal(net.isIPv6(address) ? handle.bind6(address, 0, 0) : handle.bind(address, 0), 0);
    const name: { address?: string; port?: number } = {};
    assert.equal(handle.getsockname(name), 0);
    const options = { handle, manualStart: true, allowHalfOpen: true };
    const socket = new net.Socket(options);
    later(() => socket.destroy());
    return { local: { address, port: name.port! }, socket };
}

/** Connects where the relay says. */
export async function follow(socket: net.Socket, answer: Answer): Promise<net.Socket> {
    assert.equal(answer.action, "redirect", JSON.stringify(answer));
    assert.ok(answer.action === "redirect");
    socket.connect({ host: answer.to.address, port: answer.to.port });
    await once(socket, "connect");
    return socket;
}

export interface Relayed {
    readonly client: net.Socket;
    readonly local: Endpoint;
}

/** A program's stream to `remote` by way of the relay. */
export async function connectThrough(
    relay: { admit(call: HeldCall): Promise<Answer> },
    rule: Rule,
    remote: Endpoint,
    more: Partial<HeldCall> = {},
): Promise<Relayed> {
    const { local, socket } = await boundSocket(net.isIPv6(remote.address) ? "::" : "0.0.0.0");
    const answer = await relay.admit(callOf(rule, local, remote, more));
    return { client: await follow(socket, answer), local };
}

export async function serve(onConnection: (socket: net.Socket) => void, address = "127.0.0.1"): Promise<Endpoint> {
    const server = net.createServer({ allowHalfOpen: true }, (socket) => {
        later(() => socket.destroy());
        socket.on("error", () => undefined);
        onConnection(socket);
    });
    server.listen(0, address);
    await once(server, "listening");
    later(() => server.close());
    return { address, port: (server.address() as net.AddressInfo).port };
}

export const echo = (socket: net.Socket): void => void socket.pipe(socket);

/** A port at which nobody listens. */
export async function closedPort(): Promise<Endpoint> {
    // Bound and not listening: nobody else gets it while the test runs.
    const { local, socket } = await boundSocket("127.0.0.1");
    later(() => socket.destroy());
    return local;
}

/** Everything until the end. Not by `for await`, which destroys a stream whose other direction may go on. */
export async function readAll(stream: NodeJS.ReadableStream): Promise<Buffer> {
    const chunks: Buffer[] = [];
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    await once(stream, "end");
    return Buffer.concat(chunks);
}

/** Sends a text and gives what comes back until the end. */
export async function exchange(client: net.Socket, text: string): Promise<string> {
    client.end(text);
    return (await readAll(client)).toString();
}

/** Sends a text and gives what comes back, both sides open (some proxies end both when one ends). */
export async function converse(client: net.Socket, text: string): Promise<string> {
    client.write(text);
    let got = "";
    while (got.length < text.length) {
        const [bytes] = (await once(client, "data")) as [Buffer];
        got += bytes.toString();
    }
    return got;
}

/** The code of the error that a socket ends with. */
export async function failure(socket: net.Socket): Promise<string | undefined> {
    socket.resume();
    const [error] = (await Promise.race([
        once(socket, "error"),
        once(socket, "end").then(() => [{ code: "end" }]),
    ]).catch((error: unknown) => [error])) as [NodeJS.ErrnoException];
    return error.code;
}

export async function udpSocket(address = "127.0.0.1"): Promise<{ socket: dgram.Socket; local: Endpoint }> {
    const socket = dgram.createSocket(net.isIPv6(address) ? "udp6" : "udp4");
    socket.bind(0, address);
    await once(socket, "listening");
    later(() => socket.close());
    return { socket, local: { address, port: socket.address().port } };
}
