// Stands before every write of a process that changes the catalog (native/spi/write_points.hpp), counts them, and ends
// the process from here, by TerminateProcess, at the chosen one.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import * as net from "node:net";
import * as path from "node:path";
import { addonCandidates, packageRoot } from "#lib/native.js";
import { temporaryFolder } from "./acceptance-support.js";

export const addon = addonCandidates(packageRoot, process.arch).find((file) => fs.existsSync(file))!;

/** Calls one function of the addon; what it gave, or the code that it failed with, goes into a file. */
const childScript = `
    const fs = require("node:fs");
    const [addon, call, input, output] = process.argv.slice(1);
    const { argument, gate } = JSON.parse(fs.readFileSync(input, "utf8"));
    const addonFunctions = require(addon);
    // argument: { failClosed }, or { clear: true }
    addonFunctions.changePolicy = (gate) => {
        const store = addonFunctions.openPolicyStore(gate);
        if (argument.clear) {
            store.clear();
            return 0;
        }
        const generation = store.reserve();
        store.publish(generation, Buffer.from("image " + generation), argument.text, argument.failClosed);
        return generation;
    };
    Promise.resolve().then(() => call === "executePlan"
        ? addonFunctions.executePlan(JSON.stringify({ ...argument, gate }), () => {})
        : addonFunctions[call](gate)).then(
        (result) => fs.writeFileSync(output, JSON.stringify(result)),
        ({ code, message }) => fs.writeFileSync(output, JSON.stringify({ rejected: code, message })));
`;

export interface GatedOptions {
    /** The write at which the process is ended, counted from 1. Default: it is not. */
    killAt?: number;
    /** Ended not before that write but as it is let go on to it. */
    during?: boolean;
}

export interface Gated<Result> {
    /** The process was ended at its kill point. */
    killed: boolean;
    /** How many writes it announced. */
    writes: number;
    result?: Result;
}

let gates = 0;

/** Runs a function of the addon that writes, in a process of its own with a gate before each write. */
export async function gated<Result>(
    call: "executePlan" | "recover" | "confirmChange" | "rollBackChange" | "changePolicy",
    argument: object | undefined,
    { killAt, during = false }: GatedOptions = {},
): Promise<Gated<Result>> {
    const number = gates++;
    const gate = `\\\\.\\pipe\\winsock-spi-gate-${process.pid}-${number}`;
    const input = path.join(temporaryFolder(), `gated-${number}.json`);
    const output = `${input}.result`;
    fs.writeFileSync(input, JSON.stringify({ argument, gate }));

    let writes = 0;
    let killed = false;
    let child: ChildProcess | undefined;
    const ends: Promise<unknown>[] = [];
    // The helper for the other catalog comes with a connection of its own; it dies with who started it.
    const server = net.createServer((socket) => {
        ends.push(new Promise((resolve) => socket.once("close", resolve)));
        socket.on("error", () => undefined); // what is ended breaks its pipe
        socket.on("data", (bytes) => {
            for (let i = 0; i < bytes.byteLength && !killed; i++) {
                killed = ++writes === killAt;
                if (!killed || during) {
                    socket.write("!");
                }
                if (killed) {
                    child?.kill("SIGKILL");
                }
            }
        });
    });
    server.listen(gate);
    await once(server, "listening");
    try {
        child = spawn(process.execPath, ["-e", childScript, addon, call, input, output], { stdio: "inherit" });
        const [code] = (await once(child, "close")) as [number | null];
        if (!killed && !fs.existsSync(output)) {
            throw new Error(`${call} ended with ${code} and gave no result`);
        }
        await Promise.all(ends);
    } finally {
        server.close();
    }
    return {
        killed,
        writes,
        ...(fs.existsSync(output) ? { result: JSON.parse(fs.readFileSync(output, "utf8")) as Result } : {}),
    };
}
