// Times of --confirm-within.
import assert from "node:assert/strict";
import { withConfirmation } from "winsock-spi";
import type { Plan } from "winsock-spi";
import { parseDuration } from "#lib/cli/confirm-within.js";

describe("--confirm-within", () => {
    it("takes seconds, minutes, hours and milliseconds", () => {
        const times = {
            "60": 60_000,
            "60s": 60_000,
            "5m": 300_000,
            "1h": 3_600_000,
            "1500ms": 1500,
            "168h": 604_800_000,
        };
        for (const [text, milliseconds] of Object.entries(times)) {
            assert.equal(parseDuration(text), milliseconds, text);
        }
    });

    it("refuses anything else", () => {
        for (const text of ["", "0", "999ms", "soon", "-5s", "169h", "1 s", "1.5m", "5M", "1e3", "60ss", "\u0661s"]) {
            assert.throws(() => parseDuration(text), { code: "commander.invalidArgument" }, text);
        }
    });

    it("puts the time and the programs of this machine into the plan, and nothing without it", () => {
        const plan: Plan = {
            format: "winsock-spi-plan",
            version: 1,
            operation: "install",
            text: "",
            onFailure: "undo",
            steps: [],
        };
        assert.deepEqual(withConfirmation(plan, {}, { arch: "x64", catalogs: [64, 32] }), plan);
        const { confirm } = withConfirmation(plan, { confirmWithin: 5000 }, { arch: "x64", catalogs: [64, 32] });
        assert.equal(confirm?.within, 5000);
        assert.match(confirm?.programs["64"] ?? "", /win32-x64.winsock-spi-rescue\.exe$/);
        assert.match(confirm?.programs["32"] ?? "", /win32-ia32.winsock-spi-rescue\.exe$/);
        const only32 = withConfirmation(plan, { confirmWithin: 5000 }, { arch: "ia32", catalogs: [32] }).confirm;
        assert.deepEqual(Object.keys(only32?.programs ?? {}), ["32"]);
    });
});
