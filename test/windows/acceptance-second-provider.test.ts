// Shows: a stranger's provider above and below ours: both see the calls, and either can go first.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import {
    bitnesses,
    cli,
    combinations,
    entriesOf,
    expectCode,
    expectSameCounts,
    exportRegistry,
    keepCatalog,
    lastJson,
    nodes,
    ours,
    program,
    programFile,
    project,
    readCatalog,
    run,
    scenarioFile,
    second,
    watch,
} from "./acceptance-support.js";
import { type Design, counted, installSecond, makeLog, removeSecond } from "./second-provider.js";
import type { Bits } from "./acceptance-support.js";

/** Who is taken out first. */
const orders = ["upper", "lower"] as const;

const designs: readonly Design[] = [
    { guid: "entry", chain: "entry" },
    { guid: "entry", chain: "hidden" },
    { guid: "shared", chain: "hidden" },
    { guid: "shared", chain: "entry" },
];

const installOurs = async (): Promise<void> => expectCode(await cli(["install", "--yes"]), 0);
const removeOurs = async (): Promise<void> => expectCode(await cli(["uninstall", "--yes"]), 0);

/** Every chain names entries that exist, and the top entry for TCP over IPv4 belongs to whom we think. */
async function expectTop(guidPrefix: string, chainLength: number): Promise<void> {
    const catalog = await readCatalog();
    for (const bits of bitnesses) {
        const entries = entriesOf(catalog, bits);
        const ids = new Set(entries.map(({ id }) => id));
        for (const { name, chain } of entries) {
            const unknown = chain.filter((id) => id !== 0 && !ids.has(id));
            assert.deepEqual(unknown, [], `${bits}: the chain of ${name} names nothing that is gone`);
        }
        const top = entries.find((entry) => entry.kind !== "hidden" && entry.family === 2 && entry.socketType === 1);
        assert.ok(top !== undefined && top.providerId.startsWith(guidPrefix), `${bits}: ${top?.name} is on top`);
        assert.equal(top.chain.length, chainLength, `${top.name}: ${top.chain.join(" ")}`);
    }
}

/** Both providers see what a program does, equally often; one of every call, then a plain Node program. */
async function expectBothSee(): Promise<void> {
    for (const bits of bitnesses) {
        const log = makeLog();
        const watched = await watch(programFile(bits, "calls"), [], { env: log.env });
        const pid = Number(watched.summary["pid"]);
        const seen = watched.of(pid);
        seen.expectActive(bits);
        const made = watched.summary["counts"] as Record<string, number>;
        const theirs = log.of(pid);
        for (const name of counted) {
            // A record more: the connection that AcceptEx accepted, which no call of WSPAccept stands for.
            const viaAcceptEx = name === "WSPAccept" ? (made["AcceptEx"] ?? 0) : 0;
            assert.equal(seen.count(name), made[name]! + viaAcceptEx, `${bits}: ours saw ${name}`);
            assert.equal(theirs[name], made[name], `${bits}: the second saw ${name}`);
        }
    }
    for (const [name, bits] of [
        ["node", 64],
        ["node-x86", 32],
    ] as const) {
        if (nodes[name] === undefined) {
            continue;
        }
        const log = makeLog();
        const args = [scenarioFile("server-and-client"), "--requests", "6"];
        const watched = await watch(nodes[name], args, { env: log.env });
        expectSameCounts(watched, bits);
        const { pid } = (watched.summary["processes"] as { pid: number }[])[0]!;
        for (const call of ["WSPSend", "WSPRecv", "WSPSocket", "WSPListen", "WSPCloseSocket"]) {
            assert.equal(log.of(pid)[call] ?? 0, watched.of(pid).count(call), `${name}: both saw each ${call}`);
        }
    }
}

async function expectOnlyOurs(): Promise<void> {
    await expectTop(ours, 2);
    const log = makeLog();
    for (const bits of bitnesses) {
        const watched = await watch(programFile(bits, "calls"), [], { env: log.env });
        watched.of(Number(watched.summary["pid"])).expectActive(bits);
    }
    assert.ok(log.isEmpty(), "the second is out of the path");
}

async function expectOnlySecond(): Promise<void> {
    await expectTop(second, 2);
    for (const bits of bitnesses) {
        await expectSecondSees(bits);
    }
}

async function expectSecondSees(bits: Bits): Promise<void> {
    const log = makeLog();
    const summary = await program(bits, "calls", [], { env: log.env });
    assert.equal(summary["ok"], true, JSON.stringify(summary));
    const made = summary["counts"] as Record<string, number>;
    const theirs = log.of(Number(summary["pid"]));
    for (const name of counted) {
        assert.equal(theirs[name], made[name], `${bits}: the second saw ${name}`);
    }
    const node = nodes[bits === 64 ? "node" : "node-x86"] ?? nodes["node"]!;
    const ended = await run(node, [scenarioFile("server-and-client")], { env: log.env });
    expectCode(ended, 0);
    assert.equal(lastJson(ended.stdout)["ok"], true);
}

describe("acceptance: a second provider", function () {
    this.timeout(600_000);
    keepCatalog({ each: true });

    it("is a stranger: its sources include Windows' headers and their own, and no other", () => {
        const folder = path.join(project, "test", "windows", "providers");
        for (const file of ["identity.hpp", "second_provider.cpp", "second_provider_setup.cpp"]) {
            const includes = fs.readFileSync(path.join(folder, file), "utf8").match(/^\s*#\s*include.*$/gm) ?? [];
            assert.ok(includes.length > 0);
            const own = includes.filter((line) => !line.includes("<"));
            assert.deepEqual(own, file === "identity.hpp" ? [] : ['#include "identity.hpp"']);
        }
    });

    for (const [design, first] of combinations(designs, orders)) {
        const how = `a GUID ${design.guid === "entry" ? "per entry" : "for all"}, chained by ${design.chain}`;
        it(`above ours (${how}): both see the calls, and the ${first} can go first`, async () => {
            const before = await exportRegistry();
            await installOurs();
            await installSecond(design);
            await expectTop(second, 3);
            await expectBothSee();
            if (first === "upper") {
                await removeSecond();
                await expectOnlyOurs();
                await removeOurs();
            } else {
                await removeOurs();
                await expectOnlySecond();
                await removeSecond();
            }
            assert.equal(await exportRegistry(), before, "and nothing is left of either");
        });
    }

    for (const [guid, first] of combinations(["entry", "shared"] as const, orders)) {
        const how = `a GUID ${guid === "entry" ? "per entry" : "for all"}`;
        it(`below ours (${how}): both see the calls, and the ${first} can go first`, async () => {
            const before = await exportRegistry();
            await installSecond({ guid, chain: "entry" });
            await expectOnlySecond();
            await installOurs();
            await expectTop(ours, 3);
            await expectBothSee();
            if (first === "upper") {
                await removeOurs();
                await expectOnlySecond();
                await removeSecond();
            } else {
                await removeSecond();
                await expectOnlyOurs();
                await removeOurs();
            }
            assert.equal(await exportRegistry(), before, "and nothing is left of either");
        });
    }
});
