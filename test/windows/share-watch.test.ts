// An adopted socket goes through the provider in its new process: what is done with it is seen there, not where it was.
import assert from "node:assert/strict";
import { once } from "node:events";
import * as net from "node:net";
import { randomUUID } from "node:crypto";
import type { WatchRecord } from "#lib/hooks/records.js";
import { watch } from "#lib/hooks/watch.js";
import { nodes } from "../support/windows.js";
import { Ends } from "./share-support.js";
import { withProvider } from "./watch-support.js";

describe("share watch", function () {
    this.timeout(120_000);
    withProvider();

    for (const targetNode of ["node", "node-x86"]) {
        it(`calls on an adopted socket are the target's (${targetNode})`, async function () {
            if (nodes[targetNode] === undefined) {
                this.skip();
            }
            const records: WatchRecord[] = [];
            const watching = watch();
            const collected = (async () => {
                for await (const record of watching) {
                    records.push(record);
                }
            })();
            await using ends = await Ends.open();
            const source = await ends.start(nodes["node"]!);
            const target = await ends.start(nodes[targetNode]);
            const to = await target.do<string>("receive", { at: `share-watch-${randomUUID()}`, transport: "pipe" });
            const server = net.createServer().listen(0, "127.0.0.1");
            await once(server, "listening");
            const { port } = server.address() as net.AddressInfo;
            const arrived = once(server, "connection") as Promise<[net.Socket]>;
            await source.do("connect", { name: "one", port, host: "127.0.0.1" });
            const [far] = await arrived;
            await source.do("send", { name: "one", to, transport: "pipe", mode: "move" });
            const asked = "a question of 29 bytes length.";
            const came = once(far, "data") as Promise<[Buffer]>;
            far.write(asked);
            const [answer] = await came;
            assert.equal(answer.toString(), `${target.pid}:${asked}`);
            far.destroy();
            server.close();
            await target.do("drop");
            watching.stop();
            await collected;

            const remote = `127.0.0.1:${port}`;
            const on = (pid: number, call: string): Extract<WatchRecord, { socket?: unknown }>[] =>
                records.filter(
                    (record): record is Extract<WatchRecord, { socket?: unknown }> =>
                        record.pid === pid && record.call === call && "remote" in record && record.remote === remote,
                );
            const bytes = (pid: number, call: string): number =>
                on(pid, call).reduce((sum, record) => sum + ("bytes" in record ? (record.bytes ?? 0) : 0), 0);
            assert.ok(
                records.some(
                    (record) => record.pid === target.pid && record.call === "start" && record.mode === "active",
                ),
                "the provider is in the target",
            );
            assert.equal(on(source.pid, "WSPDuplicateSocket").length, 1, "the source duplicated it");
            assert.equal(bytes(source.pid, "WSPRecv"), 0, "it received nothing (libuv waits with a read of 0 bytes)");
            assert.equal(on(source.pid, "WSPSend").length, 0, "and sent nothing");
            assert.equal(bytes(target.pid, "WSPRecv"), asked.length, "the target received");
            assert.equal(
                on(target.pid, "WSPSend").reduce(
                    (sum, record) => sum + (("requested" in record && record.requested) || 0),
                    0,
                ),
                answer.length,
                "and answered",
            );
            assert.ok(on(target.pid, "WSPCloseSocket").length === 1, "and closed it");
        });
    }
});
