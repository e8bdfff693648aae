// A policy that must not be got round: whatever is damaged, deleted or kept from being read, nothing of a new process
// gets out, and this machine stays reachable for itself.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { applyPolicy } from "#lib/policy/apply.js";
import { clearPolicy } from "#lib/policy/store.js";
import { bitnesses, program } from "./acceptance-support.js";
import type { Bits } from "./acceptance-support.js";
import { closed, policyOf, rule } from "./policy-support.js";
import { dataFolder } from "./watch-support.js";

/** Its rule concerns nobody; what is said of it is that it must not be got round. */
const policy = policyOf(
    rule(
        "proxy or nothing",
        { program: ["nobody.exe"] },
        {
            kind: "relay",
            proxy: [{ kind: "socks5", host: "127.0.0.1", port: 1080 }],
            otherwise: closed,
        },
    ),
    rule(
        "nothing out",
        { program: ["policy_out.exe"], to: [{ range: { first: "192.0.2.0", last: "192.0.2.255" } }] },
        { kind: "deny", error: "WSAEACCES" },
    ),
);

const inData = (name: string): string => path.join(dataFolder(), name);
const control = (): string => inData("control.bin");
/** The image in force and the one before. Older ones may be there as long as some process has them mapped. */
const images = (): string[] => {
    const numbers = fs.readFileSync(control());
    return [8, 12].map((at) => inData(`policy-${numbers.readUInt32LE(at)}.bin`));
};

/** Writes into a file where it stands: one that is mapped cannot be replaced. */
function overwrite(file: string, at: number, bytes: Uint8Array): void {
    const opened = fs.openSync(file, "r+");
    fs.writeSync(opened, bytes, 0, bytes.length, at);
    fs.closeSync(opened);
}

/** Puts something else in the place of files, and everything back when the test ends. */
const moved: { from: string; to: string }[] = [];
function moveAway(files: readonly string[], { leaveFolder = false } = {}): void {
    for (const from of files) {
        const to = `${from}.away`;
        fs.renameSync(from, to);
        moved.push({ from, to });
        if (leaveFolder) {
            fs.mkdirSync(from); // nobody can open that as a file: access is denied
        }
    }
}
function moveBack(): void {
    for (const { from, to } of moved.splice(0)) {
        fs.rmSync(from, { recursive: true, force: true });
        fs.renameSync(to, from);
    }
}

const every = (error: string): Record<string, string> => ({
    connect: error,
    ConnectEx: error,
    sendto: error,
    "connect datagrams": error,
});

async function assertClosed(bits: Bits): Promise<void> {
    const summary = await program(bits, "policy_out");
    assert.equal(summary["ok"], true, JSON.stringify(summary));
    assert.deepEqual(summary["out ipv4"], every("10050"));
    assert.deepEqual(summary["out ipv6"], every("10050"));
    assert.deepEqual([summary["here ipv4"], summary["here ipv6"]], ["begun", "begun"]);
}

export function closedTests(): void {
    describe("policy: nothing gets round it", function () {
        this.timeout(180_000);
        let before: Buffer;
        beforeEach(async () => {
            await applyPolicy(policy);
            await applyPolicy(policy);
            assert.ok(
                images().every((file) => fs.existsSync(file)),
                "the policy before is kept",
            );
            before = fs.readFileSync(control());
            assert.notEqual(before.readUInt32LE(16), 0, "fail-closed");
        });
        afterEach(async () => {
            moveBack();
            overwrite(control(), 0, before);
            await clearPolicy();
        });

        const damages: readonly (readonly [string, () => void])[] = [
            ["both images damaged", () => images().forEach((file) => overwrite(file, 100, Buffer.alloc(64, 0xa5)))],
            ["both images deleted", () => moveAway(images())],
            ["no right to read the images", () => moveAway(images(), { leaveFolder: true })],
            ["control.bin overwritten with zeros", () => overwrite(control(), 0, Buffer.alloc(4096))],
            ["control.bin without its numbers", () => overwrite(control(), 8, Buffer.alloc(32))],
            ["control.bin with numbers of no policy", () => overwrite(control(), 8, Buffer.alloc(8, 0x77))],
            ["control.bin deleted", () => moveAway([control()])],
            ["no right to read control.bin", () => moveAway([control()], { leaveFolder: true })],
        ];
        for (const [index, [what, damage]] of damages.entries()) {
            it(`${what}: a new process has WSAENETDOWN, and itself`, async () => {
                damage();
                await assertClosed(bitnesses[index % 2]!);
            });
        }

        it("the image damaged: the policy before decides", async () => {
            overwrite(images()[0]!, 100, Buffer.alloc(64, 0xa5));
            const summary = await program(64, "policy_out");
            assert.deepEqual(summary["out ipv4"], every("10013"));
        });

        it("a policy that says open: what cannot be decided goes on", async () => {
            await applyPolicy(policyOf(policy.rules[1]!));
            await applyPolicy(policyOf(policy.rules[1]!));
            before = fs.readFileSync(control());
            assert.equal(before.readUInt32LE(16), 0, "not fail-closed");
            assert.deepEqual((await program(64, "policy_out"))["out ipv4"], every("10013"));
            moveAway(images());
            const summary = await program(64, "policy_out");
            for (const answer of Object.values(summary["out ipv4"] as Record<string, string>)) {
                assert.ok(answer !== "10013" && answer !== "10050", answer);
            }
        });
    });
}
