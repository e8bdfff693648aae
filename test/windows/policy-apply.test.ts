// Putting a policy in force: what is written where and for whom, that it survives a kill at any write, and that it goes
// without a trace. What providers make of it is tested elsewhere: the images here are bytes.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { WinsockError, uninstall } from "winsock-spi";
import { native } from "#lib/native.js";
import { recover } from "#lib/plan/execute.js";
import type { Policy } from "#lib/policy/model.js";
import { clearPolicy, formatStored, publishImage, readPolicy, withStore } from "#lib/policy/store.js";
import { install } from "#lib/provider/install.js";
import { counts } from "../support/counts.js";
import { expectCode, rescueFile, run } from "./acceptance-support.js";
import { gated } from "./gate.js";
import { commandTests } from "./policy-commands.js";
import { dataFolder, withProvider } from "./watch-support.js";

const policy = (name: string): Policy => ({
    version: 1,
    default: { kind: "allow" },
    rules: [{ name, match: {}, then: { kind: "deny", error: "WSAEACCES" } }],
});

/** Puts bytes in force as an image; its generation. */
function publish(name: string, failClosed = false, gate?: string): number {
    return withStore(
        (store) =>
            publishImage(store, {
                base: policy(name),
                runs: [],
                source: `C:\\${name}.yaml`,
                image: (generation) => ({ bytes: Buffer.from(`image ${generation} ${name}`), failClosed }),
            }),
        gate,
    );
}

const files = (): string[] =>
    fs
        .readdirSync(dataFolder())
        .filter((name) => name.startsWith("policy-"))
        .sort();
const control = (): Buffer => fs.readFileSync(path.join(dataFolder(), "control.bin"));

function code(expected: string): { name: string; code: string } {
    return { name: "WinsockError", code: expected };
}

describe("policy: applying", function () {
    this.timeout(120_000);
    withProvider();
    commandTests();
    afterEach(() => clearPolicy());

    it("writes image, text and numbers, and keeps the policy before", async () => {
        const first = publish("first");
        const second = publish("second");
        assert.equal(second, first + 1);
        const third = publish("third");
        assert.deepEqual(
            files(),
            [second, third].flatMap((number) => [`policy-${number}.bin`, `policy-${number}.json`]),
        );
        assert.equal(fs.readFileSync(path.join(dataFolder(), `policy-${third}.bin`), "utf8"), `image ${third} third`);
        assert.equal(control().readUInt32LE(8), third);
        assert.equal(control().readUInt32LE(12), second);
        const inForce = await readPolicy();
        assert.equal(inForce.generation, third);
        assert.deepEqual(inForce.policy, policy("third"));
        assert.equal(inForce.source, "C:\\third.yaml");
        assert.equal(inForce.controller, undefined);
    });

    it("says fail-closed in control.bin and in the registry, and takes it back in both", async () => {
        const state = (): [boolean, boolean] => {
            const { failClosed, registryFailClosed } = native().readPolicyState();
            return [failClosed, registryFailClosed];
        };
        publish("closed", true);
        assert.deepEqual(state(), [true, true]);
        publish("open");
        assert.deepEqual(state(), [false, false]);
        publish("closed", true);
        await clearPolicy();
        assert.deepEqual(state(), [false, false]);
    });

    it("gives no number twice, whatever was cleared or deleted", async () => {
        const first = publish("first");
        assert.equal(await clearPolicy(), first);
        assert.deepEqual(files(), []);
        assert.equal((await readPolicy()).generation, 0);
        assert.equal(publish("second"), first + 1);
    });

    it("lets everyone read the image, only administrators and SYSTEM the text, and only those write", () => {
        const { image, text, key } = native().readPolicySecurity(publish("first"));
        const everyone = ["BU", "AC", "S-1-15-2-2"];
        const entries = (sddl: string): string[][] =>
            [...sddl.matchAll(/\(([^)]*)\)/g)].map(([, ace]) => ace!.split(";"));
        assert.match(key, /^O:BA.*D:P/);
        assert.deepEqual(
            entries(key)
                .map((ace) => ace[5])
                .sort(),
            ["AC", "BA", "BU", "S-1-15-2-2", "SY"],
        );
        // Wine keeps of a file's descriptor what Unix permissions can say, and the owner is who made it.
        const { wine } = native().machine();
        const trusted = ["BA", "SY", ...(wine ? [native().ownUser()] : [])];
        for (const sddl of [image, text]) {
            assert.ok(wine || /^O:BAD:P/.test(sddl), sddl);
        }
        assert.deepEqual(
            entries(text).filter((ace) => !trusted.includes(ace[5]!)),
            [],
        );
        const others = [...entries(image), ...entries(key)].filter((ace) => !trusted.includes(ace[5]!));
        assert.ok(others.length >= everyone.length + (wine ? 0 : everyone.length));
        for (const [kind, , rights, , , who] of others) {
            assert.equal(kind, "A");
            assert.ok(
                ["0x120089", "FR", "0x1200a9", "KR", "0x20019"].includes(rights!),
                `${who} may only read: ${rights}`,
            );
        }
    });

    it("clears what is left where control.bin is damaged, and says so", async () => {
        publish("closed", true);
        const file = path.join(dataFolder(), "control.bin");
        const good = control();
        const handle = fs.openSync(file, "r+");
        try {
            fs.writeSync(handle, Buffer.alloc(8), 0, 8, 0);
            await assert.rejects(readPolicy(), code("ERR_CONTROL_DAMAGED"));
            assert.throws(() => publish("other"), code("ERR_CONTROL_DAMAGED"));
            assert.equal(native().readPolicyState().registryFailClosed, true);
            await assert.rejects(clearPolicy(), code("ERR_CONTROL_DAMAGED"));
            assert.equal(native().readPolicyState().registryFailClosed, false);
            assert.deepEqual(files(), []);
        } finally {
            fs.writeSync(handle, good, 0, 8, 0);
            fs.closeSync(handle);
        }
    });

    it("refuses a text that it did not write", async () => {
        const generation = publish("first");
        fs.writeFileSync(path.join(dataFolder(), `policy-${generation}.json`), "{");
        await assert.rejects(readPolicy(), code("ERR_POLICY_DAMAGED"));
    });

    it("nothing is written where a write fails: the policy before stays", async () => {
        const first = publish("first");
        assert.throws(
            () =>
                withStore((store) =>
                    publishImage(store, {
                        base: undefined,
                        runs: [],
                        image: () => {
                            throw new WinsockError("no image", { code: "ERR_TEST" });
                        },
                    }),
                ),
            code("ERR_TEST"),
        );
        // Somebody took the name of the image.
        fs.writeFileSync(path.join(dataFolder(), `policy-${first + 2}.bin`), "");
        const next = publish("next");
        assert.ok(next > first + 2);
        assert.equal((await readPolicy()).generation, next);
    });

    it("a kill at any write leaves the policy before or the new one, whole", async () => {
        const text = formatStored({ base: policy("new"), runs: [] });
        for (const argument of [{ failClosed: true, text }, { failClosed: false, text }, { clear: true }]) {
            const before = publish("before", argument.failClosed !== true);
            const { writes } = await gated<number>("changePolicy", argument);
            const points = Math.min(writes, counts.killPointsOfPolicy);
            for (let point = 0; point < points; point++) {
                const killAt = 1 + Math.floor((point * writes) / points);
                const old = publish("before", argument.failClosed !== true);
                assert.ok(old > before);
                await gated("changePolicy", argument, { killAt, during: point % 2 === 1 });
                const what = `${JSON.stringify(argument).slice(0, 30)}, killed at write ${killAt}`;
                const { generation, failClosed, registryFailClosed } = native().readPolicyState();
                if (generation !== 0) {
                    const stored = (await readPolicy()).policy!.rules[0]!.name;
                    assert.equal(stored, generation === old ? "before" : "new", what);
                    assert.ok(files().includes(`policy-${generation}.bin`), what);
                    const closed = generation === old ? argument.failClosed !== true : argument.failClosed === true;
                    assert.ok(!closed || (failClosed && registryFailClosed), `${what}: what is closed stays closed`);
                } else {
                    assert.equal(argument.clear, true, what);
                }
                const next = publish("next");
                assert.ok(next > generation, what);
                assert.deepEqual(
                    files().filter((name) => name.endsWith(".bin")).length,
                    generation === 0 ? 1 : 2,
                    what,
                );
            }
        }
    });

    it("uninstall takes it along; --confirm-within brings it back", async () => {
        const generation = publish("closed", true);
        await uninstall({ confirmWithin: 60_000 });
        assert.equal(native().readPolicyState().registryFailClosed, false);
        await native().rollBackChange();
        await recover();
        assert.equal((await readPolicy()).generation, generation);
        assert.equal(native().readPolicyState().registryFailClosed, true);
        await uninstall();
        assert.deepEqual(files(), []);
        assert.equal(native().hasPolicyTraces(), false);
        await assert.rejects(readPolicy(), code("ERR_NOT_INSTALLED"));
        await install();
    });

    it("so does rescue, which needs no Node", async () => {
        publish("closed", true);
        expectCode(await run(rescueFile(64), ["remove"]), 0);
        const { generation, failClosed, registryFailClosed } = native().readPolicyState();
        assert.deepEqual([generation, failClosed, registryFailClosed], [0, false, false]);
        assert.deepEqual(files(), []);
        assert.equal(native().hasPolicyTraces(), false);
        await install();
    });
});
