// What is allowed in a policy and probably not meant; which rule a call hits and why; the schema that editors complete by.

import * as assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { Ajv2020 } from "ajv/dist/2020.js";
import { checkPolicy } from "#lib/policy/check.js";
import { decide } from "#lib/policy/decide.js";
import { explain, parseCall } from "#lib/policy/explain.js";
import { toPolicyFile } from "#lib/policy/format.js";
import { parsePolicy } from "#lib/policy/parse.js";
import { policySchema } from "#lib/policy/schema.js";
import { Random, randomCall, randomPolicy, randomProcess, writable } from "./policies-random.js";

/** A policy of these rules, all of which deny if they do not say otherwise. */
function policyOf(...matches: readonly object[]) {
    return parsePolicy(
        JSON.stringify({
            version: 1,
            rules: matches.map((match, index) => ({ name: `r${index + 1}`, match, then: "deny" })),
        }),
    );
}
function codes(policy: ReturnType<typeof policyOf>): string[] {
    return checkPolicy(policy).map(({ code, rule }) => `${code} ${rule}`);
}

describe("policy check", () => {
    for (const [what, matches, ...wanted] of [
        ["the same match again", [{ to: ":80" }, { to: ":80" }], "unreachable 2"],
        ["a block in a block", [{ to: "10.0.0.0/8" }, { to: "10.1.0.0/16:443" }], "unreachable 2"],
        ["a block around a block", [{ to: "10.1.0.0/16" }, { to: "10.0.0.0/8" }]],
        ["anything after everything", [{}, { program: "x.exe", call: "bind" }], "unreachable 2"],
        ["another protocol", [{ protocol: "tcp" }, { protocol: ["tcp", "udp"] }]],
        [
            "a program among programs",
            [{ program: ["A.exe", "b.exe"] }, { program: "a.exe", call: "connect" }],
            "unreachable 2",
        ],
        ["another program", [{ program: "a.exe" }, { program: "b.exe" }]],
        ["a remote end never hides bind", [{ to: "*" }, { call: ["bind", "connect"] }]],
        ["hours within hours", [{ time: "mon-fri" }, { time: "tue 09:00-10:00" }], "unreachable 2"],
        ["a name", [{ to: "*.example.com" }], "host-name 1"],
        [
            "a name below a name",
            [{ to: "*.example.com" }, { to: "a.example.com:443" }],
            "host-name 1",
            "unreachable 2",
            "host-name 2",
        ],
    ] as const) {
        it(what, () => assert.deepEqual(codes(policyOf(...matches)), wanted));
    }
    it("names that stand twice", () => {
        const policy = parsePolicy(
            '{"version":1,"rules":[{"name":"a","match":{"pid":1},"then":"deny"},{"name":"a","match":{"pid":2},"then":"deny"}]}',
        );
        assert.deepEqual(codes(policy), ["duplicate-name 2"]);
    });
    it("says of no rule that any call comes to that none does", () => {
        const random = new Random(Number(process.env["WINSOCK_SPI_SEED"] ?? Date.now() % 2 ** 31));
        for (let count = 0; count < 150; count++) {
            const policy = randomPolicy(random, 12);
            const hidden = new Set(
                checkPolicy(policy)
                    .filter(({ code }) => code === "unreachable")
                    .map(({ rule }) => rule),
            );
            for (let call = 0; call < 60; call++) {
                const facts = {
                    ...randomCall(random, randomProcess(random)),
                    ...(random.oneIn(3) && { host: "a.example.com" }),
                };
                const { rule } = decide(policy, facts);
                assert.ok(!hidden.has(rule), JSON.stringify({ rule, facts, policy }));
            }
        }
    });
});

describe("policy explain", () => {
    const policy = parsePolicy(String.raw`
version: 1
rules:
  - { name: names, match: { to: '*.example.com' }, then: deny }
  - { name: bind, match: { call: bind }, then: deny }
  - { name: home, match: { user: anna, time: 'mon 09:00-10:00', program: '*\curl.exe' }, then: deny }
  - { name: proxy, match: { protocol: tcp }, then: { proxy: 'http://u:secret@h:1' } }
`);
    it("tells the rule, and why those before it do not match", () => {
        const { decision, passed } = explain(policy, parseCall("curl.exe connect 1.2.3.4:443"));
        assert.equal(decision.rule, 4);
        assert.deepEqual(
            passed.map(({ reason }) => reason),
            [
                "to: 1.2.3.4:443 is not *.example.com (no host name is known: only the relay learns it)",
                "call: connect is not bind",
                "program: curl.exe is not *\\curl.exe",
            ],
        );
        assert.equal(explain(policy, parseCall("curl.exe listen 0.0.0.0:80")).decision.rule, 0);
    });
    it("understands everything that a call can have", () => {
        assert.deepEqual(
            parseCall(
                String.raw`'C:\a b\c.exe' sendto [::1]:53 from 10.0.0.1:5 host X.example user anna pid 7 parent p.exe line "c -v" module m.dll at tue 01:00`,
            ),
            {
                call: "sendto",
                protocol: "udp",
                remote: { address: "::1", port: 53 },
                local: { address: "10.0.0.1", port: 5 },
                host: "x.example",
                module: "m.dll",
                minuteOfWeek: 1500,
                process: {
                    pid: 7,
                    program: "C:\\a b\\c.exe",
                    userName: "anna",
                    commandLine: "c -v",
                    ancestors: [{ pid: 0, program: "p.exe" }],
                },
            },
        );
        assert.equal(explain(policy, parseCall("x connect 1.2.3.4:1 host www.example.com")).decision.rule, 1);
        assert.equal(
            explain(policy, parseCall(String.raw`C:\x\curl.exe connect 1.2.3.4:1 user PC\Anna at mon 09:59`)).decision
                .rule,
            3,
        );
    });
    it("refuses what is no call, and says how one is written", () => {
        for (const text of [
            "",
            "x",
            "x conect 1.2.3.4",
            "x connect example.com:1",
            "x connect 1.2.3.4:99999",
            "x connect 1.2.3.4 user",
        ]) {
            assert.throws(() => parseCall(text), { code: "ERR_USAGE" }, text);
        }
    });
});

describe("policy.schema.json", () => {
    const valid = new Ajv2020({ strict: true, strictTypes: false }).compile(policySchema);
    it("is the schema of lib/policy/schema.ts", () => {
        const shipped = JSON.parse(readFileSync("policy.schema.json", "utf8")) as unknown;
        assert.deepEqual(shipped, JSON.parse(JSON.stringify(policySchema)));
    });
    it("accepts what the parser accepts", () => {
        const random = new Random(Number(process.env["WINSOCK_SPI_SEED"] ?? 2));
        for (let count = 0; count < 200; count++) {
            const file = toPolicyFile(writable(randomPolicy(random)));
            assert.ok(valid(file), JSON.stringify([valid.errors, file]));
        }
    });
    for (const wrong of [
        { version: 2 },
        {},
        { version: 1, defualt: "allow" },
        { version: 1, rules: [{ then: "dney" }] },
        { version: 1, rules: [{ match: { progam: "x" }, then: "deny" }] },
        { version: 1, rules: [{ match: { program: [] }, then: "deny" }] },
        { version: 1, rules: [{ then: { deny: "WSAEWOULDBLOCK" } }] },
        { version: 1, rules: [{ then: { delay: "80" } }] },
    ]) {
        it(`refuses, as the parser does, ${JSON.stringify(wrong)}`, () => {
            assert.equal(valid(wrong), false);
            assert.throws(() => parsePolicy(JSON.stringify(wrong)), { code: "ERR_POLICY_SYNTAX" });
        });
    }
});
