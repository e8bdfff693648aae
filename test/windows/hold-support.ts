// What the tests of held calls share: a controller that answers as the test says, on the real pipe in the real format
// (native/core/controller_format.hpp), a policy whose every rule asks it, and servers to connect to.
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import * as dgram from "node:dgram";
import { once } from "node:events";
import * as fs from "node:fs";
import * as net from "node:net";
import * as path from "node:path";
import { createInterface } from "node:readline";
import { native } from "#lib/native.js";
import type { ControllerEntryHandle } from "#lib/native/policy.js";
import type { Channel } from "#lib/share/transports/channel.js";
import { pipe } from "#lib/share/transports/pipe.js";
import { lastJson, programFile } from "./acceptance-support.js";
import { dataFolder } from "./watch-support.js";

const requestSize = 88;
const kinds = { ask: 1, ticket: 2, withdrawn: 3 } as const;
const actions = { allow: 1, deny: 2, redirect: 3 } as const;
const families = { ipv4: 2, ipv6: 23 } as const;
/** Functions as records number them (native/core/ring_format.hpp). */
export const functions = { WSPAccept: 1, WSPBind: 4, WSPConnect: 8, WSPListen: 19, ConnectEx: 65 };

export interface FakeAddress {
    readonly family: number;
    readonly port: number;
    readonly bytes: Buffer;
}

export interface FakeRequest {
    readonly pid: number;
    readonly kind: keyof typeof kinds;
    readonly id: bigint;
    readonly generation: number;
    readonly rule: number;
    readonly timeout: number;
    readonly call: number;
    readonly protocol: number;
    readonly local: FakeAddress;
    readonly remote: FakeAddress;
    /** Answers it; more than once if the test wants that. */
    answer(answer: FakeAnswer): void;
}

export type FakeAnswer =
    | { readonly action: "allow" }
    | { readonly action: "deny"; readonly error: number }
    | { readonly action: "redirect"; readonly port: number; readonly family: keyof typeof families };

export const allow = { action: "allow" } as const;
export const deny = (error: number): FakeAnswer => ({ action: "deny", error });

function readAddress(bytes: Buffer): FakeAddress {
    return { family: bytes.readUInt16LE(0), port: bytes.readUInt16LE(2), bytes: bytes.subarray(8, 24) };
}

function loopbackBytes(family: keyof typeof families): Buffer {
    const bytes = Buffer.alloc(16);
    bytes.set(family === "ipv4" ? [127, 0, 0, 1] : [...Array<number>(15).fill(0), 1]);
    return bytes;
}

function toBytes(id: bigint, answer: FakeAnswer): Buffer {
    const bytes = Buffer.alloc(48);
    bytes.write("WSIA", 0, "latin1");
    bytes.writeUInt16LE(1, 4);
    bytes.writeUInt16LE(48, 6);
    bytes.writeBigUInt64LE(id, 8);
    bytes.writeUInt32LE(actions[answer.action], 16);
    bytes.writeInt32LE(answer.action === "deny" ? answer.error : 0, 20);
    if (answer.action === "redirect") {
        bytes.writeUInt16LE(families[answer.family], 24);
        bytes.writeUInt16LE(answer.port, 26);
        loopbackBytes(answer.family).copy(bytes, 32);
    }
    return bytes;
}

/** The process that every provider of the machine believes to be the controller; 0 = none. */
export function writeControl(pid: number): void {
    const file = fs.openSync(path.join(dataFolder(), "control.bin"), "r+");
    try {
        const word = Buffer.alloc(4);
        word.writeUInt32LE(pid);
        fs.writeSync(file, word, 0, 4, 24);
    } finally {
        fs.closeSync(file);
    }
}

export interface FakeOptions {
    /** Called with every request but withdrawals. Absent: requests are only collected. */
    readonly onRequest?: (request: FakeRequest) => void;
    /** Bytes sent instead of what the format says, as soon as somebody connects. */
    readonly greeting?: Buffer;
    readonly sddl?: string;
}

/** A controller in this process. */
export class FakeController {
    readonly requests: FakeRequest[] = [];
    readonly withdrawn: bigint[] = [];
    connections = 0;
    readonly #channels = new Set<Channel>();
    readonly #waiting: (() => void)[] = [];
    #entry: ControllerEntryHandle | undefined;
    #close: () => Promise<void> = () => Promise.resolve();

    static async start(options: FakeOptions = {}): Promise<FakeController> {
        const controller = new FakeController();
        const listener = await pipe.listen(`\\\\.\\pipe\\winsock-spi-controller-${process.pid}`, {
            sddl: options.sddl ?? "O:BAG:BAD:(A;;GRGW;;;WD)",
        });
        const served = (async () => {
            for await (const channel of listener) {
                controller.#serve(channel, options);
            }
        })();
        controller.#close = async () => {
            await listener.close();
            await served;
        };
        controller.#entry = native().enterController(); // so this process's own calls are exempt
        running.add(controller);
        return controller;
    }

    #serve(channel: Channel, options: FakeOptions): void {
        this.connections += 1;
        this.#channels.add(channel);
        let rest: Buffer = Buffer.alloc(0);
        // Not shut down when its client has gone: destroyed.
        channel.stream.allowHalfOpen = true;
        channel.stream.on("error", () => undefined).on("end", () => channel.stream.destroy());
        channel.stream.on("close", () => this.#channels.delete(channel));
        if (options.greeting !== undefined) {
            channel.stream.write(options.greeting);
        }
        channel.stream.on("data", (data: Buffer) => {
            rest = Buffer.concat([rest, data]);
            for (; rest.length >= requestSize; rest = rest.subarray(requestSize)) {
                this.#take(channel, rest.subarray(0, requestSize), options);
            }
            this.#wake();
        });
    }

    #take(channel: Channel, bytes: Buffer, options: FakeOptions): void {
        assert.equal(bytes.toString("latin1", 0, 4), "WSIQ");
        assert.equal(bytes.readUInt16LE(4), 1);
        const number = bytes.readUInt16LE(6);
        const kind = (Object.keys(kinds) as (keyof typeof kinds)[]).find((name) => kinds[name] === number);
        assert.ok(kind !== undefined, `a request of kind ${number}`);
        const id = bytes.readBigUInt64LE(8);
        if (kind === "withdrawn") {
            this.withdrawn.push(id);
            return;
        }
        const request: FakeRequest = {
            pid: channel.peerPid,
            kind,
            id,
            generation: bytes.readUInt32LE(16),
            rule: bytes.readUInt32LE(20),
            timeout: bytes.readUInt32LE(24),
            call: bytes.readUInt16LE(28),
            protocol: bytes.readUInt8(30),
            local: readAddress(bytes.subarray(40, 64)),
            remote: readAddress(bytes.subarray(64, 88)),
            answer: (answer) => channel.stream.write(toBytes(id, answer)),
        };
        this.requests.push(request);
        options.onRequest?.(request);
    }

    #wake(): void {
        this.#waiting.splice(0).forEach((wake) => wake());
    }

    /** Resolves when `condition` holds; the time-out of the test is the limit. */
    async until(condition: () => boolean): Promise<void> {
        while (!condition()) {
            await new Promise<void>((resolve) => this.#waiting.push(resolve));
        }
    }

    /** Ends every connection at once, as the end of its process would. Its number stays in control.bin if `crash`. */
    async stop({ crash = false } = {}): Promise<void> {
        running.delete(this);
        this.#entry?.leave();
        if (crash) {
            writeControl(process.pid);
        }
        for (const channel of this.#channels) {
            channel.stream.destroy();
        }
        await this.#close();
    }
}

const running = new Set<FakeController>();
afterEach(async () => {
    await Promise.all([...running].map((controller) => controller.stop()));
    if (fs.existsSync(path.join(dataFolder(), "control.bin"))) {
        writeControl(0);
    }
});

export interface GreetingServer extends AsyncDisposable {
    readonly port: number;
    connections(): number;
}

/** A TCP server that says `text` to everybody, and ends. */
export async function greetingServer(family: 4 | 6, text: string): Promise<GreetingServer> {
    let connections = 0;
    const server = net.createServer((socket) => {
        connections += 1;
        socket.on("error", () => undefined).end(text);
        socket.resume();
    });
    server.listen(0, family === 4 ? "127.0.0.1" : "::1");
    await once(server, "listening");
    return {
        port: (server.address() as net.AddressInfo).port,
        connections: () => connections,
        [Symbol.asyncDispose]: async () => {
            server.close();
            await once(server, "close");
        },
    };
}

/** A UDP server that answers every datagram with `text`. */
export async function greetingDatagrams(family: 4 | 6, text: string): Promise<GreetingServer> {
    let received = 0;
    const socket = dgram.createSocket(family === 4 ? "udp4" : "udp6", (_, from) => {
        received += 1;
        socket.send(text, from.port, from.address);
    });
    socket.bind(0, family === 4 ? "127.0.0.1" : "::1");
    await once(socket, "listening");
    return {
        port: socket.address().port,
        connections: () => received,
        [Symbol.asyncDispose]: async () => {
            socket.close();
            await once(socket, "close");
        },
    };
}

/** What the program prints at its end, and its process, while a call of it is held. */
export class HeldProgram {
    readonly #child: ChildProcess;
    readonly #seen: string[] = [];
    readonly ended: Promise<Summary>;

    constructor(way: string, family: 4 | 6, port: number, count = 1) {
        this.#child = spawn(programFile(64, "held_calls"), [way, `${family}`, `${port}`, `${count}`], {
            stdio: ["pipe", "pipe", "inherit"],
        });
        createInterface({ input: this.#child.stdout! }).on("line", (line) => this.#seen.push(line));
        this.ended = once(this.#child, "close").then(() => lastJson(this.#seen.join("\n")));
        this.ended.catch(() => undefined);
    }

    get pid(): number {
        return this.#child.pid!;
    }

    /** The ways that close a socket do it now, and then wait. */
    close(): void {
        this.#child.stdin!.write("close\n");
    }

    /** They end. */
    end(): Promise<Summary> {
        this.#child.stdin!.end();
        return this.ended;
    }

    async kill(): Promise<void> {
        const closed = once(this.#child, "close");
        this.#child.kill();
        await closed;
    }
}

export type Summary = Readonly<Record<string, unknown>>;

/** The error that a program reports, whatever way it went. */
export function errorOf(summary: Summary): number {
    assert.equal(summary["ok"], true, String(summary["error"]));
    const errors = summary["errors"] as Readonly<Record<string, number>> | undefined;
    return Number(errors === undefined ? summary["error"] : Object.keys(errors)[0]);
}
