// Where the installed provider's files lie, and how they are called. Pure; paths are Windows paths on any system.

import { win32 as path } from "node:path";
import type { CatalogName } from "../catalog/model.js";

export const providerFile = "winsock_spi_lsp.dll";
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

/** `<ProgramFiles>\winsock-spi`: everything of ours that is a program. */
export function programsFolder(programFiles: string): string {
    return path.join(programFiles, "winsock-spi");
}

/** `<ProgramData>\winsock-spi`: everything of ours that is data. */
export function dataFolder(programData: string): string {
    return path.join(programData, "winsock-spi");
}

/** The folder of one version: `<ProgramFiles>\winsock-spi\<version>`. */
export function versionFolder(programFiles: string, version: string): string {
    return path.join(programsFolder(programFiles), version);
}

/** The rescue program of one bitness as the package brings it; it does the steps of the catalog that this Node cannot. */
export function packagedRescue(packageRoot: string, bits: CatalogName, arch: MachineArch): string {
    return path.join(packageRoot, "prebuilds", architecture(bits, arch).prebuilds, rescueFile);
}
