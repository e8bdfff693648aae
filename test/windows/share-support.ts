// What the tests of sharing have in common: processes that hand sockets over (scenarios/share-end.mjs), each told what to
// do over a named pipe.
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import * as net from "node:net";
import * as path from "node:path";
import { createInterface } from "node:readline";
import { project } from "../support/windows.js";

const script = (name: string): string => path.join(project, "test", "windows", "scenarios", `${name}.mjs`);

/** A socket that an end received. */
export interface Received {
    readonly kind: string;
    readonly mode: string;
    readonly path: string;
    readonly message?: unknown;
    readonly peer: { readonly pid: number; readonly program: string };
}

interface Answer {
    readonly number?: number;
    readonly value?: unknown;
    readonly error?: { readonly code?: string; readonly message: string; readonly stack?: string };
    readonly received?: Received;
}

/** What an end answered with an error. */
export class EndError extends Error {
    readonly code: string | undefined;
    constructor(action: string, { code, message, stack }: NonNullable<Answer["error"]>) {
        super(`${action}: ${code ?? ""} ${message}\n${stack ?? ""}`);
        this.code = code;
    }
}

export class End {
    pid = 0;
    arch = "";
    #number = 0;
    #ended = false;
    readonly #waiting = new Map<number, (answer: Answer) => void>();
    readonly #received: Received[] = [];
    /** Called for each socket that the end receives, in place of keeping it for `received()`. */
    onReceived: ((received: Received) => void) | undefined;
    #wake: () => void = () => undefined;

    constructor(
        readonly child: ChildProcess | undefined,
        readonly control: net.Socket,
    ) {
        const lines = createInterface({ input: control });
        lines.on("error", () => undefined); // it repeats the control pipe's
        lines.on("line", (line) => {
            const answer = JSON.parse(line) as Answer;
            if (answer.received !== undefined && this.onReceived !== undefined) {
                this.onReceived(answer.received);
            } else if (answer.received !== undefined) {
                this.#received.push(answer.received);
                this.#wake();
            } else {
                this.#waiting.get(answer.number!)?.(answer);
                this.#waiting.delete(answer.number!);
            }
        });
        control.on("error", () => undefined);
        control.on("close", () => {
            this.#ended = true;
            this.#wake();
            for (const answer of this.#waiting.values()) {
                answer({ error: { code: "ENDED", message: "the process has ended" } });
            }
            this.#waiting.clear();
        });
    }

    /** Has the end do something, and gives what it answers. */
    async do<Value = void>(action: string, given: object = {}): Promise<Value> {
        assert.ok(!this.#ended, `process ${this.pid} is there for ${action}`);
        const number = ++this.#number;
        const answer = await new Promise<Answer>((resolve) => {
            this.#waiting.set(number, resolve);
            this.control.write(`${JSON.stringify({ number, action, given })}\n`);
        });
        if (answer.error !== undefined) {
            throw new EndError(action, answer.error);
        }
        return answer.value as Value;
    }

    /** The next socket that the end received. */
    async received(): Promise<Received> {
        while (this.#received.length === 0) {
            assert.ok(!this.#ended, `process ${this.pid} is there to receive`);
            await new Promise<void>((resolve) => (this.#wake = resolve));
        }
        return this.#received.shift()!;
    }

    get ended(): boolean {
        return this.#ended;
    }

    async close(): Promise<void> {
        if (!this.#ended) {
            const closed = once(this.control, "close");
            this.control.end();
            await closed;
        }
    }
}

/** Starts ends, and waits for those that others start. */
export class Ends implements AsyncDisposable {
    readonly #pipe = `\\\\.\\pipe\\share-test-${randomUUID()}`;
    readonly #server = net.createServer();
    readonly #connections: net.Socket[] = [];
    readonly #ends: End[] = [];
    #wake: () => void = () => undefined;

    constructor(readonly scenario: string) {}

    /** Of the scenario share-end or share-owner. */
    static async open(scenario = "share-end"): Promise<Ends> {
        const ends = new Ends(scenario);
        ends.#server.on("connection", (connection) => {
            ends.#connections.push(connection);
            ends.#wake();
        });
        ends.#server.listen(ends.#pipe);
        await once(ends.#server, "listening");
        return ends;
    }

    /** The arguments with which Node becomes an end of these. */
    get args(): string[] {
        return [script(this.scenario), this.#pipe];
    }

    /** One at a time: the next process that calls is taken for it. */
    async start(node: string, env: NodeJS.ProcessEnv = {}): Promise<End> {
        const child = spawn(node, this.args, {
            stdio: ["ignore", "ignore", "inherit"],
            windowsHide: true,
            env: { ...process.env, ...env },
        });
        const failed = new Promise<never>((_, reject) => {
            child.on("error", reject);
            child.on("exit", (code) => reject(new Error(`an end ended at its start: ${code}`)));
        });
        return Promise.race([this.#next(child), failed.catch((error: unknown) => Promise.reject(error))]);
    }

    /** The end that one of the ends has started. */
    started(): Promise<End> {
        return this.#next(undefined);
    }

    async #next(child: ChildProcess | undefined): Promise<End> {
        while (this.#connections.length === 0) {
            await new Promise<void>((resolve) => (this.#wake = resolve));
        }
        const end = new End(child, this.#connections.shift()!);
        this.#ends.push(end);
        Object.assign(end, await end.do<{ pid: number; arch: string }>("hello"));
        return end;
    }

    async [Symbol.asyncDispose](): Promise<void> {
        await Promise.all(this.#ends.map((end) => end.close()));
        const closed = once(this.#server, "close");
        this.#server.close();
        await closed;
    }
}
