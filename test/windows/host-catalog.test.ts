/**
 * The catalog functions of ws2_32.dll, by a C++ program that calls each with everything its page describes. Under Wine
 * this is the test of our host side; on real Windows the documented half holds as well, which shows that the host
 * behaves like Windows.
 */
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import {
    bitnesses,
    expectCode,
    keepCatalog,
    lastJson,
    nodes,
    programFile,
    providerFile,
    run,
    scenarioFile,
    temporaryFolder,
} from "./acceptance-support.js";

const provider = "chain_provider.dll";
const providers = ["--provider64", providerFile(64, provider), "--provider32", providerFile(32, provider)];

for (const bits of bitnesses) {
    describe(`catalog functions of ws2_32.dll, ${bits}-bit`, function () {
        this.timeout(180_000);

        const other = programFile(bits === 64 ? 32 : 64, "host_catalog");

        /** Runs a group of the program's assertions, and expects all to hold and the last line to say so. */
        async function group(name: string, atLeast: number): Promise<string> {
            const ended = await run(programFile(bits, "host_catalog"), [...providers, "--other", other, name]);
            const lines = ended.stdout.trimEnd().split(/\r?\n/);
            assert.deepEqual(
                lines.filter((line) => line.startsWith("not ok")),
                [],
            );
            expectCode(ended, 0);
            const passed = lines.filter((line) => line.startsWith("ok ")).length;
            assert.equal(lines.at(-1), `${passed} passed, 0 failed`);
            if (!lines.some((line) => line.startsWith("skipped "))) {
                assert.ok(passed >= atLeast, `${passed} assertions ran, at least ${atLeast} expected`);
            }
            return ended.stdout;
        }

        it("give the documented results and errors, and leave the registry as they found it", async () => {
            await group("documented", bits === 64 ? 361 : 215);
        });

        it("install a provider with its chains in one call, after trying its DLL", async () => {
            await group("chains", bits === 64 ? 169 : 72);
        });

        it("categorize providers and programs, keep providers out of programs that do not permit them", async () => {
            await group("categories", bits === 64 ? 139 : 107);
        });

        it("list, install, order, enable and remove namespace providers", async () => {
            await group("namespaces", bits === 64 ? 120 : 63);
        });

        it("tell programs of each change, whoever made it", async () => {
            await group("notifications", 123);
        });

        it("refuse a damaged catalog without touching it, and undo a change that fails in the middle", async function () {
            if ((await group("damage", 300)).includes("skipped damage")) {
                this.skip();
            }
        });
    });
}

describe("an installer that uses WSCInstallProviderAndChains", function () {
    this.timeout(180_000);
    keepCatalog({ each: true });

    /** How often each call was made in processes of a bitness, by the provider's own lines. */
    function seenIn(log: string, bits: number): Record<string, number> {
        const seen: Record<string, number> = {};
        const text = fs.existsSync(log) ? fs.readFileSync(log, "latin1").trimEnd() : "";
        for (const [, of, call] of text.split("\r\n").map((line) => line.split(" "))) {
            if (of === String(bits)) {
                seen[call!] = (seen[call!] ?? 0) + 1;
            }
        }
        return seen;
    }

    async function layer(bits: 32 | 64, action: "install" | "remove"): Promise<void> {
        const ended = await run(programFile(bits, "host_catalog"), [...providers, "layer", action]);
        expectCode(ended, 0);
    }

    let logs = 0;
    /** Runs a server and its clients in an unmodified Node, and gives what the provider saw of it. */
    async function traffic(node: string, bits: number): Promise<Record<string, number>> {
        const log = path.join(temporaryFolder(), `chain-${logs++}.log`);
        const env = { CHAIN_PROVIDER_LOG: log };
        const ended = await run(node, [scenarioFile("server-and-client"), "--requests", "4"], { env });
        expectCode(ended, 0);
        assert.equal(lastJson(ended.stdout)["ok"], true);
        return seenIn(log, bits);
    }

    const programs: readonly (readonly [string, 32 | 64])[] = [
        ["node", 64],
        ["node-x86", 32],
    ];

    it("puts it into the path of 64- and 32-bit programs, except an excluded one, and takes it out", async () => {
        await layer(64, "install");
        for (const [name, bits] of programs) {
            const file = nodes[name];
            if (file === undefined) {
                continue;
            }
            const seen = await traffic(file, bits);
            assert.ok((seen["WSPStartup"] ?? 0) >= 1, `${name} started it`);
            assert.ok((seen["WSPSocket"] ?? 0) >= 2, `${name} opened sockets through it`);
            assert.ok((seen["WSPSend"] ?? 0) >= 4, `${name} sent through it`);
        }
        const excluded = nodes["node"]!;
        // LSP_SYSTEM: takes nothing but providers of that category.
        expectCode(await run(programFile(64, "host_catalog"), ["permit", excluded, "80000000"]), 0);
        assert.deepEqual(await traffic(excluded, 64), {}, "the excluded program works without the provider");
        const other = nodes["node-x86"] ?? nodes["node20"];
        if (other !== undefined) {
            const seen = await traffic(other, nodes["node-x86"] === undefined ? 64 : 32);
            assert.ok((seen["WSPSend"] ?? 0) >= 4, "others keep it");
        }
        await layer(64, "remove");
        for (const [name, bits] of programs) {
            if (nodes[name] !== undefined) {
                assert.deepEqual(await traffic(nodes[name], bits), {}, `${name} goes without it again`);
            }
        }
    });
});
