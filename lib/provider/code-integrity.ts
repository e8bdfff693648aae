// Says before an installation what would happen after it: where Windows refuses DLLs that are not signed, a provider
// that is not signed takes the network from every program. Pure but for the last function.

import { native } from "../native.js";
import type { CodeIntegrity, FileSignature } from "../native/inspect.js";

/** A DLL that is to be registered, and what its signature is worth on this machine. */
export interface DllToRegister {
    /** Full path of the file. */
    file: string;
    signature: Pick<FileSignature, "by" | "trusted">;
}

/** One warning for each policy that refuses one of the DLLs, or would. Pure. */
export function codeIntegrityWarnings(
    { smartAppControl, userMode, auditOnly }: CodeIntegrity,
    dlls: readonly DllToRegister[],
): string[] {
    const doubtful = dlls.filter(({ signature }) => !signature.trusted);
    if (doubtful.length === 0) {
        return [];
    }
    const names = doubtful
        .map(
            ({ file, signature }) =>
                `${file} (${signature.by === "none" ? "not signed" : "signed, but not trusted here"})`,
        )
        .join(" and ");
    const consequence = "every program that it is to be loaded into would have no network";
    const remedy = "use a signed release, or --confirm-within so that the change undoes itself";
    const warnings: string[] = [];
    if (smartAppControl === "on") {
        warnings.push(`Smart App Control is on and may refuse ${names}: ${consequence}; ${remedy}.`);
    } else if (smartAppControl === "evaluation") {
        warnings.push(
            `Smart App Control is being tried out by Windows and may turn itself on; then it may refuse ${names}: ` +
                `${consequence}; ${remedy}.`,
        );
    }
    if (userMode && !auditOnly && smartAppControl !== "on") {
        warnings.push(`A policy of App Control (WDAC) is enforced and may refuse ${names}: ${consequence}; ${remedy}.`);
    }
    return warnings;
}

/** The same for this machine. A signature that cannot be read counts as none. */
export async function warnOfRefusedDlls(files: readonly string[]): Promise<string[]> {
    const state = native().codeIntegrity();
    const unsigned: DllToRegister["signature"] = { by: "none", trusted: false };
    if (
        codeIntegrityWarnings(
            state,
            files.map((file) => ({ file, signature: unsigned })),
        ).length === 0
    ) {
        return []; // nobody would refuse them, whatever their signatures: checking those takes a while
    }
    const dlls = files.map(async (file) => ({
        file,
        signature: await native()
            .readSignature(file)
            .catch(() => unsigned),
    }));
    return codeIntegrityWarnings(state, await Promise.all(dlls));
}
