// Anyone's provider is taken out of a stack of strangers and ours, wherever it stands in it: the others go on as before,
// and nothing is left behind.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import * as path from "node:path";
import { readCatalog, recover, removeProvider, uninstall } from "winsock-spi";
import type { Plan } from "winsock-spi";
import { isOurGuid } from "#lib/provider/identity.js";
import { counts } from "../support/counts.js";
import { skipIfUnchangeable } from "../support/windows.js";
import {
    bitnesses,
    cli,
    cliFails,
    cliJson,
    expectCode,
    exportRegistry,
    keepCatalog,
    nodes,
    providerFile,
    rescueFile,
    run,
    setup,
    temporaryFolder,
} from "./acceptance-support.js";
import { type Layer, type Stranger, expectTraffic, installLayer, layersInPath } from "./strangers-support.js";

/** Bottom first, and who goes. */
const removals: readonly (readonly [stack: readonly Layer[], leaving: Stranger])[] = [
    [["all30", "ours", "twice"], "all30"],
    [["nonifs", "ours"], "nonifs"],
    [["all30", "ours", "twice"], "twice"],
    [["twice", "all30", "ours"], "all30"],
    [["all30", "nonifs", "ours"], "all30"],
    [["upcalls", "twice"], "upcalls"],
];

async function expectNoDangling(): Promise<void> {
    for (const entries of Object.values((await readCatalog()).protocols)) {
        const ids = new Set(entries.map(({ id }) => id));
        for (const { name, chain, kind } of entries.filter(({ kind: what }) => what === "layered")) {
            assert.deepEqual(
                chain.filter((id) => !ids.has(id)),
                [],
                `${name} (${kind})`,
            );
        }
    }
}

describe("removing anyone's provider", function () {
    this.timeout(600_000);
    before(function () {
        skipIfUnchangeable(this);
    });
    keepCatalog({ each: true });
    beforeEach(async () => {
        await uninstall({ leftovers: true }).catch(() => undefined);
    });

    for (const [stack, leaving] of counts.everyStacking === 1 ? removals : removals.slice(0, 1)) {
        it(`${leaving} out of ${stack.join(" under ")}`, async () => {
            const before = await exportRegistry();
            for (const layer of stack) {
                await installLayer(layer);
            }
            const done = await cliJson<{ changed: boolean; undo: string }>("uninstall", `${leaving}.dll`, "--yes");
            assert.equal(done.changed, true);
            assert.match(done.undo, /^winsock-spi restore "/);
            await expectNoDangling();
            const rest = stack.filter((layer) => layer !== leaving);
            for (const bits of bitnesses) {
                assert.deepEqual((await layersInPath(bits)).sort(), [...rest].sort());
                await expectTraffic(bits, [...rest].reverse());
            }
            for (const layer of [...rest].reverse()) {
                if (layer === "ours") {
                    await uninstall();
                } else {
                    await removeProvider({ providers: [`${layer}.dll`] });
                }
            }
            assert.equal(await exportRegistry(), before);
        });
    }

    it("by GUID and by id, out of one catalog only, with a plan first", async () => {
        await installLayer("all30");
        const installed = await exportRegistry();
        const hidden = (bits: "64" | "32", entries = readCatalog()) =>
            entries.then(({ protocols }) => protocols[bits]?.find(({ kind }) => kind === "hidden"));
        const { id, providerId } = (await hidden("64"))!;
        const dry = await cliJson<{ changed: boolean; plan: Plan }>("uninstall", providerId, "--dry-run");
        assert.ok(dry.plan.steps.length >= 2 && dry.plan.steps.every((step) => step.do === "deinstall-provider"));
        assert.equal(await exportRegistry(), installed);
        for (const [wanted, code] of [
            ["nobody's", "ERR_UNKNOWN_PROVIDER"],
            [1001, "ERR_BASE_PROVIDER"],
        ] as const) {
            await assert.rejects(removeProvider({ providers: [wanted] }), { code });
        }
        await cliFails(["uninstall", "--delete-dll", "--yes"], "ERR_USAGE", 64);
        assert.equal(await exportRegistry(), installed);
        await removeProvider({ providers: [id], catalog: "64" });
        assert.equal(await hidden("64"), undefined);
        assert.ok((await hidden("32")) !== undefined);
        await removeProvider({ providers: [providerId] });
        assert.equal(await hidden("32"), undefined);
    });

    if (counts.everyStacking === 1) {
        // the quick run has broken-machine.test.ts for it
        it("by rescue, which leads others past it too, and leaves base providers and unknown names alone", async () => {
            const rescue = (...args: readonly string[]) => run(rescueFile(64), ["remove", ...args]);
            const hiddenOf = async (layer: Stranger): Promise<string> => {
                const entries = (await readCatalog()).protocols["64"] ?? [];
                const hidden = entries.find(
                    (entry) => entry.kind === "hidden" && entry.path.toLowerCase().endsWith(`${layer}.dll`),
                );
                assert.ok(hidden !== undefined);
                return hidden.providerId;
            };
            await installLayer("all30");
            const before = await exportRegistry();
            await installLayer("twice");
            const stacked = await exportRegistry();
            for (const [wanted, code] of [
                ["1001", "ERR_BASE_PROVIDER"],
                ["nobody", "ERR_UNKNOWN_PROVIDER"],
            ] as const) {
                const refused = await rescue(wanted);
                expectCode(refused, 2);
                assert.ok(refused.stdout.includes(code) || refused.stdout.includes(wanted), refused.stdout);
            }
            assert.equal(await exportRegistry(), stacked);
            expectCode(await rescue(await hiddenOf("twice")), 0);
            assert.equal(await exportRegistry(), before);
            await installLayer("twice");
            expectCode(await rescue(await hiddenOf("all30")), 0);
            await expectNoDangling();
            for (const bits of bitnesses) {
                assert.deepEqual(
                    await layersInPath(bits),
                    (await layersInPath(bits)).filter((layer) => layer === "twice"),
                );
                await expectTraffic(bits, ["twice"]);
            }
        });
    }

    it("ours is not taken out so, since more belongs to it", async () => {
        await installLayer("ours");
        await assert.rejects(removeProvider({ providers: ["winsock-spi"] }), { code: "ERR_OUR_PROVIDER" });
        assert.ok((await readCatalog()).protocols["64"]?.some(({ providerId }) => isOurGuid(providerId)));
    });

    it("its DLL goes when asked for, renamed at once if a program has it, deleted when that has ended", async () => {
        const before = await exportRegistry();
        const files: string[] = [];
        const folder = fs.mkdtempSync(path.join(temporaryFolder(), "dlls-"));
        for (const bits of bitnesses) {
            const file = path.join(folder, `in use ${bits}.dll`);
            fs.copyFileSync(providerFile(bits, "second_provider.dll"), file);
            await setup(bits, "install", file);
            files.push(file);
        }
        const script =
            "require('net').createServer().listen(0, '127.0.0.1', () => console.log('ready')); process.stdin.on('close', () => process.exit(0)).resume()";
        const holder = spawn(nodes["node"]!, ["-e", script], { stdio: ["pipe", "pipe", "inherit"] });
        const ended = once(holder, "close");
        try {
            await once(holder.stdout, "data");
            expectCode(await cli(["uninstall", path.basename(files[0]!), "--delete-dll", "--yes"]), 0);
            assert.deepEqual(
                files.map((file) => fs.existsSync(file)),
                [false, false],
            );
            assert.equal(holder.exitCode, null, "who had it loaded goes on");
        } finally {
            holder.stdin.end();
            await ended;
        }
        await recover();
        assert.deepEqual(fs.readdirSync(folder), []);
        assert.equal(await exportRegistry(), before);
        expectCode(
            await run(nodes["node"]!, ["-e", "require('net').createServer().listen(0, () => process.exit(0))"]),
            0,
        );
    });
});
