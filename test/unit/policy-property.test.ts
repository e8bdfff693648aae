// The image's way to decide (native/core, compiled with sanitizers) against the plain way (lib/policy/decide.ts): random
// policies, processes and calls, every answer the same in every figure.

import * as assert from "node:assert/strict";
import { errorNumber } from "#lib/error-names.js";
import { protocolNumber } from "#lib/policy/applies.js";
import { compilePolicy, relayTimeout } from "#lib/policy/compile.js";
import { decide } from "#lib/policy/decide.js";
import { ipBytes, parseIp, unmapped } from "#lib/policy/ip.js";
import {
    policyCalls,
    type Action,
    type CallFacts,
    type Decision,
    type Endpoint,
    type Policy,
} from "#lib/policy/model.js";
import { hasNative, runNative } from "../support/native.js";
import { Random, randomCall, randomPolicy, randomProcess, resolveUser } from "./policies-random.js";

const seed = Number(process.env["WINSOCK_SPI_SEED"] ?? Date.now() % 2 ** 31);
const policies = 150 * Number(process.env["WINSOCK_SPI_CASES"] ?? 1);

const kinds = { allow: 1, deny: 2, redirect: 3, relay: 4, ask: 5, observe: 6 } as const;
const families = { ipv4: 2, ipv6: 23 } as const;

function units(text: string | undefined): number[] {
    return Array.from({ length: text?.length ?? 0 }, (_, index) => text?.charCodeAt(index) ?? 0);
}

function toAddress(endpoint: Endpoint | undefined): object | undefined {
    const parsed = endpoint === undefined ? undefined : parseIp(endpoint.address);
    return parsed && { family: families[parsed.family], port: endpoint?.port, bytes: [...ipBytes(parsed)] };
}

function toLines(facts: CallFacts): string {
    return JSON.stringify({
        call: {
            call: 1 << policyCalls.indexOf(facts.call),
            protocol: protocolNumber(facts.protocol),
            local: toAddress(facts.local),
            remote: toAddress(facts.remote),
            module: units(facts.module),
            minute: facts.minuteOfWeek,
        },
    });
}

function processLine({ pid, program, commandLine, user, ancestors = [], jobs = [] }: CallFacts["process"]): string {
    return JSON.stringify({
        process: {
            pid,
            program: units(program),
            commandLine: units(commandLine),
            user: units(user),
            jobs: jobs.map(units),
            ancestors: ancestors.map((each) => ({ pid: each.pid, program: units(each.program) })),
        },
    });
}

function errorOf(then: Action): number {
    return then.kind === "deny" ? (errorNumber(then.error) ?? -1) : 0;
}

/** What the native program should print of a decision. */
function expected(policy: Policy, { rule, then }: Decision, facts: CallFacts): string {
    const own = policy.rules[rule - 1]?.then ?? policy.default;
    const about = facts.call === "bind" || facts.call === "listen" ? facts.local : facts.remote;
    const parsed = about === undefined ? undefined : parseIp(about.address);
    const family = parsed === undefined ? undefined : unmapped(parsed).family;
    const target =
        then.kind === "redirect" ? then.to.find(({ address }) => parseIp(address)?.family === family) : undefined;
    const bytes = target === undefined ? new Uint8Array() : ipBytes(parseIp(target.address) ?? assert.fail());
    const otherwise = "otherwise" in own ? own.otherwise : ({ kind: "allow" } as const);
    const timeout = own.kind === "ask" ? own.timeout : own.kind === "relay" ? relayTimeout + (own.delay ?? 0) : 0;
    return [
        kinds[then.kind],
        rule,
        errorOf(then),
        target === undefined || family === undefined ? 0 : families[family],
        target?.port ?? 0,
        Array.from({ length: 16 }, (_, index) => `${bytes[index] ?? 0}.`).join(""),
        timeout,
        kinds[otherwise.kind],
        errorOf(otherwise),
    ].join(" ");
}

describe("policy image against the plain way", function () {
    before(function () {
        if (!hasNative) {
            this.skip(); // programs of native/core are only built on Linux
        }
    });

    it(`decides alike (seed ${seed})`, function () {
        this.timeout(600_000);
        const random = new Random(seed);
        const lines: string[] = [];
        const wanted: string[] = [];
        const about: object[] = [];
        for (let count = 0; count < policies; count++) {
            const policy = randomPolicy(random, random.oneIn(10) ? 200 : undefined);
            const image = compilePolicy(policy, { generation: 1 + count, resolveUser });
            lines.push(JSON.stringify({ image: Buffer.from(image).toString("base64") }));
            wanted.push("image");
            about.push(policy);
            for (let each = 0; each < 4; each++) {
                const process = randomProcess(random);
                lines.push(processLine(process));
                for (let call = 0; call < 25; call++) {
                    const facts = randomCall(random, process);
                    lines.push(toLines(facts));
                    const decision = decide(policy, facts);
                    // What is not the default is never said to concern nobody.
                    wanted.push(expected(policy, decision, facts));
                    about.push({ policy, facts, decision });
                }
            }
        }
        const output = runNative("test_policy", ["--cases"], `${lines.join("\n")}\n`);
        const answers = output.trimEnd().split("\n");
        assert.equal(answers.length, wanted.length);
        for (const [index, answer] of answers.entries()) {
            const plain = answer.replace(/ [01]$/, "");
            if (plain !== wanted[index]) {
                assert.equal(plain, wanted[index], JSON.stringify(about[index]));
            }
        }
    });
});
