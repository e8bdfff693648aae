// Adopted sockets under load. https://github.com/libuv/libuv/issues/5282 reports that libuv may finish a write twice on
// a socket that it was given, where it trusts the completion port: each byte and each callback is counted here.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import * as net from "node:net";
import {
    type PathOptions,
    type RawSocket,
    acceptRaw,
    adoptRaw,
    adoptedPath,
    duplicateSocket,
    openListener,
    socketFromRaw,
} from "winsock-spi";
import { counts } from "../support/counts.js";

/** Connections whose accepted end no completion port has seen, and which has been duplicated once. */
async function* connections(count: number): AsyncGenerator<{ raw: RawSocket; client: net.Socket }> {
    const listener = openListener({ host: "127.0.0.1" });
    const { port } = listener.state.local!;
    const accepted = acceptRaw(listener)[Symbol.asyncIterator]();
    for (let index = 0; index < count; ++index) {
        const client = net.connect(port, "127.0.0.1");
        const { value } = (await accepted.next()) as { value: RawSocket };
        const raw = adoptRaw(duplicateSocket(value, process.pid));
        value.close();
        yield { raw, client };
    }
    await accepted.return?.();
    listener.close();
}

/** Sends `writes` buffers of changing sizes without waiting, then ends; the digest of what was sent. */
function sendAll(socket: net.Socket, writes: number, callbacks: number[]): string {
    const hash = createHash("sha256");
    for (let index = 0; index < writes; ++index) {
        const data = Buffer.alloc(1 + ((index * 977) % 9000), index % 251);
        hash.update(data);
        callbacks[index] = 0;
        socket.write(data, () => {
            callbacks[index]! += 1;
        });
    }
    socket.end();
    return hash.digest("hex");
}

async function receiveAll(socket: net.Socket): Promise<string> {
    const hash = createHash("sha256");
    for await (const chunk of socket) {
        hash.update(chunk as Buffer);
    }
    return hash.digest("hex");
}

describe("share stress: writes on adopted sockets", function () {
    this.timeout(600_000);

    const ways: readonly [name: string, options: PathOptions, path: string][] = [
        ["completion port", { mode: "move" }, "native"],
        ["events", { mode: "move", emulate: true }, "emulated"],
    ];
    for (const [name, options, path] of ways) {
        it(`${name}: every byte once in both directions, every write finished once`, async () => {
            const running: Promise<void>[] = [];
            for await (const { raw, client } of connections(counts.stressedSockets)) {
                const socket = socketFromRaw(raw, { ...options, allowHalfOpen: true });
                assert.equal(adoptedPath(socket), path);
                const [down, up]: [number[], number[]] = [[], []];
                running.push(
                    (async () => {
                        const received = Promise.all([receiveAll(client), receiveAll(socket)]);
                        const sent = [sendAll(socket, 200, down), sendAll(client, 200, up)];
                        assert.deepEqual(await received, sent);
                        if (!socket.destroyed) {
                            await once(socket.destroy(), "close");
                        }
                        assert.ok([...down, ...up].every((calls) => calls === 1));
                    })(),
                );
            }
            await Promise.all(running);
        });
    }
});
