// Shows: where a stranger on top is not IFS, ours goes below it, into its chains; traffic passes ours, and all of it is
// undone, whichever goes first.
//
// The second provider with entries that are not IFS hands the handles from below through. So Winsock starts it, it
// starts ours from the middle of its chain and makes its sockets with ours, which is what this shows; the calls on such
// a handle go straight to whoever claimed it last, ours. nonifs (test/windows/strangers) has handles of its own.
import assert from "node:assert/strict";
import * as path from "node:path";
import { counts } from "../support/counts.js";
import type { Bits, CatalogEntry } from "./acceptance-support.js";
import {
    bitnesses,
    cli,
    cliFails,
    cliJson,
    combinations,
    entriesOf,
    expectCode,
    expectSameCounts,
    exportRegistry,
    keepCatalog,
    nodes,
    ours,
    programFile,
    providerFile,
    readCatalog,
    rescueFile,
    run,
    scenarioFile,
    second,
    setup,
    temporaryFolder,
    watch,
} from "./acceptance-support.js";
import { type Design, counted, installSecond, makeLog, removeSecond } from "./second-provider.js";
import { strangerFile } from "./strangers-support.js";

const designs: readonly Design[] = [
    { guid: "entry", chain: "entry" },
    { guid: "shared", chain: "hidden" },
];

/** Who takes ours out, or what happens before. */
const endings = ["uninstall", "the stranger first", "rescue remove", "restore"] as const;

const installStranger = (design: Design = designs[0]!): Promise<void> => installSecond(design, "--ifs", "no");
const installOurs = async (): Promise<void> => expectCode(await cli(["install", "--yes"]), 0);
const removeOurs = async (): Promise<void> => expectCode(await cli(["uninstall", "--yes"]), 0);

const isTcp = ({ kind, family, socketType }: CatalogEntry): boolean =>
    kind !== "hidden" && family === 2 && socketType === 1;
const who = (entries: readonly CatalogEntry[], id: number): string => {
    const found = entries.find((entry) => entry.id === id);
    assert.ok(found !== undefined, `${id} is in the catalog`);
    const { providerId } = found;
    const prefixes = Object.entries({ ours, second, nonifs: "{00F50005-" });
    return prefixes.find(([, prefix]) => providerId.startsWith(prefix))?.[0] ?? "base";
};

/** The chains over TCP and IPv4 in catalog order, by the providers in them. */
async function expectTcpChains(expected: readonly string[]): Promise<void> {
    const catalog = await readCatalog();
    for (const bits of bitnesses) {
        const entries = entriesOf(catalog, bits);
        const chains = entries
            .filter(isTcp)
            .map(({ kind, chain }) => (kind === "base" ? ["base"] : chain.map((id) => who(entries, id))).join(" "));
        assert.deepEqual(chains, expected, `${bits}-bit`);
    }
}

/** Ours sees each call of a program, with one of every call and with a Node; whether the second makes its sockets. */
async function expectOursSees({ secondToo }: { secondToo: boolean }): Promise<void> {
    for (const bits of bitnesses) {
        const log = makeLog();
        const watched = await watch(programFile(bits, "calls"), [], { env: log.env });
        const pid = Number(watched.summary["pid"]);
        const seen = watched.of(pid);
        seen.expectActive(bits);
        const made = watched.summary["counts"] as Record<string, number>;
        for (const name of counted) {
            const viaAcceptEx = name === "WSPAccept" ? (made["AcceptEx"] ?? 0) : 0;
            assert.equal(seen.count(name), made[name]! + viaAcceptEx, `${bits}: ours saw ${name}`);
        }
        // But for what comes out of WSADuplicateSocket: ours answers that, since the handle is its own.
        const direct = made["WSPSocket"]! - made["WSPDuplicateSocket"]!;
        assert.equal(log.of(pid)["WSPSocket"] ?? 0, secondToo ? direct : 0, `${bits}: by way of the second`);
        const node = nodes[bits === 64 ? "node" : "node-x86"];
        if (node !== undefined) {
            expectSameCounts(await watch(node, [scenarioFile("server-and-client"), "--requests", "4"]), bits);
        }
    }
}

/** nonifs in both catalogs. */
async function installNonIfs(): Promise<void> {
    const [setup64, setup32] = bitnesses.map((bits) => strangerFile(bits, "nonifs_setup.exe"));
    expectCode(await run(setup64!, ["install", "--twin", setup32!]), 0);
}

async function removeNonIfs(): Promise<void> {
    expectCode(await run(strangerFile(64, "nonifs_setup.exe"), ["remove"]), 0);
}

/** Ours sees each call of a program that nonifs hands down. */
async function expectOursSeesBelow(bits: Bits): Promise<void> {
    const watched = await watch(strangerFile(bits, "traffic.exe"));
    assert.equal(watched.summary["ok"], true, JSON.stringify(watched.summary));
    assert.equal(watched.summary["ifs"], false, "the program's sockets are no file handles");
    const seen = watched.of(Number(watched.summary["pid"]));
    seen.expectActive(bits);
    const made = watched.summary["counts"] as Record<string, number>;
    assert.ok(made["WSPConnect"]! > 0);
    for (const name of counted) {
        assert.equal(seen.count(name), made[name] ?? 0, `${bits}: ours saw ${name}`);
    }
}

describe("acceptance: order among strangers", function () {
    this.timeout(900_000);
    keepCatalog({ each: true });

    for (const [design, ending] of combinations(designs, endings)) {
        const how = `a GUID ${design.guid === "entry" ? "per entry" : "for all"}`;
        it(`ours works below a stranger that is not IFS (${how}), and leaves no trace: ${ending}`, async () => {
            const before = await exportRegistry();
            await installSecond(design, "--ifs", "no", "--junk", "yes"); // to be there again afterwards
            const alone = await exportRegistry();
            const saved = path.join(temporaryFolder(), `alone-${design.guid}.json`);
            expectCode(await cli(["backup", saved]), 0);
            await expectTcpChains(["second base", "base"]);
            await installOurs();
            await expectTcpChains(["second ours base", "ours base", "base"]);
            if (ending === "the stranger first") {
                await expectOursSees({ secondToo: true });
                await removeSecond();
                await expectTcpChains(["ours base", "base"]);
                await expectOursSees({ secondToo: false });
                await installStranger(design);
                await expectTcpChains(["second ours base", "ours base", "base"]);
                await removeOurs();
                await expectTcpChains(["second base", "base"]);
            } else if (ending === "uninstall") {
                await removeOurs();
                assert.equal(await exportRegistry(), alone);
            } else if (ending === "rescue remove") {
                expectCode(await run(rescueFile(64), ["remove"]), 0);
                assert.equal(await exportRegistry(), alone);
                expectCode(await cli(["uninstall", "--yes", "--leftovers"]), 0);
            } else {
                const installed = await exportRegistry();
                const both = path.join(temporaryFolder(), `both-${design.guid}.json`);
                expectCode(await cli(["backup", both]), 0);
                expectCode(await cli(["restore", saved, "--yes"]), 0);
                assert.equal(await exportRegistry(), alone);
                expectCode(await cli(["restore", both, "--yes"]), 0);
                assert.equal(await exportRegistry(), installed);
                await expectTcpChains(["second ours base", "ours base", "base"]);
                await removeOurs();
                assert.equal(await exportRegistry(), alone);
            }
            await removeSecond();
            assert.equal(await exportRegistry(), before, "and nothing is left of either");
        });
    }

    it("ours sees each call of programs whose sockets are handles of a stranger's own", async () => {
        const before = await exportRegistry();
        await installNonIfs();
        const alone = await exportRegistry();
        await installOurs();
        await expectTcpChains(["nonifs ours base", "ours base", "base"]);
        for (const bits of bitnesses) {
            await expectOursSeesBelow(bits);
        }
        await removeOurs();
        assert.equal(await exportRegistry(), alone);
        await removeNonIfs();
        assert.equal(await exportRegistry(), before);
    });

    for (const first of counts.everyCombination === 1 ? (["nonifs", "second"] as const) : (["second"] as const)) {
        it(`below two such strangers, of which ${first} goes first`, async () => {
            const before = await exportRegistry();
            await installStranger({ guid: "shared", chain: "entry" });
            await installNonIfs();
            const both = await exportRegistry();
            await installOurs();
            await expectTcpChains(["nonifs second ours base", "second ours base", "ours base", "base"]);
            await expectOursSeesBelow(first === "second" ? 64 : 32);
            if (first === "nonifs") {
                await removeOurs();
                assert.equal(await exportRegistry(), both);
                await installOurs();
                await removeNonIfs();
                await expectTcpChains(["second ours base", "ours base", "base"]);
                await removeOurs();
                await removeSecond();
            } else {
                await removeSecond();
                await expectTcpChains(["nonifs ours base", "ours base", "base"]);
                await removeOurs();
                await removeNonIfs();
            }
            assert.equal(await exportRegistry(), before);
        });
    }

    it("the dry run says whose chains change; --no-rewrite refuses; neither changes anything", async () => {
        await installStranger();
        const alone = await exportRegistry();
        const { plan } = await cliJson<{ plan: { steps: { do: string; text: string }[] } }>("install", "--dry-run");
        const rewrites = plan.steps.filter((step) => step.do === "update-provider").map((step) => step.text);
        assert.equal(rewrites.length, 12, "each entry of the stranger, 64- and 32-bit");
        for (const text of rewrites) {
            assert.match(text, /chain of "second over .* through winsock-spi, below that provider, which is not IFS: /);
        }
        await cliFails(["install", "--yes", "--no-rewrite"], "ERR_NOT_IFS");
        assert.equal(await exportRegistry(), alone);
    });

    it("a chain that is full is refused, and nothing changes", async () => {
        await setupAll("--fill", "yes", "--ifs", "no");
        const full = await exportRegistry();
        await cliFails(["install", "--yes"], "ERR_CHAIN_FULL");
        assert.equal(await exportRegistry(), full);
    });

    it("a stranger that does not work without its hidden entry: no way in, but always a way out", async () => {
        const orphan = async (): Promise<void> => {
            for (const bits of bitnesses) {
                await setup(bits, "orphan");
            }
        };
        await installStranger();
        await orphan();
        const orphans = await exportRegistry();
        await cliFails(["install", "--yes"], "ERR_PROBE_FAILED");
        assert.equal(await exportRegistry(), orphans);
        for (const way of counts.everyCombination === 1 ? (["rescue", "uninstall"] as const) : ["rescue"]) {
            await removeSecond();
            await installStranger();
            await installOurs();
            await orphan();
            if (way === "uninstall") {
                await removeOurs();
            } else {
                expectCode(await run(rescueFile(64), ["remove"]), 0);
            }
            const catalog = await readCatalog();
            for (const bits of bitnesses) {
                const entries = entriesOf(catalog, bits);
                assert.ok(!entries.some(({ providerId }) => providerId.startsWith(ours)));
                const left = entries.filter(({ providerId }) => providerId.startsWith(second));
                const chains = left.map(({ chain }) => [chain.length, who(entries, chain[1]!)]);
                assert.deepEqual(chains, Array(6).fill([2, "base"]));
            }
        }
    });
});

/** The second provider with these options, in both catalogs. */
async function setupAll(...options: readonly string[]): Promise<void> {
    for (const bits of bitnesses) {
        await setup(bits, "install", providerFile(bits, "second_provider.dll"), ...options);
    }
}
