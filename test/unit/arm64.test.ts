// Windows on ARM64: no provider is installed there until one has been loaded in native and emulated processes.
import assert from "node:assert/strict";
import { requireProvenArchitecture } from "#lib/provider/arm64.js";
import { codeOf } from "./code-of.js";

describe("an ARM64 Windows", () => {
    it("gets no provider, with a code of its own and what does work there", () => {
        assert.equal(
            codeOf(() => requireProvenArchitecture("arm64")),
            "ERR_ARM64_UNPROVEN",
        );
        assert.throws(() => requireProvenArchitecture("arm64"), /ARM64X[^]*Nothing was changed[^]*doctor/);
    });

    it("is the only one refused", () => {
        requireProvenArchitecture("x64");
        requireProvenArchitecture("ia32");
    });
});
