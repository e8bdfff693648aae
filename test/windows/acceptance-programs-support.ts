// What the test of other people's programs needs: files to serve, a program that serves them, with the layer or without
// it, a client that counts, and a server for programs that are clients.
import assert from "node:assert/strict";
import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import * as fs from "node:fs";
import * as http from "node:http";
import type { AddressInfo, Socket } from "node:net";
import * as path from "node:path";
import { cliFile, nodes, temporaryFolder } from "./acceptance-support.js";

/** A folder of text files of several sizes, and what is in them. */
export function makeSite(): { folder: string; files: ReadonlyMap<string, Buffer> } {
    const folder = path.join(temporaryFolder(), "site");
    fs.mkdirSync(folder);
    const files = new Map<string, Buffer>();
    for (const size of [1, 100, 1_460, 4_096, 10_000, 65_536, 100_000]) {
        const content = Buffer.from(randomBytes(size).toString("hex").slice(0, size));
        files.set(`${size}.txt`, content);
        fs.writeFileSync(path.join(folder, `${size}.txt`), content);
    }
    return { folder, files };
}

export function sha256(content: Buffer): string {
    return createHash("sha256").update(content).digest("hex");
}

/** How a program is run: by itself, or under `watch --json`. */
export type Way = "alone" | "watched";

/** A program that serves until its standard input ends, or that ends by itself. */
export class Started {
    #output = "";
    #records = "";
    readonly #closed: Promise<unknown>;

    private constructor(
        readonly child: ChildProcess,
        way: Way,
    ) {
        child.stdin?.on("error", () => undefined); // it may end without reading
        for (const [stream, isRecords] of [
            [child.stdout, way === "watched"],
            [child.stderr, false],
        ] as const) {
            stream?.setEncoding("utf8").on("data", (text: string) => {
                if (isRecords) {
                    this.#records += text;
                } else {
                    this.#output += text;
                    child.emit("printed");
                }
            });
        }
        this.#closed = once(child, "close");
    }

    static start(way: Way, file: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Started {
        const options = { env: { ...process.env, ...env }, windowsHide: true };
        if (way === "watched") {
            const all = [cliFile, "watch", "--json", "--", file, ...args];
            return new Started(spawn(nodes["node"]!, all, { ...options, stdio: "pipe" }), way);
        }
        return file === nodes["node-x86"]
            ? Started.#startOnFile(file, args, options)
            : new Started(spawn(file, args, { ...options, stdio: "pipe" }), way);
    }

    /**
     * A 32-bit Node does not find the pipes of a 64-bit one (libuv hands them over as handles of the parent's size): it
     * prints to a file, and is ended.
     */
    static #startOnFile(file: string, args: readonly string[], options: SpawnOptions): Started {
        const output = path.join(temporaryFolder(), "output-x86.txt");
        const opened = fs.openSync(output, "w");
        const stay = [...args, "--stay"];
        const started = new Started(spawn(file, stay, { ...options, stdio: ["ignore", opened, opened] }), "alone");
        fs.closeSync(opened);
        fs.watchFile(output, { interval: 20 }, () => {
            started.#output = fs.readFileSync(output, "utf8");
            started.child.emit("printed");
        });
        started.child.on("exit", () => fs.unwatchFile(output));
        return started;
    }

    /** What it printed. */
    get output(): string {
        return this.#output;
    }

    /** The first match in what it prints; fails if it ends before. */
    async printed(pattern: RegExp): Promise<RegExpExecArray> {
        for (;;) {
            const found = pattern.exec(this.#output);
            if (found !== null) {
                return found;
            }
            const ended = this.#closed.then(() => true);
            const more = once(this.child, "printed").then(() => false);
            assert.ok(!(await Promise.race([ended, more])) || pattern.test(this.#output), `it ended: ${this.#output}`);
        }
    }

    /** Ends its standard input, waits for its end, and gives what `watch` printed. */
    async end(): Promise<string> {
        if (this.child.stdin === null) {
            this.child.kill();
        }
        this.child.stdin?.end();
        await this.#closed;
        return this.#records;
    }

    /** Ends it in any case. */
    async stop(): Promise<void> {
        const waiting = setTimeout(() => this.child.kill(), 10_000);
        const late = once(this.child, "exit");
        await Promise.race([this.end(), this.child.exitCode === null ? late : undefined]);
        clearTimeout(waiting);
    }
}

/** What one end of some connections did, counted by itself. */
export interface Counted {
    connections: number;
    requests: number;
    bytesRead: number;
    bytesWritten: number;
    milliseconds: number;
}

/** Adds the bytes of a socket when it has closed. */
function count(counted: Counted, socket: Socket): Promise<void> {
    counted.connections += 1;
    return new Promise((resolve) => {
        socket.on("close", () => {
            counted.bytesRead += socket.bytesRead;
            counted.bytesWritten += socket.bytesWritten;
            resolve();
        });
    });
}

function get(url: string, agent: http.Agent, onSocket: (socket: Socket) => void): Promise<Buffer> {
    return new Promise((resolve, reject) => {
        const request = http.get(url, { agent }, (response) => {
            const chunks: Buffer[] = [];
            response.on("data", (chunk: Buffer) => chunks.push(chunk));
            response.on("error", reject).on("end", () => {
                const status = response.statusCode;
                if (status === 200) {
                    resolve(Buffer.concat(chunks));
                } else {
                    reject(new Error(`${url}: status ${status}`));
                }
            });
        });
        request.on("socket", onSocket).on("error", reject);
    });
}

/** Gets the files in turn, eight requests at once, half of them on connections that are kept, and compares them. */
export async function getFiles(url: string, files: ReadonlyMap<string, Buffer>, requests: number): Promise<Counted> {
    const counted = { connections: 0, requests: 0, bytesRead: 0, bytesWritten: 0, milliseconds: 0 };
    const names = [...files.keys()];
    const begin = performance.now();
    const seen = new Set<Socket>();
    const closed: Promise<void>[] = [];
    const onSocket = (socket: Socket): void => {
        if (!seen.has(socket)) {
            seen.add(socket);
            closed.push(count(counted, socket));
        }
    };
    let next = 0;
    for (const keepAlive of [true, false]) {
        const agent = new http.Agent({ keepAlive, maxSockets: 8 });
        const end = keepAlive ? Math.ceil(requests / 2) : requests;
        await Promise.all(
            Array.from({ length: 8 }, async () => {
                while (next < end) {
                    const name = names[next++ % names.length]!;
                    const content = await get(`${url}/${name}`, agent, onSocket);
                    assert.ok(content.equals(files.get(name)!), `${name} is what was served`);
                    counted.requests += 1;
                }
            }),
        );
        agent.destroy();
    }
    await Promise.all(closed);
    counted.milliseconds = performance.now() - begin;
    return counted;
}

/** A server for programs that are clients: it answers with what it was sent, or with `answer`. */
export class EchoServer {
    readonly counted = { connections: 0, requests: 0, bytesRead: 0, bytesWritten: 0, milliseconds: 0 };
    readonly bodies: string[] = [];
    readonly #closed: Promise<void>[] = [];
    readonly #server: http.Server;

    private constructor(answer: string | undefined) {
        this.#server = http.createServer((request, response) => {
            const chunks: Buffer[] = [];
            request.on("data", (chunk: Buffer) => chunks.push(chunk));
            request.on("end", () => {
                this.counted.requests += 1;
                this.bodies.push(Buffer.concat(chunks).toString());
                const type = answer === undefined ? request.headers["content-type"] : "application/json";
                response.setHeader("content-type", type ?? "text/plain");
                response.end(answer ?? Buffer.concat(chunks));
            });
        });
        this.#server.keepAliveTimeout = 0;
        this.#server.on("connection", (socket: Socket) => this.#closed.push(count(this.counted, socket)));
    }

    static async start({ answer }: { answer?: string | undefined } = {}): Promise<EchoServer> {
        const echo = new EchoServer(answer);
        echo.#server.listen(0, "127.0.0.1");
        await once(echo.#server, "listening");
        return echo;
    }

    get url(): string {
        return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
    }

    async end(): Promise<Counted> {
        this.#server.close();
        await Promise.all(this.#closed);
        return this.counted;
    }
}
