// Writing a file so that it is there whole or not at all.

import { randomUUID } from "node:crypto";
import * as fs from "node:fs/promises";
import { WinsockError } from "./errors.js";

/**
 * Writes a text into a temporary file beside `file`, flushes it, and renames it: what was there before stays until the
 * new file is complete.
 *
 * @param what How the file is called in the message of an error, e.g. `the backup`.
 * @throws WinsockError `ERR_NOT_WRITABLE`.
 */
export async function writeWholeFile(file: string, text: string, what: string): Promise<void> {
    const temporary = `${file}.${randomUUID()}.tmp`;
    try {
        const handle = await fs.open(temporary, "wx");
        try {
            await handle.writeFile(text, "utf8");
            await handle.sync();
        } finally {
            await handle.close();
        }
        await fs.rename(temporary, file);
    } catch (error) {
        await fs.rm(temporary, { force: true }).catch(() => undefined);
        const reason = error instanceof Error ? error.message : String(error);
        throw new WinsockError(`Cannot write ${what} ${file}: ${reason}. Nothing was changed; choose another folder.`, {
            code: "ERR_NOT_WRITABLE",
            cause: error,
        });
    }
}
