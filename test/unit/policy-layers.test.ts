// What is in force when several are: the machine's policy and those of `run`; the rule that remembers an answer; the
// questions in the terminal.
import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { formatQuestion, parseReply, promptingHook } from "#lib/cli/ask-prompt.js";
import { rememberedRule } from "#lib/policy/apply.js";
import { decide } from "#lib/policy/decide.js";
import type { HeldCall } from "#lib/policy/controller-model.js";
import { type RunLayer, composePolicy } from "#lib/policy/layers.js";
import type { CallFacts, Policy, Rule } from "#lib/policy/model.js";
import { formatStored, parseStored } from "#lib/policy/store.js";
import { codeOf } from "./code-of.js";

const deny = (name: string, match: Rule["match"] = {}): Rule => ({
    name,
    match,
    then: { kind: "deny", error: "WSAEACCES" },
});
const policyOf = (rules: readonly Rule[], closed = false): Policy => ({
    version: 1,
    default: closed ? { kind: "deny", error: "WSAENETDOWN" } : { kind: "allow" },
    rules,
});
const layer = (job: string, policy: Policy): RunLayer => ({ job, pid: 1, start: 2n, program: "curl", policy });
const base = policyOf([deny("machine", { to: [{ ports: [{ first: 25, last: 25 }] }] })]);

function factsOf(port: number, ...jobs: string[]): CallFacts {
    return {
        call: "connect",
        protocol: "tcp",
        remote: { address: "192.0.2.1", port },
        process: { pid: 7, program: "C:\\curl.exe", jobs },
    };
}
const decided = (policy: Policy, port: number, ...jobs: string[]): string =>
    decide(policy, factsOf(port, ...jobs)).name ?? "default";

describe("policy: layers", () => {
    it("a run's rules hold for its tree alone; the machine's stand behind them", () => {
        const run = policyOf([deny("web", { to: [{ ports: [{ first: 80, last: 80 }] }] })]);
        const policy = composePolicy({ base, runs: [layer("J", run)] });
        assert.deepEqual(
            [decided(policy, 80, "J"), decided(policy, 80), decided(policy, 25, "J"), decided(policy, 443, "J")],
            ["web", "default", "machine", "default"],
        );
    });

    it("a run's default holds for its tree if it denies", () => {
        const policy = composePolicy({ base, runs: [layer("J", policyOf([], true))] });
        assert.deepEqual(
            [decided(policy, 80, "J"), decided(policy, 80), decided(policy, 25)],
            ["default of curl", "default", "machine"],
        );
        assert.equal(policy.failClosed, true);
    });

    it("the inner of two runs decides first; names stay unique", () => {
        const rule = (name: string): Policy => policyOf([deny(name)]);
        const policy = composePolicy({
            base: undefined,
            runs: [layer("inner", rule("same")), layer("outer", rule("same"))],
        });
        assert.deepEqual(
            policy.rules.map(({ name }) => name),
            ["same", "same (2)"],
        );
        assert.equal(decided(policy, 1, "inner", "outer"), "same");
        assert.equal(decided(policy, 1, "outer"), "same (2)");
        assert.equal(decided(policy, 1), "default");
    });

    it("is the machine's policy itself where nothing runs", () => {
        assert.equal(composePolicy({ base, runs: [] }), base);
    });

    it("rules about process trees cannot be limited to one", () => {
        const run = policyOf([deny("tree", { tree: ["a.exe"] })]);
        assert.equal(
            codeOf(() => composePolicy({ base, runs: [layer("J", run)] })),
            "ERR_POLICY_TREE",
        );
    });

    it("are the same after they were stored", () => {
        const layers = { base, runs: [layer("J", base)], source: "C:\\p.yaml" };
        assert.deepEqual(parseStored(formatStored(layers), 3), layers);
        assert.deepEqual(parseStored(formatStored({ base: undefined, runs: [] }), 3), { base: undefined, runs: [] });
        const head = '{"format":"winsock-spi-policy","version"';
        for (const text of ["", "{}", `${head}:2}`, `${head}:1,"base":{}}`]) {
            assert.equal(
                codeOf(() => parseStored(text, 3)),
                "ERR_POLICY_DAMAGED",
            );
        }
    });
});

const call = (fields: Partial<HeldCall> = {}): HeldCall => ({
    pid: 7,
    processStart: 1n,
    program: "C:\\curl.exe",
    call: "WSPConnect",
    protocol: "tcp",
    socket: 1n,
    local: { address: "0.0.0.0", port: 50_000 },
    remote: { address: "192.0.2.1", port: 443 },
    rule: deny("ask me"),
    policy: base,
    generation: 1,
    signal: new AbortController().signal,
    ...fields,
});

describe("policy: remembered answers", () => {
    it("are rules for the program, the call and the other end", () => {
        const rule = rememberedRule(call(), { action: "deny", error: "WSAENETUNREACH" }, ["x"])!;
        const policy = policyOf([rule]);
        assert.equal(decided(policy, 443), rule.name);
        assert.equal(decided(policy, 80), "default");
        assert.equal(decide(policy, { ...factsOf(443), process: { pid: 7, program: "C:\\other.exe" } }).rule, 0);
        assert.deepEqual(rule.then, { kind: "deny", error: "WSAENETUNREACH" });
        assert.notEqual(rememberedRule(call(), { action: "allow" }, [rule.name])?.name, rule.name);
    });

    it("of what comes in leave the port out, of listeners name the local end", () => {
        const rule = (fields: Partial<HeldCall>): Rule | undefined =>
            rememberedRule(call(fields), { action: "allow" }, []);
        assert.equal(rule({ call: "WSPAccept" })?.match.to?.[0]?.ports, undefined);
        const listening = rule({ call: "WSPListen", local: { address: "0.0.0.0", port: 80 } });
        assert.deepEqual(listening?.match.local?.[0]?.ports, [{ first: 80, last: 80 }]);
        assert.equal(listening?.match.to, undefined);
    });

    it("are none where the program or the end is not known", () => {
        assert.equal(rememberedRule(call({ program: "" }), { action: "allow" }, []), undefined);
        const { remote: _, ...unknown } = call();
        assert.equal(rememberedRule(unknown, { action: "allow" }, []), undefined);
        assert.equal(rememberedRule(call({ call: "WSPSend" }), { action: "allow" }, []), undefined);
    });
});

describe("ask: the terminal", () => {
    it("takes a or d, and for how long", () => {
        assert.deepEqual(parseReply(" A "), { action: "allow", remember: "once" });
        assert.deepEqual(parseReply("ap"), { action: "allow", remember: "process" });
        assert.deepEqual(parseReply("deny for ever"), { action: "deny", error: "WSAEACCES", remember: "forever" });
        assert.deepEqual(parseReply("d o"), { action: "deny", error: "WSAEACCES", remember: "once" });
        for (const line of ["", "y", "ax", "allow me", "p"]) {
            assert.equal(parseReply(line), undefined, line);
        }
    });

    it("shows the call in one line, whatever the program is called", () => {
        assert.equal(
            formatQuestion(call({ program: "C:\\x\\bad\u001b[31m\nname.exe" })),
            'bad?[31m?name.exe (7): WSPConnect tcp to 192.0.2.1:443 [rule "ask me"]',
        );
    });

    it("asks one after the other, again after nonsense, and passes over what nobody waits for any more", async () => {
        const input = new PassThrough();
        const output = new PassThrough();
        let shown = "";
        output.on("data", (chunk: Buffer) => (shown += chunk.toString()));
        const { hook, close } = promptingHook({ input, output, onInterrupt: () => undefined });
        const gone = new AbortController();
        const first = hook(call());
        const second = hook(call({ signal: gone.signal }));
        const third = hook(call({ pid: 8 }));
        const prompts = async (count: number): Promise<void> => {
            while (shown.split("or ever? ").length <= count) {
                await new Promise((resolve) => setImmediate(resolve));
            }
        };
        await prompts(1);
        input.write("what\n");
        await prompts(2);
        input.write("ap\n");
        assert.deepEqual(await first, { action: "allow", remember: "process" });
        gone.abort();
        assert.equal(await second, undefined);
        while (!/\(8\).*\n.*or ever\? /.test(shown)) {
            await new Promise((resolve) => setImmediate(resolve));
        }
        input.write("d\n");
        assert.deepEqual(await third, { action: "deny", error: "WSAEACCES", remember: "once" });
        const last = hook(call());
        close();
        assert.equal(await last, undefined);
    });
});
