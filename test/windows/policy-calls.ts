// Every verdict for every call that is decided, over both families, on a program of each bitness: the table of
// docs/interception.md, run.
import assert from "node:assert/strict";
import type { CallRecord } from "#lib/hooks/records.js";
import { applyPolicy } from "#lib/policy/apply.js";
import type { Action, Match, Policy, Rule } from "#lib/policy/model.js";
import { clearPolicy } from "#lib/policy/store.js";
import { bitnesses } from "./acceptance-support.js";
import { deny, end, redirect, rule, runUnderPolicy } from "./policy-support.js";
import { collect, startNode } from "./watch-support.js";

type Family = "ipv4" | "ipv6";
type Ports = Readonly<Record<string, number>>;

const families: readonly Family[] = ["ipv4", "ipv6"];
const loopback = { ipv4: "127.0.0.1", ipv6: "::1" } as const;
const closed = { kind: "deny", error: "WSAENETUNREACH" } as const;

/** What each door's rule says. ask and relay find no controller: their `otherwise` is what is done. */
function actionOf(verdict: string, ports: Ports, kind: string, family: Family): Action {
    switch (verdict) {
        case "allow":
        case "observe":
            return { kind: verdict };
        case "deny":
            return { kind: "deny", error: "WSAEACCES" };
        case "redirect":
            return {
                kind: "redirect",
                otherwise: closed,
                to: [{ address: loopback[family], port: ports[`${kind} ${family} house`]! }],
            };
        case "ask":
            return { kind: "ask", timeout: 1000, otherwise: closed };
        default:
            return { kind: "relay", delay: 1, otherwise: closed };
    }
}

function ruleOf(name: string, ports: Ports): Rule {
    const [kind, family, verdict] = name.split(" ") as [string, Family, string];
    const range = { first: loopback[family], last: loopback[family] };
    const door = [{ range, ports: [{ first: ports[name]!, last: ports[name]! }] }];
    const match: Match =
        kind === "gate"
            ? { call: ["accept", "bind", "listen"], local: door }
            : { call: ["connect", "sendto"], protocol: [kind as "tcp" | "udp"], to: door };
    return { name, match: { program: ["policy_calls.exe"], ...match }, then: actionOf(verdict, ports, kind, family) };
}

const policyOf = (ports: Ports): Policy => ({
    version: 1,
    default: { kind: "allow" },
    rules: Object.keys(ports)
        .filter((name) => !name.endsWith(" house"))
        .map((name) => ruleOf(name, ports)),
});

/** What is to become of a call. `refused`: what a call that asks nobody tells of a connection that was refused. */
function expected(call: string, verdict: string): string {
    const open = verdict === "allow" || verdict === "observe";
    switch (call) {
        case "accept": // refused connections are dropped, and the accept goes on to the next, of which there is none
            return open ? "door" : "10035";
        case "WSAAccept with a condition":
            return open ? "door" : "10061";
        case "AcceptEx without update":
            return open ? "door" : "10054";
        case "bind": // another socket is there already
            return open ? "10048" : verdict === "deny" ? "10013" : "10051";
        default:
            return open ? "door" : verdict === "redirect" ? "house" : verdict === "deny" ? "10013" : "10051";
    }
}

const streamCalls = ["connect", "non-blocking connect", "ConnectEx"];
const datagramCalls = ["sendto", "WSASendMsg", "connect and send"];
const gateCalls = ["accept", "WSAAccept with a condition", "AcceptEx", "AcceptEx without update", "bind", "listen"];

function expectedCells(): Record<string, string> {
    const cells: Record<string, string> = {};
    const add = (calls: readonly string[], verdicts: readonly string[]): void => {
        for (const [family, verdict, call] of families.flatMap((family) =>
            verdicts.flatMap((verdict) => calls.map((call) => [family, verdict, call] as const)),
        )) {
            cells[`${call} ${family} ${verdict}`] = expected(call, verdict);
        }
    };
    const everything = ["allow", "observe", "deny", "redirect", "ask", "relay"];
    add(streamCalls, everything);
    add(datagramCalls, everything);
    add(gateCalls, ["allow", "observe", "deny", "ask"]);
    return cells;
}

export function callTests(): void {
    describe("policy: every verdict for every call", function () {
        this.timeout(180_000);
        afterEach(() => clearPolicy());

        for (const bits of bitnesses) {
            it(`a ${bits}-bit program gets what the rules say, and sees what it asked for`, async () => {
                const cells = await runUnderPolicy(bits, "policy_calls", policyOf);
                assert.deepEqual(cells, expectedCells());
            });
        }

        it("the edges: mapped addresses, datagrams that cannot be redirected, older sockets and accepts", async () => {
            const cells = await runUnderPolicy(64, "policy_edges", (ports) => {
                const program = ["policy_edges.exe"];
                const to = (name: string): Match => ({
                    program,
                    call: ["connect", "sendto"],
                    to: end("127.0.0.1", ports[name]),
                });
                return {
                    version: 1,
                    default: { kind: "allow" },
                    rules: [
                        ...["door", "second"].flatMap((name) =>
                            (["tcp", "udp"] as const).map((protocol) =>
                                rule(
                                    `${name} ${protocol}`,
                                    { ...to(name), protocol: [protocol] },
                                    redirect("127.0.0.1", ports[`${protocol} house`]!),
                                ),
                            ),
                        ),
                        rule("no", to("deny"), deny("WSAEACCES")),
                        rule(
                            "gate",
                            { program, call: ["accept"], local: end("127.0.0.1", ports["gate"]) },
                            deny("WSAEACCES"),
                        ),
                        rule("group", { program, to: end("224.0.1.187") }, deny("WSAEADDRNOTAVAIL")),
                    ],
                };
            });
            const shown = "house, shown as the door";
            assert.deepEqual(cells, {
                "a mapped address is redirected": shown,
                "a mapped address is denied": "10013",
                "a datagram socket older than the policy": "10051",
                "a datagram socket with an overlapped receive": "10051",
                "two originals of one target": `${shown}; 10051; ${shown}; ${shown}`,
                "a datagram socket connected anew": "itself itself ",
                "an overlapped datagram": "house",
                "joining a group": "10049",
                "a bad pointer": "10014",
                "an accept that waits since before": "went on",
            });
        });

        it("records say verdict and rule", async () => {
            const { collected } = collect();
            const node = await startNode(`
                const connect = (host) =>
                    require("net").connect(1, host).on("error", ({ code }) => say(host + " " + code));
                process.stdin.on("data", () => ["127.0.0.2", "127.0.0.3", "127.0.0.4"].forEach(connect));`);
            await applyPolicy({
                version: 1,
                default: { kind: "allow" },
                rules: [
                    rule("first", { pid: [node.pid], to: end("127.0.0.2") }, { kind: "observe" }),
                    rule("second", { pid: [node.pid], to: end("127.0.0.3") }, deny("WSAEHOSTUNREACH")),
                ],
            });
            const lines = [await node.ask("go"), await node.line(), await node.line()].sort();
            assert.deepEqual(lines, ["127.0.0.2 ECONNREFUSED", "127.0.0.3 EHOSTUNREACH", "127.0.0.4 ECONNREFUSED"]);
            const connects = (): CallRecord[] =>
                collected.of(node.pid).filter(({ call }) => call === "ConnectEx") as CallRecord[];
            await collected.until(() => connects().length === 3);
            const decided = (remote: string): unknown[] => {
                const { verdict, rule, error } = connects().find((record) => record.remote === `${remote}:1`)!;
                return [verdict, rule, error];
            };
            assert.deepEqual(decided("127.0.0.2"), ["observe", "first", undefined], "how it ends comes past us");
            assert.deepEqual(decided("127.0.0.3"), ["deny", "second", "WSAEHOSTUNREACH"]);
            assert.equal(decided("127.0.0.4")[0], "allow", "by the policy's default");
        });
    });
}
