// Every verdict for every call that is decided, over both families, on a program of each bitness; and what Node makes of
// it. The table of docs/interception.md, run.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { applyPolicy } from "#lib/policy/apply.js";
import type { Action, Match, Policy, Rule } from "#lib/policy/model.js";
import { clearPolicy } from "#lib/policy/store.js";
import { expectCode, lastJson, programFile, run, temporaryFolder } from "./acceptance-support.js";
import type { Bits } from "./acceptance-support.js";
import { withProvider } from "./watch-support.js";

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
                kind: "redirect", otherwise: closed,
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
    rules: Object.keys(ports).filter((name) => !name.endsWith(" house")).map((name) => ruleOf(name, ports)),
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
const gateCalls = [
    "accept", "WSAAccept with a condition", "AcceptEx", "AcceptEx without update", "bind", "listen",
];

function expectedCells(): Record<string, string> {
    const cells: Record<string, string> = {};
    const add = (calls: readonly string[], verdicts: readonly string[]): void => {
        for (const [family, verdict, call] of families.flatMap((family) =>
            verdicts.flatMap((verdict) => calls.map((call) => [family, verdict, call] as const)))) {
            cells[`${call} ${family} ${verdict}`] = expected(call, verdict);
        }
    };
    const everything = ["allow", "observe", "deny", "redirect", "ask", "relay"];
    add(streamCalls, everything);
    add(datagramCalls, everything);
    add(gateCalls, ["allow", "observe", "deny", "ask"]);
    return cells;
}

/** Waits for a file that another process makes. */
async function fileOf(file: string): Promise<string> {
    while (!fs.existsSync(file)) {
        await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return fs.readFileSync(file, "utf8");
}

describe("policy: every verdict for every call", function () {
    this.timeout(180_000);
    withProvider();
    afterEach(() => clearPolicy());

    for (const bits of [64, 32] as const satisfies readonly Bits[]) {
        it(`a ${bits}-bit program gets what the rules say, and sees what it asked for`, async () => {
            const folder = fs.mkdtempSync(path.join(temporaryFolder(), "policy-"));
            const [ports, go] = [path.join(folder, "ports.json"), path.join(folder, "go")];
            const ended = run(programFile(bits, "policy_calls"), [ports, go]);
            await applyPolicy(policyOf(JSON.parse(await fileOf(ports)) as Ports));
            fs.writeFileSync(go, "");
            const done = await ended;
            expectCode(done, 0);
            assert.deepEqual(lastJson(done.stdout)["cells"], expectedCells());
        });
    }
});
