// Other Windows processes that do as a test says: test/windows/scenarios/share-run.mjs.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import * as net from "node:net";
import * as path from "node:path";
import { createInterface } from "node:readline";
import { project } from "../support/windows.js";

interface Answer {
    id: number;
    value?: unknown;
    error?: { message: string; code?: string; stack?: string };
}

/** A process that runs code sent to it. Its end is awaited by `close`. */
export class Runner {
    readonly #child: ChildProcess;
    readonly #control: net.Socket;
    readonly #waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
    #last = 0;

    private constructor(child: ChildProcess, control: net.Socket) {
        this.#child = child;
        this.#control = control;
        control.on("error", () => undefined); // a killed process resets it
        createInterface({ input: control }).on("line", (line) => {
            this.#settle(JSON.parse(line) as Answer);
        });
        child.on("exit", (code) => {
            for (const { reject } of this.#waiting.values()) {
                reject(new Error(`the process ended with ${code}`));
            }
            this.#waiting.clear();
        });
    }

    /** `node`: the program; default the one that runs the tests. */
    static async start(node = process.execPath, execArgv: string[] = []): Promise<Runner> {
        const file = path.join(project, "test", "windows", "scenarios", "share-run.mjs");
        const listener = net.createServer().listen(0, "127.0.0.1");
        await once(listener, "listening");
        const { port } = listener.address() as net.AddressInfo;
        const child = spawn(node, [...execArgv, file, String(port)], { stdio: ["ignore", "inherit", "inherit"] });
        const [control] = (await Promise.race([
            once(listener, "connection"),
            once(child, "exit").then(([code]) => {
                throw new Error(`the process ended with ${String(code)}`);
            }),
        ])) as [net.Socket];
        listener.close();
        const runner = new Runner(child, control);
        await runner.#wait(0);
        return runner;
    }

    get pid(): number {
        return this.#child.pid!;
    }

    /** Runs the body of an async function of (lib, args, kept) there. Errors come with their code. */
    run<T = unknown>(code: string, args: unknown = null): Promise<T> {
        const id = ++this.#last;
        const answer = this.#wait(id);
        this.#control.write(`${JSON.stringify({ id, code, args })}\n`);
        return answer as Promise<T>;
    }

    /** As TerminateProcess does it. */
    async kill(): Promise<void> {
        if (this.#child.exitCode === null && this.#child.signalCode === null) {
            const ended = once(this.#child, "exit");
            this.#child.kill();
            await ended;
        }
    }

    async close(): Promise<void> {
        if (this.#child.exitCode === null && this.#child.signalCode === null) {
            const ended = once(this.#child, "exit");
            this.#control.end();
            await ended;
        }
    }

    #wait(id: number): Promise<unknown> {
        return new Promise((resolve, reject) => {
            this.#waiting.set(id, { resolve, reject });
        });
    }

    #settle({ id, value, error }: Answer): void {
        const waiting = this.#waiting.get(id);
        this.#waiting.delete(id);
        if (error === undefined) {
            waiting?.resolve(value);
        } else {
            const failure = new Error(`${error.message}\n(there) ${error.stack ?? ""}`);
            waiting?.reject(Object.assign(failure, { code: error.code }));
        }
    }
}

export interface Pair {
    /** The end that connected: it stays with the test. */
    client: net.Socket;
    /** The end that was accepted. */
    server: net.Socket;
}

/** Both ends of a TCP connection over loopback, in this process. */
export async function connectedPair(host = "127.0.0.1"): Promise<Pair> {
    const listener = net.createServer({ pauseOnConnect: true }).listen(0, host);
    await once(listener, "listening");
    const { port } = listener.address() as net.AddressInfo;
    const client = net.connect(port, host);
    const [[server]] = (await Promise.all([once(listener, "connection"), once(client, "connect")])) as [
        [net.Socket],
        [],
    ];
    listener.close();
    return { client, server };
}

/** Exactly `length` bytes, as text of one byte per character; the rest stays in the stream. */
export async function readExactly(stream: net.Socket, length: number): Promise<string> {
    let text = "";
    while (text.length < length) {
        const chunk = stream.read(Math.min(length - text.length, stream.readableLength)) as Buffer | null;
        if (chunk === null || chunk.length === 0) {
            if (stream.readableEnded || stream.destroyed) {
                throw new Error(`the stream ended after ${text.length} of ${length} bytes`);
            }
            await new Promise<void>((resolve) => {
                const done = (): void => {
                    stream.off("readable", done).off("end", done).off("close", done);
                    resolve();
                };
                stream.once("readable", done).once("end", done).once("close", done);
            });
            continue;
        }
        text += chunk.toString("latin1");
    }
    return text;
}

/** The 628 bytes as text for a channel of JSON. */
export const encoded = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");

/** For one test file: starts runners that are closed after each test, and makes addresses that nobody else has. */
export function testRunners(): { start(node?: string): Promise<Runner>; newAddress(): string } {
    const runners = new Set<Runner>();
    let addresses = 0;
    afterEach(async () => {
        await Promise.all([...runners].map((runner) => runner.close()));
        runners.clear();
    });
    return {
        start: async (node) => {
            const runner = await Runner.start(node);
            runners.add(runner);
            return runner;
        },
        newAddress: () => `test-${process.pid}-${++addresses}`,
    };
}
