// Shows: watch tells what a program did, and claims nothing that it did not see.
import assert from "node:assert/strict";
import { counts } from "../support/counts.js";
import {
    bitnesses,
    cli,
    cliFails,
    expectCode,
    expectSameCounts,
    keepCatalog,
    nodes,
    programFile,
    scenarioFile,
    watch,
} from "./acceptance-support.js";
import type { Bits } from "./acceptance-support.js";

function bitsOf(node: string): Bits {
    return node === "node-x86" ? 32 : 64;
}

describe("acceptance: watch", function () {
    this.timeout(600_000);
    keepCatalog({ each: false });

    it("without our provider installed says install", async () => {
        await cliFails(["watch", "--", nodes["node"]!, "--version"], "ERR_NOT_INSTALLED");
    });

    describe("with the provider installed", () => {
        before(async () => {
            expectCode(await cli(["install", "--yes"]), 0);
        });
        after(async () => {
            expectCode(await cli(["uninstall", "--yes"]), 0);
        });

        for (const [name, file] of Object.entries(nodes)) {
            for (const family of [4, 6]) {
                it(`${name}: HTTP over IPv${family}: the calls of both ends, and every byte`, async () => {
                    const { requests } = counts;
                    const args = ["--requests", `${requests}`, "--connections", "4", "--family", `${family}`];
                    const watched = await watch(file, [scenarioFile("server-and-client"), ...args]);
                    expectSameCounts(watched, bitsOf(name));
                    assert.equal(watched.summary["requests"], requests);
                });

                const megabytes = counts.transferMegabytes;
                it(`${name}: ${megabytes} MB each way with back-pressure over IPv${family}: every byte`, async () => {
                    const args = ["--megabytes", `${megabytes}`, "--family", `${family}`];
                    expectSameCounts(await watch(file, [scenarioFile("transfer"), ...args]), bitsOf(name));
                });
            }
        }

        for (const bits of bitnesses) {
            it(`a ${bits}-bit program that only pends its receives: no received byte is claimed`, async () => {
                const { summary, of } = await watch(programFile(bits, "pended_recv"), ["300000"]);
                assert.equal(summary["received"], 300_000);
                const seen = of(Number(summary["pid"]));
                seen.expectActive(bits);
                const receiver = String(summary["receiver"]);
                const receives = seen.calls("WSPRecv").filter(({ socket }) => String(socket) === receiver);
                assert.equal(receives.length, summary["receives"], "every receive has a record");
                assert.ok(receives.every(({ pending, requested }) => pending === true && requested === 16_384));
                assert.equal(seen.receivedOn(receiver), 0);
                assert.equal(seen.bytesSent, summary["sent"]);
            });

            it(`a ${bits}-bit program with one of every call: each call has its record`, async () => {
                const { summary, of } = await watch(programFile(bits, "calls"));
                const seen = of(Number(summary["pid"]));
                seen.expectActive(bits);
                const made = summary["counts"] as Record<string, number>;
                const recorded = Object.fromEntries(Object.keys(made).map((name) => [name, seen.count(name)]));
                const { WSPIoctl: ioctls = 0, ...others } = recorded;
                const { WSPIoctl: madeIoctls = 0, ...madeOthers } = made;
                assert.ok(ioctls >= madeIoctls, "Winsock makes some calls of its own, for WSAPoll");
                // The accepted end of AcceptEx is told as a WSPAccept too.
                assert.deepEqual(others, { ...madeOthers, WSPAccept: made["WSPAccept"]! + made["AcceptEx"]! });
                const sum = (names: readonly string[]): number =>
                    names
                        .flatMap((name) => seen.calls(name))
                        .filter(({ peek }) => peek !== true)
                        .reduce((total, { bytes = 0 }) => total + bytes, 0);
                assert.equal(sum(["WSPSend", "WSPSendTo"]), summary["bytesSent"]);
                assert.equal(sum(["WSPRecv", "WSPRecvFrom"]), summary["bytesReceived"]);
            });
        }
    });
});
