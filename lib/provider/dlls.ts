// Provider DLLs that somebody names: which catalog each is for.

import * as fs from "node:fs/promises";
import * as path from "node:path";
import type { CatalogName } from "../catalog/model.js";
import { WinsockError } from "../errors.js";
import { processorHeaderSize, processorOf } from "../native/processor.js";
import { checkPath } from "./plan-install.js";

/**
 * The DLLs by the catalog that each is for, as full paths.
 *
 * @param call Whose option `dlls` it is.
 * @throws WinsockError `ERR_FILE_NOT_FOUND`, `ERR_WRONG_DLL`, `ERR_PATH_TOO_LONG`.
 * @throws TypeError if they are no list of paths, or two are for one catalog.
 */
export async function chosenDlls(call: string, dlls: readonly string[]): Promise<Map<CatalogName, string>> {
    if (!Array.isArray(dlls) || dlls.length === 0 || !dlls.every((dll) => typeof dll === "string")) {
        throw new TypeError(`${call}: dlls must be a list of paths`);
    }
    const chosen = new Map<CatalogName, string>();
    for (const dll of dlls) {
        const file = checkPath(path.resolve(dll));
        const bits = await bitnessOf(file);
        if (chosen.has(bits)) {
            throw new TypeError(`${call}: two DLLs for the ${bits}-bit catalog: ${chosen.get(bits) ?? ""} and ${file}`);
        }
        chosen.set(bits, file);
    }
    return chosen;
}

/**
 * The catalog whose programs can load a DLL, from the processor in its PE header.
 * https://learn.microsoft.com/windows/win32/debug/pe-format
 */
async function bitnessOf(file: string): Promise<CatalogName> {
    const header = Buffer.alloc(processorHeaderSize);
    let length: number;
    try {
        const handle = await fs.open(file, "r");
        try {
            length = (await handle.read(header, 0, header.byteLength, 0)).bytesRead;
        } finally {
            await handle.close();
        }
    } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        throw new WinsockError(`Cannot read the provider DLL ${file}: ${reason}`, {
            code: "ERR_FILE_NOT_FOUND",
            cause: error,
        });
    }
    switch (processorOf(header.subarray(0, length))) {
        case "x64":
        case "arm64":
            return "64";
        case "ia32":
            return "32";
        default:
            throw new WinsockError(`${file} is not a Windows DLL for x64, ARM64 or x86.`, { code: "ERR_WRONG_DLL" });
    }
}
