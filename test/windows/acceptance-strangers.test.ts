// Shows: what strange providers ask of Winsock and get; what becomes of programs when a provider lies; what becomes of
// our chain when a provider below ours goes without a word.
import assert from "node:assert/strict";
import { counts } from "../support/counts.js";
import { bitnesses, exportRegistry, keepCatalog } from "./acceptance-support.js";
import type { Bits } from "./acceptance-support.js";
import {
    expectTraffic,
    expectUpcallsAnswered,
    installLayer,
    layersInPath,
    removeLayer,
    runTraffic,
} from "./strangers-support.js";
import type { Layer } from "./strangers-support.js";

const callFailure = 10107; // WSASYSCALLFAILURE
const invalidProvider = 10105; // WSAEINVALIDPROVIDER
const failedInit = 10106; // WSAEPROVIDERFAILEDINIT

interface Lie {
    readonly lies: string;
    /** The traffic flows, or fails with this text, for a liar on top and for one under ours. */
    readonly top: string;
    readonly underOurs?: string;
}

/** A refused connect is the first failure that the traffic provokes of a function that the liar has. */
const refused = (error: number): string => `a refused connect: ${error} instead of 10061`;
const noSocket = (error: number): string => `no socket (last error ${error})`;

const lies: readonly Lie[] = [
    { lies: "", top: "" },
    { lies: "success=12345", top: "" },
    { lies: "cleanup-fails", top: "" },
    { lies: "error=0", top: refused(callFailure) },
    { lies: "error=12345", top: refused(12345) },
    { lies: "startup=-1", top: noSocket(failedInit) },
    { lies: "startup=5", top: noSocket(failedInit) },
    { lies: "version=101", top: noSocket(invalidProvider), underOurs: noSocket(failedInit) },
];

/** The lies are told to programs of both bitnesses in turn; in the quick run each in one of the places. */
async function expectLies(place: "top" | "underOurs"): Promise<void> {
    for (const [index, lie] of lies.entries()) {
        const bits: Bits = bitnesses[(index >> 1) % 2]!;
        if (counts.everyCombination === 0 && (index % 2 === 0) !== (place === "top")) {
            continue;
        }
        const traffic = await runTraffic(bits, { lies: lie.lies });
        const expected = (place === "underOurs" ? lie.underOurs : undefined) ?? lie.top;
        assert.equal(traffic.failure, expected, `${bits}-bit, lie ${lie.lies || "none"}`);
        assert.equal(traffic.ended.code, expected === "" ? 0 : 1, "and the program ends as it wants to");
    }
}

describe("acceptance: strange providers", function () {
    this.timeout(600_000);
    keepCatalog({ each: true });

    async function stack(...layers: readonly Layer[]): Promise<void> {
        for (const layer of layers) {
            await installLayer(layer);
        }
    }

    it("every upcall, with right and wrong arguments, does what Microsoft's page of it says", async () => {
        await stack("ours", "upcalls");
        let rows = 0;
        for (const bits of bitnesses) {
            const { reports } = await runTraffic(bits);
            const checks = reports.flatMap((report) => report.checks ?? []);
            const upcalls = new Set(checks.map(([, upcall]) => upcall));
            assert.equal(upcalls.size, 16, "the 15 of the table, and WPUCompleteOverlappedRequest");
            if (bits === 64) {
                const page = "https://learn.microsoft.com/windows/win32/api/ws2spi/nf-ws2spi-";
                console.log(`      expected | got | upcall (arguments), when: words of ${page}<upcall>`);
                for (const [when, upcall, args, expected, got, quote] of checks) {
                    console.log(`      ${expected} | ${got} | ${upcall} (${args}), ${when}: "${quote}"`);
                }
            }
            rows += checks.length;
            expectUpcallsAnswered(reports);
        }
        assert.ok(rows >= 150, `${rows} rows`);
    });

    it("a liar on top of ours: programs get the documented error, or what the liar says, and live on", async () => {
        await stack("ours", "liar");
        await expectLies("top");
    });

    it("a liar under ours: the same", async () => {
        await stack("liar", "ours");
        await expectLies("underOurs");
    });

    it("a WSPCleanup that hangs: WSACleanup waits for it, the end of a process does not", async () => {
        await stack("liar", "ours");
        const slow = await runTraffic(64, { lies: "cleanup=200" });
        assert.equal(slow.failure, "");
        assert.ok(slow.milliseconds >= 200, "WSACleanup returns when the provider has cleaned up");
        const hour = 3_600_000;
        for (const bits of bitnesses) {
            const { ended } = await runTraffic(bits, { args: ["--no-cleanup"], lies: `cleanup=${hour}` });
            assert.equal(ended.code, 0, "no provider is asked to clean up at the end of a process");
        }
    });

    it("a stranger below ours goes without mending chains: programs keep the network, uninstall repairs", async () => {
        const before = await exportRegistry();
        await stack("all30", "ours", "twice");
        await removeLayer("all30", "--careless");
        for (const bits of bitnesses) {
            await expectTraffic(bits, ["ours", "twice"]);
        }
        await removeLayer("ours");
        for (const bits of bitnesses) {
            assert.deepEqual(await layersInPath(bits), ["twice"]);
            await expectTraffic(bits, ["twice"]);
        }
        await removeLayer("twice");
        assert.equal(await exportRegistry(), before, "and nothing is left");
    });

    it("ours on top of one that went without a word: removed without a trace", async () => {
        const before = await exportRegistry();
        await stack("twice", "ours");
        await removeLayer("twice", "--careless");
        for (const bits of bitnesses) {
            await expectTraffic(bits, ["ours"]);
        }
        await removeLayer("ours");
        assert.equal(await exportRegistry(), before, "and nothing is left");
    });
});
