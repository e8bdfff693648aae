// The journalled steps about categories and namespace providers: killed at any write, everything is as before or as after.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import { readCatalog, uninstall } from "winsock-spi";
import { type RegistryKey, native } from "#lib/native.js";
import { counts } from "../support/counts.js";
import { skipIfUnchangeable } from "../support/windows.js";
import { keepCatalog, programFile } from "./acceptance-support.js";
import { execute, journal, plan, recover } from "./executor-support.js";
import { installLayer } from "./strangers-support.js";

const providerId = "{6E5BB1B0-5C0C-4E0B-9D6F-0A3C53D4E6AB}";
const program = programFile(64, "getsockopt_info");
const other = programFile(32, "getsockopt_info");
const system = 0x8000_0000;

/** Everything below WinSock2\\Parameters but the serial numbers, which only ever count up. */
function contents(key: RegistryKey = native().readRegistry()): unknown {
    return {
        values: Object.entries(key.values)
            .filter(([name]) => name !== "Serial_Access_Num")
            .map(([name, { type, data }]) => [name, type, Buffer.from(data).toString("hex")].join(" "))
            .sort(),
        keys: Object.entries(key.keys).map(([name, child]) => [name, contents(child)]),
    };
}

describe("steps about categories and namespaces", function () {
    this.timeout(1_800_000);
    before(function () {
        skipIfUnchangeable(this);
    });
    keepCatalog({ each: false });
    const tally = { tried: 0, losses: 0 };
    let hidden = "";
    before(async () => {
        await uninstall({ leftovers: true }).catch(() => undefined);
        await installLayer("all30");
        hidden = (await readCatalog()).protocols["64"]?.find(({ kind }) => kind === "hidden")?.providerId ?? "";
        assert.notEqual(hidden, "");
    });
    after(() => console.log(`      ${tally.tried} kill points tried, ${tally.losses} losses`));

    async function done(steps: readonly object[]): Promise<void> {
        const { result } = await execute(plan(steps));
        assert.equal(result?.error, undefined, JSON.stringify(result));
    }

    async function clean(): Promise<void> {
        await recover(false);
        await done([
            ...[64, 32].flatMap((catalog) => [
                { do: "remove-namespace", catalog, providerId },
                { do: "set-provider-category", catalog, providerId: hidden, categories: 0 },
            ]),
            { do: "set-application-category", program, categories: null },
            { do: "set-application-category", program, args: "-k x", categories: null },
            { do: "set-application-category", program: other, categories: null },
        ]);
    }
    afterEach(clean);

    const order = async (bits: "64" | "32"): Promise<string[]> =>
        ((await readCatalog()).namespaces[bits] ?? []).map((entry) => entry.providerId);

    async function coming(): Promise<object[]> {
        const names = { name: "Nobody", path: "C:\\ns\\nobody.dll", namespace: 12, version: 1, info: "AQID" };
        return [
            ...[64, 32].map((catalog) => ({ do: "install-namespace", catalog, providerId, ...names })),
            { do: "enable-namespace", catalog: 32, providerId, enabled: false },
            { do: "order-namespaces", catalog: 64, order: [providerId, ...(await order("64"))] },
            { do: "set-provider-category", catalog: 64, providerId: hidden, categories: 4 },
            { do: "set-provider-category", catalog: 32, providerId: hidden, categories: 5 },
            { do: "set-application-category", program, categories: system, mark: true },
            { do: "set-application-category", program: other, categories: 1 },
            { do: "set-application-category", program: other, categories: 5 },
            { do: "set-application-category", program: other, categories: 4 },
        ];
    }

    /** One that takes away what the other has brought. */
    const going = (): object[] => [
        ...[64, 32].map((catalog) => ({ do: "remove-namespace", catalog, providerId })),
        { do: "set-provider-category", catalog: 64, providerId: hidden, categories: 0 },
        { do: "set-application-category", program, categories: null },
        { do: "set-application-category", program: other, categories: null },
    ];

    it("do what they say, and mark what an installation made", async () => {
        await done(await coming());
        const { applications = [], categories, namespaces } = await readCatalog();
        const own = applications.filter(({ program: file }) => file.includes("getsockopt_info"));
        assert.deepEqual(
            own.map(({ categories: bits, ours }) => [bits, ours]).sort(),
            [
                [system, true],
                [4, undefined],
            ].sort(),
        );
        assert.equal(native().applicationCategories(program, ""), system);
        assert.equal(native().applicationCategories(other, ""), 4);
        assert.equal(native().applicationCategories(program, "-k x"), undefined);
        assert.deepEqual([categories?.["64"]?.[hidden], categories?.["32"]?.[hidden]], [4, 5]);
        assert.equal(namespaces["64"]?.[0]?.providerId, providerId);
        assert.equal(namespaces["32"]?.at(-1)?.enabled, false);
        // Somebody decides about it now: it is theirs.
        await done([{ do: "set-application-category", program, categories: system + 1 }]);
        const changed = (await readCatalog()).applications?.find(
            ({ program: file }) => file.toLowerCase() === program.toLowerCase(),
        );
        assert.deepEqual([changed?.categories, changed?.ours], [system + 1, undefined]);
    });

    it("are undone when a later step fails, each as it was", async () => {
        await done(await coming());
        const before = contents();
        const { result } = await execute(
            plan([
                ...going(),
                { do: "set-application-category", program: other, args: "-k x", categories: 1 },
                { do: "enable-namespace", catalog: 64, providerId, enabled: true },
            ]),
        );
        assert.deepEqual([result?.error?.code, result?.undone], ["ERR_UNKNOWN_PROVIDER", true]);
        assert.deepEqual(contents(), before);
    });

    it("refuse what is no such step, before anything happens", async () => {
        for (const step of [
            { do: "set-application-category", program: "wsl.exe", categories: 1 },
            { do: "set-application-category", program },
            { do: "set-application-category", program, categories: 2 ** 32 },
            { do: "set-provider-category", catalog: 64, providerId: "x", categories: 1 },
            {
                do: "install-namespace",
                catalog: 64,
                providerId,
                name: "",
                path: "C:\\x.dll",
                namespace: 12,
                version: 1,
            },
            {
                do: "install-namespace",
                catalog: 64,
                providerId,
                name: "x",
                path: "C:\\x.dll",
                namespace: -1,
                version: 1,
            },
            { do: "enable-namespace", catalog: 64, providerId, enabled: 1 },
            { do: "order-namespaces", catalog: 64, order: [1001] },
        ]) {
            await assert.rejects(
                async () => native().executePlan(JSON.stringify(plan([step])), () => undefined),
                { code: "ERR_PLAN_INVALID" },
                JSON.stringify(step),
            );
        }
    });

    /** Kills the operation at several of its writes; once recovered, everything is exactly as before or after it. */
    async function killAtWrites(
        steps: readonly object[],
        onFailure: "undo" | "finish",
        begin: () => Promise<void>,
    ): Promise<void> {
        await begin();
        const before = contents();
        const whole = await execute(plan(steps, { onFailure }));
        assert.equal(whole.result?.error, undefined, JSON.stringify(whole.result));
        const after = contents();
        assert.notDeepEqual(after, before);
        const writes = whole.result?.writes ?? 0;
        const most = Math.min(writes, counts.killPointsOfPrograms);
        for (let index = 0; index < most; ++index) {
            const killAt = 1 + Math.round((index * (writes - 1)) / Math.max(1, most - 1));
            await begin();
            tally.tried++;
            const { killed } = await execute(plan(steps, { onFailure }), { killAt, during: index % 2 === 1 });
            assert.ok(killed, `write ${killAt} of ${writes}`);
            if (fs.existsSync(journal)) {
                // as if the kill had come in the middle of a record
                fs.appendFileSync(journal, '{"sum":"0123456789abcdef","record":{"type":"st'.slice(0, killAt % 40));
            }
            await recover(index % 2 === 0);
            const now = JSON.stringify(contents());
            if (now !== JSON.stringify(before) && now !== JSON.stringify(after)) {
                tally.losses++;
                assert.deepEqual(contents(), before, `killed at write ${killAt} of ${writes}`);
            }
        }
    }

    for (const onFailure of ["undo", "finish"] as const) {
        it(`killed at a write and recovered by ${onFailure}, they have brought all or nothing`, async () => {
            await clean();
            await killAtWrites(await coming(), onFailure, clean);
        });
    }

    it("killed at a write and undone, they have taken away all or nothing", async () => {
        const steps = await coming();
        await killAtWrites(going(), "undo", async () => {
            await clean();
            await done(steps);
        });
    });
});
