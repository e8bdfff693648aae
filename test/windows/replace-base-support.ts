// What tests of the replace-base method share: installing by it, and beginning without us.
import assert from "node:assert/strict";
import * as path from "node:path";
import { confirm, install, pendingChange, recover, rollBack, uninstall } from "winsock-spi";
import { native, packageRoot } from "#lib/native.js";

/** Installs by the method; the backup of what was there before. */
export async function replaceBase(): Promise<string> {
    const { backup } = await install({ method: "replace-base", acceptRisk: true });
    assert.ok(backup !== undefined);
    await confirm();
    return backup;
}

/** Whatever is there of us goes. */
export async function withoutUs(): Promise<void> {
    if (pendingChange()?.state === "unconfirmed") {
        await rollBack();
    }
    await recover();
    await uninstall({ leftovers: true }).catch((error: unknown) =>
        assert.equal((error as { code?: string }).code, "ERR_NOT_INSTALLED"),
    );
}

/** Call in a `before` hook: on Windows the method takes signed DLLs only, and builds are not signed yet. */
export async function skipIfNotSigned(context: Mocha.Context): Promise<void> {
    if (native().machine().wine) {
        return;
    }
    const dll = path.join(packageRoot, "prebuilds", `win32-${process.arch}`, "winsock_spi_lsp.dll");
    const { trusted } = await native().readSignature(dll);
    if (!trusted) {
        console.log("      skipped: replace-base wants a signed DLL on Windows, and this build's is not signed");
        context.skip();
    }
}
