// Changes that undo themselves unless they are confirmed: the guard, the deadline, those who come meanwhile, and kills
// of every process that has a part in it.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { backup, confirm, install, pendingChange, recover, restore, rollBack, uninstall } from "winsock-spi";
import { type RecoveryResult, native } from "#lib/native.js";
import { counts } from "../support/counts.js";
import { skipIfUnchangeable } from "../support/windows.js";
import {
    cli,
    cliFails,
    cliJson,
    expectCode,
    keepCatalog,
    rescueFile,
    run,
    temporaryFolder,
} from "./acceptance-support.js";
import { catalogState, data, execute, files, points, programs, recover as settle } from "./executor-support.js";
import { gated } from "./gate.js";

const guardFolder = path.join(data, "guard");
const hour = 3_600_000;

/** Waits until the guard has done its work and has gone; it tells nobody. */
async function guardGone(): Promise<void> {
    const end = Date.now() + 120_000;
    for (;;) {
        const gone = pendingChange() === undefined && (await run("sc.exe", ["query", "winsock-spi-rescue"])).code !== 0;
        if (gone) {
            break;
        }
        assert.ok(Date.now() < end, `the guard goes: ${JSON.stringify(pendingChange())}`);
        await pause(100);
    }
    // A program cannot delete itself: whoever comes next does it, once its process has ended.
    await recover();
    while (fs.existsSync(guardFolder)) {
        assert.ok(Date.now() < end, "its files go too");
        await pause(50);
        await recover();
    }
}

const present = (): { state: unknown; files: string[] } => ({ state: catalogState(), files: files() });

describe("confirm", function () {
    this.timeout(900_000);
    before(function () {
        skipIfUnchangeable(this);
    });
    keepCatalog({ each: false });

    const code = (error: unknown): string | undefined => (error as { code?: string }).code;
    const begone = async (): Promise<void> => {
        if (pendingChange()?.state === "unconfirmed") {
            await rollBack();
        }
        await recover();
        await guardGone();
        await uninstall({ leftovers: true }).catch((error: unknown) => assert.equal(code(error), "ERR_NOT_INSTALLED"));
    };
    beforeEach(begone);
    after(begone);

    it("a change that is not confirmed is undone when its time is over", async () => {
        const before = present();
        const { unconfirmedUntil, plan } = await install({ confirmWithin: 2000 });
        assert.equal(plan.confirm?.within, 2000);
        assert.ok(Math.abs(Date.parse(unconfirmedUntil ?? "") - Date.now()) < 60_000, unconfirmedUntil);
        await guardGone();
        assert.deepEqual(present(), before);
    });

    it("a change that is confirmed stays, and nothing of the guard is left", async () => {
        const before = present();
        await install({ confirmWithin: hour });
        assert.equal(pendingChange()?.state, "unconfirmed");
        assert.deepEqual(await confirm(), { action: "confirmed", operation: "install" });
        assert.equal(pendingChange(), undefined);
        await guardGone();
        assert.notDeepEqual(present(), before);
        await assert.rejects(confirm(), { code: "ERR_NOTHING_UNCONFIRMED" });
        await assert.rejects(rollBack(), { code: "ERR_NOTHING_UNCONFIRMED" });

        await uninstall({ confirmWithin: hour });
        assert.ok(fs.existsSync(programs), "files stay until it is confirmed");
        const confirmed = await run(rescueFile(64), ["confirm"]);
        assert.equal(confirmed.code, 0, confirmed.stdout);
        await guardGone();
        assert.deepEqual(present(), before);
    });

    it("bars other changes, and says so wherever somebody looks", async () => {
        const file = path.join(temporaryFolder(), "before.json");
        await backup({ file });
        const before = present();
        expectCode(await cli(["install", "--yes", "--confirm-within", "1h"]), 0);
        const during = present();
        await assert.rejects(install(), { code: "ERR_UNCONFIRMED" });
        await assert.rejects(uninstall(), { code: "ERR_UNCONFIRMED" });
        await assert.rejects(restore(file), { code: "ERR_UNCONFIRMED" });
        const removed = await run(rescueFile(64), ["remove"]);
        assert.equal(removed.code, 2);
        assert.match(removed.stdout, /ERR_UNCONFIRMED.*winsock-spi confirm/s);
        const looked = await cli(["catalog"]);
        assert.match(looked.stderr, /waits to be confirmed until 20/);
        const left = await cliJson<{ action: string; until: string }>("recover");
        assert.equal(left.action, "unconfirmed");
        assert.ok(Date.parse(left.until) > Date.now());
        assert.match((await run(rescueFile(64), ["list"])).stdout, /waits to be confirmed until 20/);
        assert.match((await run(rescueFile(32), ["recover"])).stdout, /waits to be confirmed until 20/);
        assert.deepEqual(present(), during);

        const { action } = await cliJson<{ action: string }>("confirm", "--dry-run");
        assert.equal(action, "none");
        await cliFails(["confirm", "--rollback"], "ERR_CONFIRM");
        expectCode(await cli(["confirm", "--rollback", "--yes"]), 0);
        await guardGone();
        assert.deepEqual(present(), before);
    });

    it("refuses times that make no sense", async () => {
        for (const confirmWithin of [0, 999, 1.5, 604_800_001, Number.NaN]) {
            await assert.rejects(install({ confirmWithin, dryRun: true }), TypeError);
        }
        expectCode(await cli(["install", "--dry-run", "--confirm-within=soon"]), 64);
        const plan = { format: "winsock-spi-plan", version: 1, operation: "test", onFailure: "undo", steps: [] };
        for (const wrong of [{ within: 5 }, { within: 5000 }, { within: 5000, programs: {} }, {}]) {
            assert.throws(() => native().executePlan(JSON.stringify({ ...plan, confirm: wrong }), () => undefined), {
                code: "ERR_PLAN_INVALID",
            });
        }
    });

    it("a change whose process is killed in the middle is undone at once, though nobody comes", async () => {
        const { plan } = await install({ dryRun: true, confirmWithin: hour });
        const before = present();
        const { writes } = await execute(plan);
        await rollBack();
        await guardGone();
        assert.deepEqual(present(), before);
        assert.ok((await execute(plan, { killAt: Math.round(writes / 2) })).killed);
        await guardGone();
        assert.deepEqual(present(), before);
    });

    describe("killed at a write of", () => {
        const tally = { tried: 0, losses: 0 };
        after(() => console.log(`      ${tally.tried} kill points tried, ${tally.losses} losses`));

        /** Whatever was killed, and whoever comes then: it is as before. */
        async function expectBefore(before: unknown): Promise<void> {
            if (pendingChange()?.state === "unconfirmed") {
                await rollBack();
            }
            await settle(false).catch(async () => settle(false)); // the guard may have come first
            await guardGone();
            try {
                assert.deepEqual(present(), before);
            } catch (error) {
                tally.losses++;
                throw error;
            }
        }

        it("a change to be confirmed, everything is as before", async () => {
            const { plan } = await install({ dryRun: true, confirmWithin: hour });
            const before = present();
            const whole = await execute(plan);
            assert.equal(whole.result?.error, undefined);
            assert.equal(whole.writes, whole.result?.writes);
            await expectBefore(before);
            for (const killAt of points(whole.writes, counts.killPointsOfConfirmation)) {
                tally.tried++;
                await execute(plan, { killAt });
                await expectBefore(before);
            }
        });

        for (const call of ["confirmChange", "rollBackChange"] as const) {
            it(`${call}, everything is as before or as after`, async () => {
                const { plan } = await install({ dryRun: true, confirmWithin: hour });
                const before = present();
                const begin = async (): Promise<void> => {
                    const { result } = await execute(plan);
                    assert.equal(result?.error, undefined);
                    assert.ok(result?.until !== undefined);
                };
                await begin();
                const whole = await gated<RecoveryResult>(call, undefined);
                assert.equal(whole.writes, whole.result?.writes);
                await guardGone();
                const after = files();
                await begone();
                for (const killAt of points(whole.writes, counts.killPointsOfConfirmation)) {
                    tally.tried++;
                    await begin();
                    await gated<RecoveryResult>(call, undefined, { killAt });
                    // Unconfirmed still, or decided and to be finished by whoever comes.
                    if (pendingChange()?.state === "unconfirmed") {
                        await gated<RecoveryResult>(call, undefined);
                    }
                    await recover();
                    await guardGone();
                    if (call === "rollBackChange") {
                        await expectBefore(before);
                    } else {
                        assert.deepEqual(files(), after);
                        await begone();
                        assert.deepEqual(present(), before);
                    }
                }
            });
        }
    });
});
