// The controller's side of the pipe's protocol, without a pipe: bytes to requests, answers to bytes, and what is said.
import assert from "node:assert/strict";
import { once } from "node:events";
import * as net from "node:net";
import { AnswerDesk, checkVerdict, type DeskOptions } from "#lib/policy/answers.js";
import type { AskHook } from "#lib/policy/answers.js";
import { ControllerConnection } from "#lib/policy/controller-connection.js";
import { RequestReader, answerSize, encodeAnswer } from "#lib/policy/controller-messages.js";
import type { Answer, HeldCall } from "#lib/policy/controller-model.js";
import type { Policy } from "#lib/policy/model.js";
import { counts } from "../support/counts.js";
import { decodeAnswer, encodeRequest } from "./controller-requests.js";

const client = { pid: 4711, start: 5n, program: "C:\\Programs\\game.exe" };
const policy: Policy = {
    version: 1,
    default: { kind: "allow" },
    rules: [
        {
            name: "ask",
            match: {},
            then: { kind: "ask", timeout: 10_000, otherwise: { kind: "deny", error: "WSAEACCES" } },
        },
        { name: "slow", match: {}, then: { kind: "relay", delay: 80, otherwise: { kind: "allow" } } },
        { name: "no", match: {}, then: { kind: "deny", error: "WSAEACCES" } },
    ],
};

function desk(options: Partial<DeskOptions> = {}): AnswerDesk {
    return new AnswerDesk({
        policyOf: () => policy,
        onAsk: undefined,
        relay: undefined,
        rememberForever: () => Promise.resolve(),
        onError: () => undefined,
        ...options,
    });
}

const request = (fields: Parameters<typeof encodeRequest>[0] = {}): ReturnType<RequestReader["read"]> & object =>
    new RequestReader().read(encodeRequest({ remote: { address: "192.0.2.1", port: 80 }, ...fields }))!;
const never = new AbortController().signal;
const ask = (one: AnswerDesk, fields: Parameters<typeof encodeRequest>[0] = {}): Promise<Answer | undefined> =>
    one.answer(client, request(fields)[0]!, never);

/** Both ends of a stream; not a pipe, which tests of any system cannot have. */
async function streamPair(): Promise<{ ours: net.Socket; theirs: net.Socket }> {
    const server = net.createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const theirs = net.connect((server.address() as net.AddressInfo).port, "127.0.0.1");
    const [ours] = (await once(server, "connection")) as [net.Socket];
    server.close();
    theirs.on("error", () => undefined);
    return { ours, theirs };
}

describe("controller: messages", () => {
    it("are cut out of chunks of any size", () => {
        const bytes = Buffer.concat(
            [1n, 2n, 3n].map((id) => encodeRequest({ id, kind: "ticket", timeout: 7, rule: 2 })),
        );
        for (const size of [1, 7, 87, 88, 89, 200, 264]) {
            const reader = new RequestReader();
            const ids: bigint[] = [];
            for (let at = 0; at < bytes.length; at += size) {
                ids.push(...reader.read(bytes.subarray(at, at + size))!.map(({ id }) => id));
            }
            assert.deepEqual(ids, [1n, 2n, 3n]);
        }
    });

    it("say what the provider knows of a call; mapped addresses are IPv4", () => {
        const [one] = request({
            id: 9n,
            generation: 3,
            rule: 2,
            timeout: 500,
            callNumber: 65,
            protocol: 6,
            socket: 120n,
            ipv6: true,
            local: { address: "::1", port: 5 },
            remote: { address: "192.0.2.7", port: 443 },
        });
        assert.deepEqual(one, {
            kind: "ask",
            id: 9n,
            generation: 3,
            rule: 2,
            timeout: 500,
            call: "ConnectEx",
            protocol: 6,
            socket: 120n,
            local: { address: "::1", port: 5 },
            remote: { address: "192.0.2.7", port: 443 },
            ipv6: true,
        });
    });

    it("of no provider that we understand are refused", () => {
        for (const damage of [
            [0, 1],
            [4, 2],
            [6, 0],
            [6, 4],
            [40, 7],
            [64, 24],
        ] as const) {
            const bytes = encodeRequest({});
            bytes[damage[0]] = damage[1];
            assert.equal(new RequestReader().read(bytes), undefined, damage.join());
        }
    });

    it(`survive any bytes (${counts.parserInputs} inputs)`, function () {
        this.timeout(600_000);
        const seed = Number(process.env["WINSOCK_SPI_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
        let state = seed;
        const random = (below: number): number => {
            state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
            return Math.floor((state / 2 ** 32) * below);
        };
        const good = encodeRequest({ remote: { address: "::1", port: 1 }, ipv6: true });
        for (let input = 0; input < counts.parserInputs; input++) {
            const bytes = new Uint8Array(random(3 * good.length));
            for (let at = 0; at < bytes.length; at++) {
                bytes[at] = good[at % good.length]!;
            }
            for (let times = random(4); times > 0 && bytes.length > 0; times--) {
                bytes[random(bytes.length)] = random(256);
            }
            const reader = new RequestReader();
            const requests = reader.read(bytes);
            if (requests === undefined) {
                continue;
            }
            assert.equal(requests.length, Math.floor(bytes.length / good.length), `seed ${seed}, input ${input}`);
            for (const one of requests) {
                assert.ok(one.timeout <= 0x7fff_ffff && typeof one.call === "string");
                for (const end of [one.local, one.remote]) {
                    assert.ok(end === undefined || (end.port <= 0xffff && end.address !== ""), `seed ${seed}`);
                }
            }
        }
    });

    it("answer in the family of the socket, and refuse what no provider could carry out", () => {
        const answer = (value: Answer, ipv6 = false): ReturnType<typeof decodeAnswer> =>
            decodeAnswer(encodeAnswer({ id: 7n, ipv6 }, value));
        assert.deepEqual(answer({ action: "allow" }), { id: 7n, action: 1, error: 0, target: undefined });
        assert.deepEqual(answer({ action: "deny", error: "WSAEHOSTUNREACH" }).error, 10065);
        const to = { address: "127.0.0.1", port: 1080 };
        assert.deepEqual(answer({ action: "redirect", to }), { id: 7n, action: 3, error: 0, target: to });
        const mapped = encodeAnswer({ id: 7n, ipv6: true }, { action: "redirect", to });
        assert.equal(new DataView(mapped.buffer).getUint16(24, true), 23);
        assert.equal(Buffer.from(mapped.subarray(32)).toString("hex"), `${"00".repeat(10)}ffff7f000001`);
        for (const bad of [
            { action: "deny", error: "WSAENOSUCH" },
            { action: "deny", error: "ERROR_FILE_NOT_FOUND" },
            { action: "redirect", to: { address: "::1", port: 80 } },
            { action: "redirect", to: { address: "1.2.3", port: 80 } },
            { action: "redirect", to: { address: "127.0.0.1", port: 0 } },
            { action: "wait" },
        ]) {
            assert.throws(() => answer(bad as Answer), TypeError);
        }
    });
});

describe("controller: answers", () => {
    it("come from the hook, which sees the call", async () => {
        let seen: HeldCall | undefined;
        const one = desk({ onAsk: (call) => ((seen = call), { action: "deny", error: "WSAENETUNREACH" }) });
        assert.deepEqual(await ask(one, { callNumber: 8 }), { action: "deny", error: "WSAENETUNREACH" });
        assert.equal(seen?.pid, 4711);
        assert.equal(seen?.call, "WSPConnect");
        assert.equal(seen?.rule?.name, "ask");
        assert.deepEqual(seen?.remote, { address: "192.0.2.1", port: 80 });
    });

    it("are the rule's otherwise without a hook, without a word, after an error, and for what cannot be", async () => {
        const errors: unknown[] = [];
        const onError = (error: unknown): void => void errors.push(error);
        const fallback = { action: "deny", error: "WSAEACCES" };
        assert.deepEqual(await ask(desk()), fallback);
        assert.deepEqual(await ask(desk({ onAsk: () => undefined })), fallback);
        for (const onAsk of [
            () => {
                throw new Error("no");
            },
            () => "perhaps",
            () => ({ action: "deny", error: "WSAENOSUCH" }),
            () => ({ action: "redirect", to: { address: "::1", port: 80 } }),
            () => ({ action: "allow", remember: "no" }),
        ]) {
            assert.deepEqual(await ask(desk({ onAsk: onAsk as AskHook, onError })), fallback);
        }
        assert.equal(errors.length, 5);
    });

    it("need a rule of that kind", async () => {
        const one = desk({ onAsk: () => "allow" });
        assert.equal(await ask(one, { rule: 3 }), undefined);
        assert.equal(await ask(one, { rule: 0 }), undefined);
        assert.equal(await ask(one, { rule: 4 }), undefined);
        assert.equal(await ask(one, { rule: 2 }), undefined);
        assert.equal(await ask(one, { rule: 1, kind: "ticket" }), undefined);
        assert.equal(
            await ask(
                desk({
                    policyOf: () => {
                        throw new Error("gone");
                    },
                }),
            ),
            undefined,
        );
    });

    it("end with the call's signal, though the hook goes on", async () => {
        const call = new AbortController();
        const one = desk({ onAsk: () => new Promise(() => undefined) });
        const answer = one.answer(client, request()[0]!, call.signal);
        call.abort();
        assert.deepEqual(await answer, { action: "deny", error: "WSAEACCES" });
    });

    it("are remembered for the process, by rule, call and other end", async () => {
        let asked = 0;
        const one = desk({ onAsk: () => (asked++, { action: "allow", remember: "process" }) });
        const to = (address: string, port: number): Promise<Answer | undefined> =>
            ask(one, { remote: { address, port } });
        await to("192.0.2.1", 80);
        await to("192.0.2.1", 80);
        assert.equal(asked, 1);
        await ask(one, { remote: { address: "192.0.2.1", port: 80 }, callNumber: 65 }); // ConnectEx is a connect too
        assert.equal(asked, 1);
        await to("192.0.2.1", 81);
        await to("192.0.2.2", 80);
        await ask(one, { remote: { address: "192.0.2.1", port: 80 }, callNumber: 26, protocol: 17 });
        assert.equal(asked, 4);
        await one.answer({ ...client, start: 6n }, request()[0]!, never);
        assert.equal(asked, 5, "another process of the same number is asked for itself");
    });

    it("are kept for ever once; the call does not wait for it, and its failure is told", async () => {
        const kept: Answer[] = [];
        const errors: unknown[] = [];
        let asked = 0;
        const one = desk({
            onAsk: () => (asked++, { action: "deny", error: "WSAECONNREFUSED", remember: "forever" }),
            rememberForever: (_, answer) => (kept.push(answer), Promise.reject(new Error("read-only"))),
            onError: (error) => void errors.push(error),
        });
        assert.deepEqual(await ask(one), { action: "deny", error: "WSAECONNREFUSED" });
        assert.deepEqual(await ask(one), { action: "deny", error: "WSAECONNREFUSED" });
        assert.deepEqual([asked, kept, errors.length], [1, [{ action: "deny", error: "WSAECONNREFUSED" }], 1]);
    });

    it("of tickets come from the relay, or are the rule's otherwise", async () => {
        assert.deepEqual(await ask(desk(), { rule: 2, kind: "ticket" }), { action: "allow" });
        const to = { address: "127.0.0.1", port: 9 };
        const relay = {
            admit: (): Promise<Answer> => Promise.resolve({ action: "redirect", to }),
            close: () => Promise.resolve(),
            [Symbol.asyncDispose]: () => Promise.resolve(),
        };
        assert.deepEqual(await ask(desk({ relay }), { rule: 2, kind: "ticket" }), { action: "redirect", to });
    });

    it("are checked as verdicts", () => {
        assert.deepEqual(checkVerdict("deny"), { action: "deny", error: "WSAEACCES" });
        assert.equal(checkVerdict(undefined), undefined);
        for (const bad of ["no", {}, { action: "ask" }, 1, null, { action: "deny", error: "EACCES" }]) {
            assert.throws(() => checkVerdict(bad as never), TypeError);
        }
    });
});

describe("controller: a process at the pipe", () => {
    async function answersOf(theirs: net.Socket, count: number): Promise<ReturnType<typeof decodeAnswer>[]> {
        let bytes = Buffer.alloc(0);
        for await (const chunk of theirs) {
            bytes = Buffer.concat([bytes, chunk as Buffer]);
            if (bytes.length >= count * answerSize) {
                break;
            }
        }
        return Array.from({ length: count }, (_, index) => decodeAnswer(bytes.subarray(index * answerSize)));
    }

    it("has its calls answered in any order, at the same time", async () => {
        const { ours, theirs } = await streamPair();
        const waiting: (() => void)[] = [];
        const one = desk({
            onAsk: () =>
                new Promise((resolve) => {
                    waiting.push(() => resolve("allow"));
                    if (waiting.length === 3) {
                        setImmediate(() => waiting.reverse().forEach((go) => go()));
                    }
                }),
        });
        new ControllerConnection(ours, client, one, () => undefined);
        theirs.write(Buffer.concat([1n, 2n, 3n].map((id) => encodeRequest({ id }))));
        assert.deepEqual(
            (await answersOf(theirs, 3)).map(({ id }) => id),
            [3n, 2n, 1n],
        );
    });

    it("has its calls ended when it withdraws them, goes, or their time is over", async () => {
        const signals: AbortSignal[] = [];
        const onAsk: AskHook = ({ signal }) => (signals.push(signal), new Promise<undefined>(() => undefined));
        const { ours, theirs } = await streamPair();
        const closed = new Promise<void>((resolve) => new ControllerConnection(ours, client, desk({ onAsk }), resolve));
        theirs.write(
            Buffer.concat([
                encodeRequest({ id: 1n, timeout: 1 }),
                encodeRequest({ id: 2n }),
                encodeRequest({ id: 3n }),
                encodeRequest({ id: 2n, kind: "withdrawn" }),
                encodeRequest({ id: 99n, kind: "withdrawn" }),
            ]),
        );
        const first = new Promise<Buffer>((resolve) => theirs.once("data", resolve));
        await first;
        while (!signals[0]?.aborted || !signals[1]?.aborted) {
            await new Promise((resolve) => setImmediate(resolve));
        }
        assert.equal(signals[2]?.aborted, false);
        theirs.destroy();
        await closed;
        assert.equal(signals[2]?.aborted, true);
    });

    it("is hung up on when it says what no provider says, or a number twice", async () => {
        const onAsk: AskHook = () => new Promise<undefined>(() => undefined);
        for (const bytes of [
            Buffer.from("GET / HTTP/1.1\r\nHost: x\r\n\r\n".padEnd(100)),
            Buffer.concat([encodeRequest({ id: 1n }), encodeRequest({ id: 1n })]),
            Buffer.from(encodeRequest({ rule: 9 })),
        ]) {
            const { ours, theirs } = await streamPair();
            const closed = new Promise<void>(
                (resolve) => new ControllerConnection(ours, client, desk({ onAsk }), resolve),
            );
            theirs.write(bytes);
            await closed;
            theirs.destroy();
        }
    });
});
