// The binaries that the package brings, and whether they are still what it was made with. The sidecar beside them says
// so (scripts/hashes.mjs writes it). It finds damage: a download cut off, a disk, an antivirus that took a part. Whoever
// may write into the package can write the sidecar too; against that there are signatures and provenance (SECURITY.md).

import * as fs from "node:fs/promises";
import * as path from "node:path";
import { WinsockError } from "../errors.js";
import { sha256Of } from "./installed.js";
import type { ProviderFile } from "./plan-install.js";

const sidecar = "hashes.json";

/**
 * A file of a folder in prebuilds, to be copied.
 *
 * @throws WinsockError `ERR_FILE_NOT_FOUND`; `ERR_DLL_DAMAGED` if it is not the file that the package was made with.
 */
export async function packagedFile(folder: string, name: string): Promise<ProviderFile> {
    const from = path.join(folder, name);
    let sha256: string;
    try {
        sha256 = await sha256Of(from);
    } catch (error) {
        throw new WinsockError(`The package lacks ${from}: install it again, or build it.`, {
            code: "ERR_FILE_NOT_FOUND",
            cause: error,
        });
    }
    const expected = (await expectedHashes(folder))[name];
    if (sha256 !== expected) {
        const told = typeof expected === "string" ? `has ${expected}` : "does not name it";
        throw damaged(
            `${from} is not the file that the package was made with: its SHA-256 is ${sha256}, and ${sidecar} ${told}.`,
        );
    }
    return { from, sha256 };
}

async function expectedHashes(folder: string): Promise<Readonly<Record<string, unknown>>> {
    const file = path.join(folder, sidecar);
    try {
        const { files } = JSON.parse(await fs.readFile(file, "utf8")) as { files?: unknown };
        if (typeof files === "object" && files !== null) {
            return files as Record<string, unknown>;
        }
    } catch (error) {
        throw damaged(`${file}, which says what the package's files are, is missing or damaged.`, error);
    }
    throw damaged(`${file}, which says what the package's files are, is damaged.`);
}

function damaged(what: string, cause?: unknown): WinsockError {
    return new WinsockError(
        `${what} Nothing was changed. Install the package again (npm install --force winsock-spi), and see what your ` +
            "antivirus says if that does not help; binaries that you have built or signed yourself need a new " +
            "hashes.json (in the clone: node scripts/hashes.mjs).",
        { code: "ERR_DLL_DAMAGED", cause },
    );
}
