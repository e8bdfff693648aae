// Where the package's rescue programs lie: they do the steps in the catalog that a program of this bitness cannot reach.
// Pure; paths are Windows paths on any system.

import { win32 as path } from "node:path";
import type { CatalogName } from "../catalog/model.js";
import type { Plan } from "./plan.js";

export const rescueFile = "winsock-spi-rescue.exe";

/** Architecture of a Windows, as the addon tells it. */
export type MachineArch = "x64" | "ia32" | "arm64";

/**
 * How the files for one catalog are called: the folder below the version where they are installed, and the folder of
 * the package's prebuilds from which they come. Programs of the 64-bit catalog are of the machine's own architecture.
 */
export function architecture(bits: CatalogName, arch: MachineArch): { folder: string; prebuilds: string } {
    if (bits === "32") {
        return { folder: "x86", prebuilds: "win32-ia32" };
    }
    return arch === "arm64" ? { folder: "arm64", prebuilds: "win32-arm64" } : { folder: "x64", prebuilds: "win32-x64" };
}

/** The rescue program of one bitness as the package brings it. */
export function packagedRescue(packageRoot: string, bits: CatalogName, arch: MachineArch): string {
    return path.join(packageRoot, "prebuilds", architecture(bits, arch).prebuilds, rescueFile);
}

/** The rescue programs of the package for every catalog of this machine, as a plan names them. */
export function packagedHelpers(
    packageRoot: string,
    { arch, catalogs }: { arch: MachineArch; catalogs: readonly (32 | 64)[] },
): NonNullable<Plan["helpers"]> {
    const names = catalogs.map((number): CatalogName => (number === 64 ? "64" : "32"));
    return Object.fromEntries(names.map((bits) => [bits, packagedRescue(packageRoot, bits, arch)]));
}
