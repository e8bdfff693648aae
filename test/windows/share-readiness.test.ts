// Sockets without a completion port, as the addon gives them (lib/native/readiness.ts).
import assert from "node:assert/strict";
import * as dgram from "node:dgram";
import { once } from "node:events";
import { WinsockError } from "#lib/errors.js";
import { native } from "#lib/native.js";
import { type PolledSocket, polledSocketMethods } from "#lib/native/readiness.js";
import { openPolled } from "#lib/share/polled-handles.js";
import { openDatagram, openListener, RawSocket } from "#lib/share/raw-socket.js";

const open = new Set<PolledSocket>();

/** A polled UDP socket on the loopback that is closed when the test ends, and a promise of its next call. */
function polledDatagram(): { polled: PolledSocket; next: () => Promise<void>; port: number; calls: () => number } {
    let wake = (): void => undefined;
    let calls = 0;
    const polled = openPolled(openDatagram({ host: "127.0.0.1" }).detach(), () => {
        calls++;
        wake();
    });
    open.add(polled);
    const next = (): Promise<void> => new Promise((resolve) => (wake = resolve));
    return { polled, next, port: polled.localAddress()!.port, calls: () => calls };
}

afterEach(() => {
    open.forEach((polled) => polled.close());
    open.clear();
});

const text = (bytes: string): Uint8Array[] => [Buffer.from(bytes)];

describe("share readiness: polled sockets", function () {
    this.timeout(30_000);

    it("tell once for each time that they are armed", async () => {
        const { polled, next, port, calls } = polledDatagram();
        const { polled: other } = polledDatagram();
        let told = next();
        polled.arm(true, false);
        other.send(text("one"), "127.0.0.1", port);
        other.send(text("two"), "127.0.0.1", port);
        await told;
        assert.equal(polled.receive()?.data.toString(), "one");
        // Something is there, but nobody has asked.
        const { polled: third, next: nextOfThird } = polledDatagram();
        const toldThird = nextOfThird();
        third.arm(false, true);
        await toldThird;
        assert.equal(calls(), 1);
        told = next();
        polled.arm(true, false);
        await told;
        assert.equal(polled.receive()?.data.toString(), "two");
        assert.equal(polled.receive(), undefined);
        told = next();
        polled.again();
        await told;
        assert.equal(calls(), 3);
    });

    it("are all told when hundreds are ready at once", async () => {
        const many = Array.from({ length: 300 }, polledDatagram);
        const told = Promise.all(many.map(({ next }) => next()));
        many.forEach(({ polled }) => polled.arm(true, false));
        const client = dgram.createSocket("udp4");
        many.forEach(({ port }) => client.send("x", port, "127.0.0.1"));
        await told;
        assert.ok(many.every(({ polled }) => polled.receive()?.data.toString() === "x"));
        client.close();
        await once(client, "close");
    });

    it("can be closed at any moment of a poll, and from their own call", async () => {
        for (let round = 0; round < 300; round++) {
            const { polled, port } = polledDatagram();
            polled.arm(true, round % 2 === 0);
            if (round % 3 === 0) {
                polled.send(text("x"), "127.0.0.1", port);
            }
            if (round % 5 === 0) {
                await new Promise(setImmediate);
            }
            polled.close();
            polled.close();
            open.delete(polled);
            // Closed means closed: the port is free.
            openDatagram({ host: "127.0.0.1", port }).close();
        }
        await new Promise<void>((resolve) => {
            const polled = openPolled(openDatagram({ host: "127.0.0.1" }).detach(), () => {
                polled.close();
                resolve();
            });
            polled.arm(false, true);
        });
    });

    it("give the SOCKET back unharmed", () => {
        const { polled, port } = polledDatagram();
        polled.arm(true, false);
        using raw = new RawSocket(polled.release());
        assert.equal(raw.state.local?.port, port);
        assert.throws(() => polled.receive(), { code: "WSAENOTSOCK" });
    });

    it("say WSAENOTSOCK once they are closed, and leave what they could not take to the caller", () => {
        const { polled } = polledDatagram();
        polled.close();
        for (const name of polledSocketMethods.filter((method) => method !== "close")) {
            assert.throws(() => (polled[name] as () => unknown)(), { code: "WSAENOTSOCK" }, name);
        }
        assert.throws(() => openPolled(4n, () => undefined), WinsockError); // a handle perhaps, but no SOCKET
        assert.throws(() => openPolled(0xffff_ffff_ffff_fff0n, () => undefined), /./);
    });

    it("take no arguments of a wrong kind", () => {
        const junk: unknown[] = [
            undefined,
            null,
            true,
            -1,
            1.5,
            1e9,
            Number.NaN,
            1n,
            -1n,
            1n << 64n,
            "",
            "::1",
            "%",
            "1.2.3.4%9",
            "a".repeat(9999),
            {},
            [],
            [1],
            [new Uint8Array(3), "x"],
            new Array(2000).fill(new Uint8Array(1)),
            [new Float64Array(2)],
            new Uint8Array(9),
            Symbol.iterator,
            () => undefined,
        ];
        const listener = openPolled(openListener({ host: "127.0.0.1" }).detach(), () => undefined);
        open.add(listener);
        const { polled: datagram } = polledDatagram();
        const methods = polledSocketMethods.filter((name) => name !== "close" && name !== "release");
        let thrown = 0;
        for (const target of [listener, datagram]) {
            for (const name of methods) {
                for (let first = 0; first < junk.length; first++) {
                    const args = [0, 1, 2, 3].map((index) => junk[(first * (index + 1) + 7 * index) % junk.length]);
                    try {
                        (target[name] as (...args: unknown[]) => unknown)(...args);
                    } catch (error) {
                        assert.ok(
                            error instanceof TypeError || error instanceof WinsockError,
                            `${name}: ${String(error)}`,
                        );
                        thrown++;
                    }
                }
            }
        }
        assert.ok(thrown > 300);
        for (const value of junk) {
            if (typeof value !== "bigint") {
                assert.throws(() => native().openPolled(value as bigint, () => undefined), TypeError);
            }
            assert.throws(() => native().openPolled(4n, value as () => void), /./);
        }
    });
});
