// Who pretends to be the controller is not believed; who floods it, or stands in its way, holds up nobody else.
import assert from "node:assert/strict";
import { once } from "node:events";
import * as fs from "node:fs";
import * as net from "node:net";
import * as path from "node:path";
import { native } from "#lib/native.js";
import { applyPolicy } from "#lib/policy/apply.js";
import { type Controller, controllerPipe, controllerSddl, startController } from "#lib/policy/controller.js";
import type { Policy } from "#lib/policy/model.js";
import { clearPolicy } from "#lib/policy/store.js";
import { pipe } from "#lib/share/transports/pipe.js";
import { type DecodedAnswer, decodeAnswer, encodeRequest } from "../unit/controller-requests.js";
import { dataFolder, startNode } from "./watch-support.js";

const asking = (port: number): Policy => ({
    version: 1,
    default: { kind: "allow" },
    rules: [
        {
            name: "ask",
            match: { call: ["connect"], to: [{ ports: [{ first: port, last: port }] }] },
            then: { kind: "ask", timeout: 20_000, otherwise: { kind: "deny", error: "WSAEACCES" } },
        },
    ],
});

/** Says how a connect to a port went. */
const client = `
    process.stdin.on("data", (port) => require("node:net").connect(Number(port), "127.0.0.1")
        .on("connect", () => say("connected")).on("error", ({ code }) => say(code)))`;

/** What control.bin says of the controller, written past the library: what only an administrator could do. */
function nameController(pid: number, start: bigint): void {
    const bytes = Buffer.alloc(16);
    bytes.writeUInt32LE(pid, 0);
    bytes.writeBigUInt64LE(start, 8);
    const file = fs.openSync(path.join(dataFolder(), "control.bin"), "r+");
    fs.writeSync(file, bytes, 0, 16, 24);
    fs.closeSync(file);
}

function startOf(pid: number): bigint {
    const peer = native().openPeer(pid, false);
    try {
        return peer.start();
    } finally {
        peer.close();
    }
}

/** A server whose port is asked about, so that no other connect is. */
async function listener(): Promise<{ port: number; connections: () => number }> {
    let connections = 0;
    const server = net
        .createServer((socket) => (connections++, socket.destroy()))
        .listen(0, "127.0.0.1")
        .unref();
    await once(server, "listening");
    return { port: (server.address() as net.AddressInfo).port, connections: () => connections };
}

async function connected(name: string): Promise<net.Socket> {
    const stream = net.connect(name);
    stream.on("error", () => undefined);
    await once(stream, "connect");
    return stream;
}

async function answered(stream: net.Socket, fields: Parameters<typeof encodeRequest>[0]): Promise<DecodedAnswer> {
    stream.write(encodeRequest(fields));
    const [bytes] = (await once(stream, "data")) as [Buffer];
    return decodeAnswer(bytes);
}

export function hostileTests(): void {
    describe("controller: hostile processes", function () {
        this.timeout(120_000);
        const running: Controller[] = [];
        afterEach(async () => {
            await Promise.all(running.splice(0).map((controller) => controller.close()));
            await clearPolicy();
        });

        it("another process that has made the pipe of the controller's name is told nothing", async () => {
            const { port, connections } = await listener();
            await applyPolicy(asking(port));
            const named = await startNode("");
            const rogue = await pipe.listen(controllerPipe(named.pid), { sddl: controllerSddl });
            let told = 0;
            void (async () => {
                for await (const { stream } of rogue) {
                    stream.on("error", () => undefined).on("data", () => told++);
                }
            })();
            nameController(named.pid, startOf(named.pid));
            try {
                // Held until the pipe was looked at, so that the stack's own refusal ends it.
                assert.equal(await (await startNode(client)).ask(String(port)), "ECONNREFUSED");
                assert.deepEqual([told, connections()], [0, 0]);
            } finally {
                nameController(0, 0n);
                await rogue.close();
            }
        });

        it("a pipe that does not belong to Administrators is told nothing, though the process is the right one", async () => {
            const { port, connections } = await listener();
            await applyPolicy(asking(port));
            const sddl = `O:${native().ownUser()}D:(A;;GA;;;WD)`;
            const own = await pipe.listen(controllerPipe(process.pid), { sddl });
            let told = 0;
            void (async () => {
                for await (const { stream } of own) {
                    stream.on("error", () => undefined).on("data", () => told++);
                }
            })();
            nameController(process.pid, startOf(process.pid));
            try {
                // Held until the pipe was looked at, so that the stack's own refusal ends it.
                assert.equal(await (await startNode(client)).ask(String(port)), "ECONNREFUSED");
                assert.deepEqual([told, connections()], [0, 0]);
            } finally {
                nameController(0, 0n);
                await own.close();
            }
        });

        it("the pipe belongs to Administrators; everybody may speak, nobody else may make instances of it", async () => {
            running.push(await startController());
            const sddl = native().readSecurity(controllerPipe(process.pid));
            assert.match(sddl, /^O:BA/);
            const aces = [...sddl.matchAll(/\(([^)]*)\)/g)].map(([, ace]) => ace!.split(";"));
            assert.deepEqual(aces.map((ace) => ace[5]).sort(), ["AC", "BA", "S-1-15-2-2", "SY", "WD"]);
            for (const [kind, , rights, , , who] of aces) {
                assert.equal(kind, "A");
                if (who !== "BA" && who !== "SY") {
                    assert.equal(Number(rights) & 0x4, 0, `${who} may not make instances: ${rights}`);
                    assert.equal(Number(rights) & 0x000d_0000, 0, `nor change or take it: ${rights}`);
                }
            }
        });

        it("an answer goes to who asked: the same number from two connections is two calls", async () => {
            const { generation } = await applyPolicy(asking(9));
            running.push(await startController({ onAsk: ({ remote }) => (remote?.port === 1 ? "allow" : "deny") }));
            const [one, two] = [
                await connected(controllerPipe(process.pid)),
                await connected(controllerPipe(process.pid)),
            ];
            const [first, second] = await Promise.all(
                [one, two].map((stream, index) =>
                    answered(stream, { id: 5n, generation, remote: { address: "192.0.2.1", port: index + 1 } }),
                ),
            );
            assert.deepEqual([first?.action, second?.action], [1, 2]);
            one.destroy();
            two.destroy();
        });

        it("who asks on and on and reads nothing is not read from, and holds up nobody", async () => {
            const { generation } = await applyPolicy(asking(9));
            running.push(await startController({ onAsk: () => "allow" }));
            const flood = await connected(controllerPipe(process.pid));
            flood.pause();
            const requests = Buffer.concat(
                Array.from({ length: 4096 }, (_, id) => encodeRequest({ id: BigInt(id), generation })),
            );
            let warnings = 0;
            const onWarning = (): void => {
                warnings++;
            };
            process.on("warning", onWarning);
            for (let times = 0; times < 32; times++) {
                flood.write(requests); // 11 MB; the pipe holds a small part of that
            }
            const other = await connected(controllerPipe(process.pid));
            for (let round = 0n; round < 50n; round++) {
                assert.equal((await answered(other, { id: round, generation })).action, 1);
            }
            assert.ok(flood.writableLength > requests.length, "the flood stands");
            process.off("warning", onWarning);
            assert.equal(warnings, 0, "nothing piles up meanwhile");
            flood.destroy();
            other.destroy();
        });

        it("one process has eight connections at most", async () => {
            const { generation } = await applyPolicy(asking(9));
            const notices: string[] = [];
            running.push(
                await startController({ onAsk: () => "allow", onNotice: ({ message }) => notices.push(message) }),
            );
            const eight: net.Socket[] = [];
            for (let count = 0; count < 8; count++) {
                eight.push(await connected(controllerPipe(process.pid)));
                assert.equal((await answered(eight[count]!, { generation })).action, 1);
            }
            const ninth = await connected(controllerPipe(process.pid));
            ninth.resume();
            await once(ninth, "close");
            assert.equal(notices.length, 1);
            assert.equal((await answered(eight[0]!, { generation, id: 2n })).action, 1);
            eight.forEach((stream) => stream.destroy());
        });
    });
}
