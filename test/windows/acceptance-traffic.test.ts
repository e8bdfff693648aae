// Shows: everything works as without the provider, and each run proves that the layer was in the path.
import assert from "node:assert/strict";
import { counts } from "../support/counts.js";
import {
    bitnesses,
    cli,
    combinations,
    expectCode,
    expectSameCounts,
    keepCatalog,
    lastJson,
    nodes,
    program,
    programFile,
    run,
    scenarioFile,
    watch,
} from "./acceptance-support.js";
import type { Bits, Watched } from "./acceptance-support.js";

const scenarios: readonly (readonly [string, ...string[]])[] = [
    ["many-connections", "--connections", `${counts.connections}`],
    ["udp-echo", "--datagrams", `${counts.datagrams}`],
    ["send-handle", "--sockets", `${counts.sentSockets}`],
    ["cluster", "--requests", `${counts.clusterRequests}`, "--policy", "none"],
    ["cluster", "--requests", `${counts.clusterRequests}`, "--policy", "rr"],
];

const pairs: readonly (readonly [parent: Bits, child: Bits])[] = [
    [64, 64],
    [64, 32],
    [32, 64],
    [32, 32],
];

/** The one process below the watched one whose program is this. */
function descendant(watched: Watched, program: string): { pid: number; bits: number | undefined } {
    const starts = watched.records.filter(({ call }) => call === "start");
    const found = starts.filter(({ program: file }) => file.toLowerCase().endsWith(`\\${program}`));
    assert.equal(found.length, 1, `one ${program} among ${JSON.stringify(starts)}`);
    return { pid: found[0]!.pid, bits: found[0]!.bits };
}

describe("acceptance: traffic", function () {
    this.timeout(600_000);
    keepCatalog({ each: false });

    describe("behind the provider", () => {
        const without: Partial<Record<Bits, Record<string, unknown>>> = {};
        before(async () => {
            for (const bits of bitnesses) {
                without[bits] = await program(bits, "calls");
            }
            expectCode(await cli(["install", "--yes"]), 0);
        });
        after(async () => {
            expectCode(await cli(["uninstall", "--yes"]), 0);
        });

        for (const [index, [name, file]] of Object.entries(nodes).entries()) {
            const bits: Bits = name === "node-x86" ? 32 : 64;
            for (const [number, [scenario, ...args]] of scenarios.entries()) {
                // In the quick run each scenario has one family on each Node, and both on the five together.
                const families = counts.everyCombination === 1 ? [4, 6] : [(index + number) % 2 === 0 ? 4 : 6];
                for (const family of families) {
                    it(`${name}: ${scenario} ${args.join(" ")} over IPv${family}`, async () => {
                        const all = [scenarioFile(scenario), ...args, "--family", `${family}`];
                        expectSameCounts(await watch(file, all), bits);
                    });
                }
            }

            it(`${name} as the child of a program, with a socket as standard input and output`, async () => {
                const args = ["stdio", file, scenarioFile("stdio-echo")];
                const watched = await watch(programFile(64, "inherit_parent"), args);
                assert.equal(watched.summary["ok"], true);
                watched.of(Number(watched.summary["pid"])).expectActive(64);
                watched.of(Number(watched.summary["child"])).expectActive(bits);
                assert.equal(watched.summary["received"], watched.summary["sent"]);
            });
        }

        for (const [[parent, child], first] of combinations(pairs, ["recv", "getsockname", "select", "overlapped"])) {
            it(`a ${child}-bit child of a ${parent}-bit one inherits a socket; ${first} meets it first`, async () => {
                const args = ["handle", programFile(child, "inherit_child"), "{socket}", first];
                const watched = await watch(programFile(parent, "inherit_parent"), args);
                const { summary } = watched;
                assert.equal(summary["ok"], true, JSON.stringify(summary));
                watched.of(Number(summary["pid"])).expectActive(parent);
                const { pid } = descendant(watched, "inherit_child.exe");
                const seen = watched.of(pid);
                assert.equal(pid, summary["child"]);
                seen.expectActive(child);
                assert.equal(seen.bytesSent, summary["sent"], "what the child sends on the inherited socket is seen");
                if (first !== "overlapped") {
                    assert.equal(seen.bytesReceived, summary["sent"], "and what it receives");
                }
            });
        }

        for (const [[parent, child], kind] of combinations(pairs, ["tcp4", "tcp6", "udp4"])) {
            it(`a ${parent}-bit process duplicates a ${kind} socket into a ${child}-bit one`, async () => {
                const args = [programFile(child, "duplicate_target"), kind];
                const watched = await watch(programFile(parent, "duplicate_source"), args);
                const { summary } = watched;
                assert.equal(summary["ok"], true, JSON.stringify(summary));
                const source = watched.of(Number(summary["pid"]));
                const target = watched.of(Number(summary["target"]));
                source.expectActive(parent);
                target.expectActive(child);
                assert.equal(source.succeeded("WSPDuplicateSocket"), 1);
                assert.equal(target.succeeded("WSPSocket"), 1, "the descriptor of the target came through us");
                assert.equal(target.bytesSent, 14 + 27, "and what the target sends on it is seen");
                assert.equal(target.bytesReceived, 27);
            });
        }

        for (const bits of bitnesses) {
            it(`one of every call: a ${bits}-bit program gets the same results as without the provider`, async () => {
                assert.equal(without[bits]!["ok"], true, JSON.stringify(without[bits]));
                const summary = await program(bits, "calls");
                assert.deepEqual({ ...summary, pid: 0 }, { ...without[bits], pid: 0 });
            });
        }

        it("without a watcher nothing is different for a program", async () => {
            const ended = await run(nodes["node"]!, [scenarioFile("server-and-client")]);
            expectCode(ended, 0);
            assert.equal(lastJson(ended.stdout)["ok"], true);
        });
    });
});
