// What no peer of ours would do to a process that receives or sends sockets. Each gets a clear error, leaves nothing
// open, and does not keep the others from being served.
import assert from "node:assert/strict";
import { once } from "node:events";
import * as net from "node:net";
import type { Duplex } from "node:stream";
import {
    type ReceiveOptions,
    type ReceivedSocket,
    type SocketReceiver,
    duplicateSocket,
    receiveSockets,
    sendSocket,
    transport,
} from "#lib/index.js";
import { FrameParser } from "#lib/share/wire/frames.js";
import {
    type OutgoingInfo,
    encodeBye,
    encodeCancel,
    encodeDeclined,
    encodeDone,
    encodeGo,
    encodeGrant,
    encodeHello,
    encodeInfo,
    encodeTaken,
    messageType,
    ticketSize,
} from "#lib/share/wire/messages.js";
import { counts } from "../support/counts.js";
import { connectedPair, readExactly } from "./share-process.js";

let addresses = 0;
const newAddress = (): string => `bad-${process.pid}-${++addresses}`;

/** A receiver that notes what went wrong and what it got. */
class Target {
    readonly at = newAddress();
    readonly errors: string[] = [];
    readonly got: ReceivedSocket[] = [];
    readonly receiver: SocketReceiver;
    #heard: (() => void) | undefined;

    constructor(options: Partial<ReceiveOptions> = {}) {
        const receiver = receiveSockets({
            at: this.at,
            ...options,
            onError: (error) => {
                this.errors.push((error as { code?: string }).code ?? String(error));
                this.#heard?.();
            },
        });
        this.receiver = receiver;
        void (async () => {
            for await (const each of receiver) {
                this.got.push(each);
                (each.socket as net.Socket)
                    .on("error", () => undefined)
                    .on("data", (data: Buffer) => {
                        (each.socket as net.Socket).write(`got ${String(data)}`);
                    });
            }
        })();
    }

    /** The code of the next error that it reports. */
    async error(): Promise<string> {
        while (this.errors.length === 0) {
            await new Promise<void>((resolve) => (this.#heard = resolve));
        }
        return this.errors.shift()!;
    }

    /** An honest sender is served. */
    async serves(): Promise<void> {
        const { client, server } = await connectedPair();
        await sendSocket(server, { to: this.at });
        client.write("x");
        assert.equal(await readExactly(client, 5), "got x");
        client.destroy();
        (this.got.pop()!.socket as net.Socket).destroy();
    }

    async close(): Promise<void> {
        await this.receiver.close();
        assert.deepEqual(this.errors, []);
    }
}

type Answer = [type: number, payload: Buffer];

/** A connection that can send anything. */
class Rogue {
    readonly #answers: Answer[] = [];
    #wake: (() => void) | undefined;
    readonly ended: Promise<unknown>;

    private constructor(readonly stream: Duplex) {
        const parser = new FrameParser((type, payload) => {
            this.#answers.push([type, Buffer.from(payload)]);
            this.#wake?.();
        });
        stream.on("data", (chunk: Buffer) => parser.push(chunk)).on("error", () => undefined);
        this.ended = once(stream, "close");
    }

    static async connect(at: string): Promise<Rogue> {
        return new Rogue((await (await transport("pipe")).connect(at)).stream);
    }

    /** One that waits for a sender at an address. */
    static async listen(at: string): Promise<{ rogue: Promise<Rogue>; close(): Promise<void> }> {
        const listener = await (await transport("pipe")).listen(at);
        const rogue = listener[Symbol.asyncIterator]()
            .next()
            .then(({ value }) => new Rogue(value.stream));
        return { rogue, close: () => listener.close() };
    }

    send(...frames: readonly Uint8Array[]): void {
        this.stream.write(Buffer.concat(frames));
    }

    /** The payload of the next message of that type. */
    async next(wanted: number): Promise<Buffer> {
        for (;;) {
            const answer = this.#answers.shift();
            if (answer === undefined) {
                await new Promise<void>((resolve) => (this.#wake = resolve));
            } else if (answer[0] === wanted) {
                return answer[1];
            }
        }
    }

    /** Says HELLO as a source and gets tickets, 16 bytes each. */
    async introduce(): Promise<Buffer[]> {
        this.send(encodeHello({ role: "source" }));
        const tickets = await this.next(messageType.grant);
        return Array.from({ length: tickets.length / ticketSize }, (_, index) =>
            tickets.subarray(index * ticketSize, (index + 1) * ticketSize),
        );
    }

    async code(): Promise<string> {
        const payload = await this.next(messageType.bye);
        return payload.toString("latin1", 1, 1 + payload[0]!);
    }

    async declined(): Promise<{ code: string; untouched: boolean }> {
        const payload = await this.next(messageType.declined);
        return { code: payload.toString("latin1", 6, 6 + payload[5]!), untouched: payload[4] === 1 };
    }

    close(): void {
        this.stream.destroy();
    }
}

const outgoing = (ticket: Buffer, info: Uint8Array, more: Partial<OutgoingInfo> = {}): Buffer =>
    encodeInfo({ id: 1, kind: "connected", mode: "move", ticket, info, ...more });

describe("share: a receiver and who breaks the protocol", function () {
    this.timeout(30_000);
    let target: Target;
    beforeEach(async () => {
        target = new Target();
        await target.receiver.listening;
    });
    afterEach(() => target.close());

    const opening: Record<string, [Uint8Array, code: string]> = {
        noise: [Buffer.from("GET / HTTP/1.1\r\n\r\n"), "ERR_BAD_MESSAGE"],
        "a frame without end": [Buffer.from([0xff, 0xff, 0xff, 0xff, 1]), "ERR_BAD_MESSAGE"],
        "an empty frame": [Buffer.alloc(4), "ERR_BAD_MESSAGE"],
        "a socket before its HELLO": [outgoing(Buffer.alloc(16), Buffer.alloc(628)), "ERR_BAD_MESSAGE"],
        "the role of a receiver": [encodeHello({ role: "target" }), "ERR_SAME_ROLE"],
        "two HELLOs": [
            Buffer.concat([encodeHello({ role: "source" }), encodeHello({ role: "source" })]),
            "ERR_BAD_MESSAGE",
        ],
        "a ledger that is no handle": [
            encodeHello({ role: "source", ledger: 0xfffc, ledgerKey: Buffer.alloc(16, 1) }),
            "ERR_BAD_LEDGER",
        ],
        "another version": [
            (() => {
                const hello = encodeHello({ role: "source" });
                hello[9] = 99;
                return hello;
            })(),
            "ERR_BAD_MESSAGE",
        ],
    };
    for (const [what, [bytes, code]] of Object.entries(opening)) {
        it(`answers ${what} with ${code}, and goes on serving`, async () => {
            const rogue = await Rogue.connect(target.at);
            rogue.send(bytes);
            assert.equal(await rogue.code(), code);
            await rogue.ended;
            assert.equal(await target.error(), code);
            await target.serves();
        });
    }

    const later: Record<string, [(tickets: Buffer[]) => Uint8Array, code: string]> = {
        "a ticket that was not given": [() => outgoing(Buffer.alloc(16), Buffer.alloc(628)), "ERR_BAD_TICKET"],
        "GO for no socket": [() => encodeGo(1), "ERR_BAD_MESSAGE"],
        "messages of a receiver (TAKEN)": [() => encodeTaken(1), "ERR_BAD_MESSAGE"],
        "messages of a receiver (GRANT)": [() => encodeGrant(Buffer.alloc(16)), "ERR_BAD_MESSAGE"],
        "messages of a receiver (DONE)": [() => encodeDone(1, "native"), "ERR_BAD_MESSAGE"],
        "messages of a receiver (DECLINED)": [
            () => encodeDeclined({ id: 1, untouched: true, code: "ERR_ABC", reason: "" }),
            "ERR_BAD_MESSAGE",
        ],
    };
    for (const [what, [make, code]] of Object.entries(later)) {
        it(`answers ${what} with ${code}, and goes on serving`, async () => {
            const rogue = await Rogue.connect(target.at);
            rogue.send(make(await rogue.introduce()));
            assert.equal(await rogue.code(), code);
            await rogue.ended;
            assert.equal(await target.error(), code);
            await target.serves();
        });
    }

    it("takes a ticket once", async () => {
        const rogue = await Rogue.connect(target.at);
        const { client, server } = await connectedPair();
        const [ticket] = await rogue.introduce();
        const { bytes } = duplicateSocket(server, process.pid);
        rogue.send(outgoing(ticket!, bytes));
        await rogue.next(messageType.taken);
        rogue.send(outgoing(ticket!, bytes, { id: 2 }));
        assert.equal(await rogue.code(), "ERR_BAD_TICKET");
        assert.equal(await target.error(), "ERR_BAD_TICKET");
        await rogue.ended;
        await target.serves();
        client.destroy();
        server.destroy();
    });

    it("declines an info that is damaged, all zeros, or was used before, and goes on with the same sender", async () => {
        const rogue = await Rogue.connect(target.at);
        const tickets = await rogue.introduce();
        const { client, server } = await connectedPair();
        const { bytes } = duplicateSocket(server, process.pid);
        const flipped = Uint8Array.from(bytes, (byte, index) => (index < 112 ? byte ^ 0xff : byte));
        let id = 0;
        const decline = async (info: Uint8Array): Promise<string> => {
            rogue.send(outgoing(tickets[id]!, info, { id: ++id }));
            const { code } = await rogue.declined();
            assert.equal(await target.error(), code);
            return code;
        };
        assert.equal(await decline(Buffer.alloc(628)), "ERR_INFO_DAMAGED");
        assert.match(await decline(flipped), /^ERR_INFO_DAMAGED$|^ERR_NO_PROVIDER$/);
        rogue.send(outgoing(tickets[id]!, bytes, { id: ++id }));
        await rogue.next(messageType.taken);
        assert.match(await decline(bytes), /^ERR_INFO_(SPENT|USED)$/);
        rogue.send(encodeGo(3));
        await rogue.next(messageType.done);
        server.destroy();
        client.write("y");
        assert.equal(await readExactly(client, 5), "got y");
        (target.got.pop()!.socket as net.Socket).destroy();
        client.destroy();
        rogue.close();
    });

    it("declines a message that is no JSON", async () => {
        const rogue = await Rogue.connect(target.at);
        const [first] = await rogue.introduce();
        rogue.send(outgoing(first!, Buffer.alloc(628, 1), { message: Buffer.from("{") }));
        assert.deepEqual(await rogue.declined(), { code: "ERR_BAD_MESSAGE", untouched: true });
        rogue.close();
        await target.serves();
    });

    it("closes its copy when the source cancels", async () => {
        const rogue = await Rogue.connect(target.at);
        const { client, server } = await connectedPair();
        const [ticket] = await rogue.introduce();
        rogue.send(outgoing(ticket!, duplicateSocket(server, process.pid).bytes));
        await rogue.next(messageType.taken);
        rogue.send(encodeCancel(1), encodeCancel(77));
        const ended = once(client.resume(), "end");
        server.end(); // a copy that were still open would keep the connection open
        await ended;
        client.destroy();
        rogue.close();
        assert.equal(target.got.length, 0);
    });

    it("hears a goodbye", async () => {
        const rogue = await Rogue.connect(target.at);
        await rogue.introduce();
        rogue.send(encodeBye({ code: "ERR_OUT_OF_ORDER", reason: "closed for today" }));
        rogue.stream.end();
        assert.equal(await target.error(), "ERR_OUT_OF_ORDER");
    });
});

describe("share: a receiver and who does nothing", function () {
    this.timeout(240_000);

    it("is rid of a sender that never speaks, and of one that stops in the middle of a message", async () => {
        const target = new Target({ timeout: 300 });
        await target.receiver.listening;
        const silent = await Rogue.connect(target.at);
        await silent.ended;
        assert.equal(await target.error(), "ERR_TIMEOUT");
        const slow = await Rogue.connect(target.at);
        const [ticket] = await slow.introduce();
        slow.send(outgoing(ticket!, Buffer.alloc(628)).subarray(0, 100));
        await slow.ended;
        assert.equal(await target.error(), "ERR_TIMEOUT");
        await target.serves();
        await target.close();
    });

    it("keeps a sender that is only idle", async () => {
        const target = new Target({ timeout: 200 });
        await target.receiver.listening;
        const idle = await Rogue.connect(target.at);
        await idle.introduce();
        const before = performance.now();
        while (performance.now() - before < 600) {
            await target.serves();
        }
        assert.ok(!idle.stream.destroyed);
        idle.close();
        await target.close();
    });

    it(`serves others beside ${counts.silentConnections} connections that never ask`, async () => {
        const target = new Target({ maxConnections: 32 });
        await target.receiver.listening;
        const { execPath } = process;
        const { Runner } = await import("./share-process.js");
        const flood = await Runner.start(execPath);
        const flooding = flood.run(
            `
            const pipe = await lib.transport("pipe");
            kept.open = 0;
            for (let index = 0; index < args.count; index++) {
                const { stream } = await pipe.connect(args.at);
                kept.open++;
                stream.on("error", () => undefined).on("close", () => kept.open--).resume();
            }
            return kept.open;`,
            { at: target.at, count: counts.silentConnections },
        );
        let served = 0;
        let flooded: unknown;
        void flooding.then(
            (open) => (flooded = open),
            (error: unknown) => (flooded = error),
        );
        while (flooded === undefined) {
            await target.serves();
            served++;
        }
        assert.ok(!(flooded instanceof Error), flooded instanceof Error ? flooded.message : "");
        await target.serves();
        assert.ok(served > 0);
        // All but 32, less those that the honest sender has, were disconnected.
        while ((await flood.run<number>("return kept.open")) > 32) {
            await new Promise((resolve) => setTimeout(resolve, 20));
        }
        await flood.close();
        const errors = new Set(target.errors.splice(0));
        assert.deepEqual([...errors], ["ERR_TOO_MANY_CONNECTIONS"]);
        await target.serves();
        await target.close();
    });
});

describe("share: a sender and who breaks the protocol", function () {
    this.timeout(30_000);

    const answers: Record<string, [(info: Buffer) => Uint8Array, code: string]> = {
        noise: [() => Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n"), "ERR_BAD_MESSAGE"],
        "TAKEN for another socket": [() => encodeTaken(99), "ERR_BAD_MESSAGE"],
        "DONE before it was given": [() => encodeDone(1, "native"), "ERR_BAD_MESSAGE"],
        "a socket": [() => outgoing(Buffer.alloc(16), Buffer.alloc(628)), "ERR_BAD_MESSAGE"],
        "a refusal": [
            () => encodeDeclined({ id: 1, untouched: true, code: "ERR_NO_ROOM", reason: "full" }),
            "ERR_NO_ROOM",
        ],
        "a goodbye": [() => encodeBye({ code: "ERR_NO_ROOM", reason: "full" }), "ERR_NO_ROOM"],
    };
    for (const [what, [answer, code]] of Object.entries(answers)) {
        it(`has its socket back when the target answers with ${what}: ${code}`, async () => {
            const at = newAddress();
            const { rogue, close } = await Rogue.listen(at);
            const { client, server } = await connectedPair();
            const sending = assert.rejects(sendSocket(server, { to: at }), { name: "WinsockError", code });
            const target = await rogue;
            target.send(encodeHello({ role: "target" }), encodeGrant(Buffer.alloc(16, 1)));
            target.send(answer(await target.next(messageType.info)));
            if (what === "a goodbye") {
                target.stream.end();
            }
            await sending;
            client.write("still");
            assert.equal(await readExactly(server, 5), "still");
            server.write("here");
            assert.equal(await readExactly(client, 4), "here");
            target.close();
            await close();
            client.destroy();
            server.destroy();
        });
    }

    it("is told where the other end is no receiver of ours, and waits no longer than it was told to", async () => {
        const at = newAddress();
        const { rogue, close } = await Rogue.listen(at);
        const { client, server } = await connectedPair();
        await assert.rejects(sendSocket(server, { to: at, timeout: 300 }), { code: "ERR_TIMEOUT" });
        (await rogue).close();
        await close();
        client.destroy();
        server.destroy();
    });
});
