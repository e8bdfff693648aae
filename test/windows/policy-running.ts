// Policies and processes that run: each change holds at once, under load every connect is decided by one policy, and
// the conditions about a process are about that process.
import assert from "node:assert/strict";
import * as os from "node:os";
import * as path from "node:path";
import { native } from "#lib/native.js";
import { applyPolicy } from "#lib/policy/apply.js";
import { clearPolicy } from "#lib/policy/store.js";
import type { Match, Policy } from "#lib/policy/model.js";
import { counts } from "../support/counts.js";
import { Actor, deny, end, house, policyOf, redirect, rule } from "./policy-support.js";

const door = 1; // nobody listens there

export function runningTests(): void {
    describe("policy: processes that run", function () {
        this.timeout(600_000);
        afterEach(() => clearPolicy());

        it("decide every connect by the policy of that moment, wholly", async () => {
            const actor = await Actor.start(`
                const seen = {};
                let running = 0;
                const load = async ({ connects, host, port }) => {
                    let left = connects;
                    const one = async () => {
                        while (left-- > 0) {
                            const answer = await connect(port, host).then(({ text }) => text, ({ code }) => code);
                            seen[answer] = (seen[answer] ?? 0) + 1;
                        }
                    };
                    await Promise.all(Array.from({ length: 8 }, one));
                    return seen;
                };
                const act = (question) => question.connects ? load(question)
                    : connect(question.port, question.host).then(({ text }) => text);`);
            const match: Match = { pid: [actor.pid], to: end("127.0.0.1", door) };
            const first = await house("127.0.0.1", "first house");
            const second = await house("127.0.0.1", "second house");
            const policies: readonly (readonly [Policy, string])[] = [
                [policyOf(rule("a", match, redirect("127.0.0.1", first))), "first house"],
                [
                    policyOf(rule("b", match, deny("WSAEACCES")), rule("a", match, redirect("127.0.0.1", first))),
                    "EACCES",
                ],
                [
                    policyOf(rule("c", match, redirect("127.0.0.1", second)), rule("b", match, deny("WSAEACCES"))),
                    "second house",
                ],
                [policyOf(rule("d", match, deny("WSAENETUNREACH"))), "ENETUNREACH"],
            ];
            for (const [policy, answer] of policies) {
                await applyPolicy(policy);
                assert.equal(await actor.ask({ port: door, host: "127.0.0.1" }), answer, "a change holds at once");
            }

            let loaded: Record<string, number> | undefined;
            const ended = actor.ask({ connects: counts.policyConnects, port: door, host: "127.0.0.1" }).then((seen) => {
                loaded = seen as Record<string, number>;
            });
            let changes = 0;
            for (; changes < counts.policyChanges || loaded === undefined; changes++) {
                await applyPolicy(policies[changes % policies.length]![0]);
                await new Promise((resolve) => setImmediate(resolve));
            }
            await ended;
            const answers = policies.map(([, answer]) => answer);
            assert.deepEqual(
                Object.keys(loaded ?? {}).filter((answer) => !answers.includes(answer)),
                [],
            );
            assert.equal(
                Object.values(loaded ?? {}).reduce((sum, count) => sum + count, 0),
                counts.policyConnects,
            );
            console.log(`      ${changes} changes: ${JSON.stringify(loaded)}`);

            await clearPolicy();
            assert.equal(await actor.ask({ port: door, host: "127.0.0.1" }), "ECONNREFUSED", "no policy any more");
        });

        it("are told apart by program, command line, pid, tree, user, module and time", async () => {
            const marker = "a-marker";
            const actor = await Actor.start("const act = ({ port, host }) => connect(port, host);", marker);
            const user = native().findUser(os.userInfo().username);
            const week = { first: 0, last: 10_079 };
            const now = new Date();
            const minute = (((now.getDay() + 6) % 7) * 24 + now.getHours()) * 60 + now.getMinutes();
            const far = (minute + 5000) % 10_000;
            const conditions: readonly (readonly [Match, boolean])[] = [
                [{ program: ["node.exe"] }, true],
                [{ program: [process.execPath.toUpperCase()] }, true],
                [{ program: ["*\\other.exe"] }, false],
                [{ commandLine: [`*${marker}*`] }, true],
                [{ commandLine: ["*another-marker*"] }, false],
                [{ pid: [actor.pid] }, true],
                [{ pid: [process.pid] }, false],
                [{ tree: [process.pid] }, true],
                [{ tree: [actor.pid] }, true],
                [{ tree: [path.win32.basename(process.execPath)] }, true],
                [{ tree: [4_000_000_000] }, false],
                [{ tree: [{ job: "Local\\winsock-spi-no-such-job" }] }, false],
                [{ user: [user] }, true],
                [{ user: ["S-1-5-32-546"] }, false],
                [{ module: ["node.exe"] }, true],
                [{ module: ["other.dll"] }, false],
                [{ time: [week] }, true],
                [{ time: [{ first: far, last: far + 1 }] }, false],
            ];
            const denied = deny("WSAEACCES");
            await applyPolicy(
                policyOf(
                    ...conditions.map(([match], index) =>
                        rule(
                            `condition ${index}`,
                            { pid: [actor.pid], ...match, to: end(`127.0.1.${index + 1}`) },
                            denied,
                        ),
                    ),
                ),
            );
            for (const [index, [match, holds]] of conditions.entries()) {
                const answer = await actor.ask({ port: door, host: `127.0.1.${index + 1}` });
                assert.equal(answer, holds ? "EACCES" : "ECONNREFUSED", JSON.stringify(match));
            }
        });
    });
}
