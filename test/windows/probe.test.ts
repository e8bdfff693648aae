// The probe: what it tries in fresh processes, what it says about what it could not try, and that a probe that fails
// takes everything back.
import assert from "node:assert/strict";
import { install, uninstall } from "winsock-spi";
import { skipIfUnchangeable } from "../support/windows.js";
import { bitnesses, expectCode, exportRegistry, keepCatalog, rescueFile, run } from "./acceptance-support.js";
import { execute, plan } from "./executor-support.js";

const checks = ["TCP", "UDP", "select", "overlapped with an event", "overlapped with a completion port"];

describe("probe", function () {
    this.timeout(300_000);

    for (const bits of bitnesses) {
        it(`tries each way of waiting over IPv4 and IPv6 in a ${bits}-bit process`, async () => {
            const probed = await run(rescueFile(bits), ["probe"]);
            expectCode(probed, 0);
            const lines = probed.stdout.trimEnd().split(/\r?\n/);
            const expected = (family: string): string[] => checks.map((check) => `${check} over ${family}: works`);
            const skipped = lines.filter((line) =>
                line.startsWith("skipped: IPv6 was not tried, as this machine has none"),
            );
            assert.deepEqual(
                lines.filter((line) => !skipped.includes(line)),
                [...expected("IPv4"), ...(skipped.length === 0 ? expected("IPv6") : [])],
            );
        });

        it(`is not taken in by a ${bits}-bit process that is not confined`, async () => {
            for (const kind of ["low-integrity", "app-container", "signed-only"]) {
                expectCode(await run(rescueFile(bits), ["probe", kind]), 5);
            }
            expectCode(await run(rescueFile(bits), ["probe", "nonsense"]), 64);
        });
    }

    describe("as a step", () => {
        before(function () {
            skipIfUnchangeable(this);
        });
        keepCatalog({ each: true });

        it("tells of each kind of process that the system could not start", async () => {
            const { notes = [] } = await install({ exclude: [] });
            await uninstall();
            for (const note of notes) {
                assert.match(note, /^a fresh (64|32)-bit process .*(was not tried|could not|: )/);
            }
            // Where Windows has them all there is nothing to tell; where it has not, each is told of once at most.
            for (const kind of ["low integrity", "AppContainer", "only DLLs of Microsoft"]) {
                assert.ok(notes.filter((note) => note.includes(kind)).length <= 2, notes.join("\n"));
            }
        });

        it("fails where the program is none of ours, says which process failed and changes nothing", async () => {
            const before = await exportRegistry();
            const failing = plan([{ do: "probe", programs: { 64: rescueFile(64), 32: process.execPath } }]);
            const { result } = await execute(failing);
            assert.equal(result?.error?.code, "ERR_PROBE_FAILED");
            assert.match(result?.error?.message ?? "", /a fresh 32-bit process could not connect to itself/);
            assert.equal(result?.undone, true);
            assert.equal(await exportRegistry(), before);
        });
    });
});
