// Where the installed provider's files lie, and how they are called. Pure; paths are Windows paths on any system.

import { win32 as path } from "node:path";

export { type MachineArch, architecture, packagedRescue, rescueFile } from "../plan/helpers.js";

export const providerFile = "winsock_spi_lsp.dll";

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
