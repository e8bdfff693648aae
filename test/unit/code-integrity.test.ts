// What is said before an installation where Windows may refuse the DLL.
import assert from "node:assert/strict";
import { codeIntegrityWarnings } from "#lib/provider/code-integrity.js";
import type { CodeIntegrity } from "#lib/native/inspect.js";

describe("code integrity warnings", () => {
    const quiet: CodeIntegrity = { smartAppControl: "off", userMode: false, auditOnly: false };
    const unsigned = { file: "C:\\a.dll", signature: { by: "none", trusted: false } } as const;
    const foreign = { file: "C:\\b.dll", signature: { by: "embedded", trusted: false } } as const;
    const signed = { file: "C:\\c.dll", signature: { by: "embedded", trusted: true } } as const;

    it("nothing is said where nothing is refused, or everything is trusted", () => {
        assert.deepEqual(codeIntegrityWarnings(quiet, [unsigned]), []);
        assert.deepEqual(codeIntegrityWarnings({ ...quiet, smartAppControl: "absent" }, [unsigned]), []);
        assert.deepEqual(codeIntegrityWarnings({ ...quiet, userMode: true, auditOnly: true }, [unsigned]), []);
        assert.deepEqual(
            codeIntegrityWarnings({ smartAppControl: "on", userMode: true, auditOnly: false }, [signed]),
            [],
        );
        assert.deepEqual(codeIntegrityWarnings({ smartAppControl: "on", userMode: true, auditOnly: false }, []), []);
    });

    it("names who refuses, which DLLs and why, and what that does", () => {
        const [warning, ...more] = codeIntegrityWarnings({ smartAppControl: "on", userMode: true, auditOnly: false }, [
            unsigned,
            signed,
            foreign,
        ]);
        assert.deepEqual(more, [], "Smart App Control is such a policy itself");
        assert.match(warning ?? "", /Smart App Control is on .*C:\\a\.dll \(not signed\) and C:\\b\.dll \(signed, but/);
        assert.match(warning ?? "", /no network.*--confirm-within/);
        assert.match(codeIntegrityWarnings({ ...quiet, userMode: true }, [unsigned])[0] ?? "", /App Control \(WDAC\)/);
        assert.match(
            codeIntegrityWarnings({ ...quiet, smartAppControl: "evaluation" }, [foreign])[0] ?? "",
            /tried out/,
        );
    });
});
