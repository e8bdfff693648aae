// Input that sharing refuses: each has a code of its own, nothing is left behind, and the process lives on.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import * as net from "node:net";
import { native } from "#lib/native.js";
import {
    RawSocket,
    type WinsockError,
    adoptRaw,
    adoptSocket,
    decodeProtocolInfo,
    duplicateSocket,
    openListener,
    socketOf,
} from "winsock-spi";
import { nodes } from "../support/windows.js";
import { Runner, connectedPair, encoded, readExactly } from "./share-process.js";

const adopt = `lib.adoptRaw(Buffer.from(args, "base64"));`;

describe("share edges: bad input", function () {
    this.timeout(20_000);

    it("no process, or not one that this user may touch", async () => {
        const { client, server } = await connectedPair();
        const gone = spawn(process.execPath, ["-e", ""]);
        await once(gone, "exit");
        for (const pid of [0, 3, gone.pid!, 0xffff_fffc]) {
            assert.throws(() => duplicateSocket(server, pid), { code: "ERR_NO_PROCESS" }, String(pid));
        }
        for (const pid of [-1, 1.5, Number.NaN, 2 ** 32, "4" as unknown as number]) {
            assert.throws(() => duplicateSocket(server, pid), TypeError);
        }
        try {
            duplicateSocket(server, 4); // the system itself
        } catch (error) {
            assert.ok(["ERR_PROCESS_RIGHTS", "ERR_NO_PROCESS"].includes((error as WinsockError).code));
        }
        client.destroy();
        server.destroy();
    });

    it("a socket that is closed, not open yet, or none", async () => {
        const { client, server } = await connectedPair();
        server.destroy();
        client.destroy();
        assert.throws(() => duplicateSocket(server, process.pid), { code: "ERR_SOCKET_CLOSED" });
        assert.throws(() => duplicateSocket(net.createServer(), process.pid), { code: "ERR_SOCKET_CLOSED" });
        assert.throws(() => duplicateSocket(new net.Socket(), process.pid), { code: "ERR_SOCKET_CLOSED" });
        assert.throws(() => duplicateSocket(0x7ff4n, process.pid), { code: "WSAENOTSOCK" });
        assert.throws(() => duplicateSocket(2n ** 60n, process.pid), { code: "WSAENOTSOCK" });
        assert.throws(() => duplicateSocket({} as net.Socket, process.pid), TypeError);
        const raw = openListener({ host: "127.0.0.1" });
        raw.close();
        raw.close();
        assert.throws(() => duplicateSocket(raw, process.pid), { code: "ERR_SOCKET_CLOSED" });
        const pipe = net.createServer().listen(`\\\\.\\pipe\\winsock-spi-test-${process.pid}`);
        await once(pipe, "listening");
        assert.throws(() => socketOf(pipe), { code: "ERR_NO_SOCKET" });
        pipe.close();
    });

    it("a buffer of another size, and one that is nothing", () => {
        for (const size of [0, 1, 372, 627, 629, 65536]) {
            assert.throws(() => adoptSocket(new Uint8Array(size)), { code: "ERR_INFO_SIZE" });
        }
        assert.throws(() => adoptSocket(new Uint8Array(628)), { code: "ERR_INFO_DAMAGED" });
        for (const info of [undefined, null, 1, "x".repeat(628), {}, [], new Uint16Array(314)]) {
            assert.throws(() => adoptSocket(info as Uint8Array), TypeError);
        }
    });

    it("flipped bytes: an error, or the socket as it was, and the process lives on", async () => {
        const { client, server } = await connectedPair();
        for (let byte = 0; byte < 628; byte += byte < 120 ? 1 : 31) {
            const info = duplicateSocket(server, process.pid);
            const bytes = Uint8Array.from(info.bytes);
            bytes[byte]! ^= 0xff;
            if (byte >= 112 && byte < 116) {
                continue; // the number of the handle: any other one of this process might be hit
            }
            try {
                adoptRaw(bytes).close();
            } catch (error) {
                const { code } = error as WinsockError;
                assert.match(code, /^(ERR_INFO_DAMAGED|ERR_NO_PROVIDER|ERR_INFO_SPENT|WSAE[A-Z]+)$/, `byte ${byte}`);
                adoptRaw(info).close();
            }
        }
        server.write("unharmed");
        assert.equal(await readExactly(client, 8), "unharmed");
        client.destroy();
        server.destroy();
    });

    it("an info names its provider as the target's catalog does, and is understood with a number of another", async () => {
        const { client, server } = await connectedPair();
        const foreign = duplicateSocket(server, process.pid);
        const bytes = Uint8Array.from(foreign.bytes);
        new DataView(bytes.buffer).setUint32(36, 0x7fff_0000, true); // dwCatalogEntryId
        const raw = adoptRaw(bytes);
        assert.equal(raw.state.remote?.port, client.localPort);
        raw.close();
        for (const [name, bits] of [
            ["node", 64],
            ["node-x86", 32],
        ] as const) {
            if (nodes[name] === undefined) {
                continue;
            }
            const target = await Runner.start(nodes[name]);
            const info = duplicateSocket(server, target.pid);
            const entry = native()
                .enumProtocols(bits)
                .map((item) => decodeProtocolInfo(item.info))
                .find(({ catalogEntryId }) => catalogEntryId === info.catalogEntryId);
            const { providerId, addressFamily, socketType, protocol } = info;
            assert.deepEqual(
                { providerId, addressFamily, socketType, protocol },
                {
                    providerId: entry?.providerId,
                    addressFamily: entry?.addressFamily,
                    socketType: entry?.socketType,
                    protocol: entry?.protocol,
                },
            );
            await target.run(`lib.adoptRaw(Buffer.from(args, "base64")).close();`, encoded(info.bytes));
            await target.close();
        }
        client.destroy();
        server.destroy();
    });

    it("an info that was used, or was made for another process", async () => {
        const { client, server } = await connectedPair();
        const target = await Runner.start();
        const info = duplicateSocket(server, target.pid);
        assert.throws(() => adoptSocket(info), { code: "ERR_OTHER_PROCESS" });
        const bytes = encoded(info.bytes);
        await target.run(`kept.raw = lib.adoptRaw(Buffer.from(args, "base64"));`, bytes);
        await assert.rejects(target.run(adopt, bytes), { code: "ERR_INFO_USED" });
        await target.run(`kept.raw.close();`);
        await assert.rejects(target.run(adopt, bytes), { code: "ERR_INFO_USED" });
        const other = await Runner.start();
        const third = encoded(duplicateSocket(server, target.pid).bytes);
        await assert.rejects(other.run(adopt, third), { code: "ERR_INFO_SPENT" });
        await Promise.all([target.close(), other.close()]);
        client.destroy();
        server.destroy();
    });

    it("a listener or UDP socket where a connection is wanted is told which function takes it", () => {
        const raw = openListener({ host: "127.0.0.1" });
        const info = duplicateSocket(raw, process.pid);
        assert.throws(() => adoptSocket(info), { code: "ERR_SOCKET_KIND", message: /adoptServer/ });
        assert.equal(raw.closed, false);
        raw.close();
        assert.throws(() => new RawSocket(5 as unknown as bigint), TypeError);
        assert.throws(() => openListener({ host: "localhost" }), TypeError);
        assert.throws(() => openListener({ port: 70_000 }), TypeError);
        assert.throws(() => adoptSocket(new Uint8Array(628), { mode: "steal" as "move" }), TypeError);
    });
});
