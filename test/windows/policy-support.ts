// What the tests of verdicts share: policies by hand, and Nodes that make calls when they are told to.
import { once } from "node:events";
import * as fs from "node:fs";
import * as net from "node:net";
import * as path from "node:path";
import { applyPolicy } from "#lib/policy/apply.js";
import type { Action, AddressPattern, Match, Policy, Rule } from "#lib/policy/model.js";
import { expectCode, lastJson, programFile, run, temporaryFolder } from "./acceptance-support.js";
import type { Bits } from "./acceptance-support.js";
import { type LineProgram, startNode } from "./watch-support.js";

export const closed = { kind: "deny", error: "WSAENETUNREACH" } as const;

/** An address and a port, as `to` and `local` have them. */
export function end(address: string, port?: number): AddressPattern[] {
    const range = { first: address, last: address };
    return [port === undefined ? { range } : { range, ports: [{ first: port, last: port }] }];
}

export const deny = (error: string): Action => ({ kind: "deny", error });
export const redirect = (address: string, port: number): Action => ({
    kind: "redirect",
    to: [{ address, port }],
    otherwise: closed,
});
export const rule = (name: string, match: Match, then: Action): Rule => ({ name, match, then });
export const policyOf = (...rules: readonly Rule[]): Policy => ({ version: 1, default: { kind: "allow" }, rules });

/**
 * Runs a program that tells its ports in a file, puts the policy for these in force, lets it go on, and gives what it
 * says became of its calls.
 */
export async function runUnderPolicy(
    bits: Bits,
    name: string,
    policy: (ports: Readonly<Record<string, number>>) => Policy,
): Promise<unknown> {
    const folder = fs.mkdtempSync(path.join(temporaryFolder(), "policy-"));
    const [file, go] = [path.join(folder, "ports.json"), path.join(folder, "go")];
    let over = false;
    const ended = run(programFile(bits, name), [file, go]).finally(() => (over = true));
    while (!fs.existsSync(file) && !over) {
        await new Promise((resolve) => setTimeout(resolve, 20));
    }
    if (!over) {
        await applyPolicy(policy(JSON.parse(fs.readFileSync(file, "utf8")) as Record<string, number>));
        fs.writeFileSync(go, "");
    }
    const done = await ended;
    expectCode(done, 0);
    return lastJson(done.stdout)["cells"];
}

/** A server that sends each connection one text and closes it; ends with the test. */
export async function house(address: string, text: string): Promise<number> {
    const server = net.createServer((socket) => socket.on("error", () => undefined).end(text));
    opened.add(server);
    server.listen(0, address);
    await once(server, "listening");
    return (server.address() as net.AddressInfo).port;
}

const opened = new Set<{ close(): unknown }>();
/** Closed when the test ends. */
export function closeLater<T extends { close(): unknown }>(server: T): T {
    opened.add(server);
    return server;
}
afterEach(() => {
    for (const server of opened) {
        server.close();
    }
    opened.clear();
});

/** A Node that runs `act(question)` for every line of JSON, and says its answer or its error's code as JSON. */
export class Actor {
    private constructor(private readonly program: LineProgram) {}

    static async start(source: string, ...args: readonly string[]): Promise<Actor> {
        const frame = `
            const net = require("net"), http = require("http"), dgram = require("dgram");
            const connect = (port, host) => new Promise((resolve, reject) => {
                const socket = net.connect(port, host).on("error", reject);
                socket.once("data", (data) => {
                    resolve({ text: String(data), peer: socket.remoteAddress + " " + socket.remotePort });
                    socket.destroy();
                });
            });
            let rest = "";
            process.stdin.on("data", (data) => {
                const lines = (rest + data).split("\\n");
                rest = lines.pop();
                for (const line of lines) {
                    Promise.resolve().then(() => act(JSON.parse(line))).catch((error) => error.code ?? String(error))
                        .then((answer) => say(JSON.stringify(answer)));
                }
            });`;
        return new Actor(await startNode(`${frame}${source}`, ...args));
    }

    get pid(): number {
        return this.program.pid;
    }

    async ask(question: unknown): Promise<unknown> {
        return JSON.parse(await this.program.ask(JSON.stringify(question))) as unknown;
    }
}
