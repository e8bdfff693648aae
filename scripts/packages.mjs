// npm packages that hold Windows programs: fetched from the registry when first needed, checked against a pinned hash,
// and kept in the user's cache, which all clones share. Nothing of them is a dependency of this package.
import { createHash } from "node:crypto";
import { createReadStream, mkdirSync, mkdtempSync, readdirSync, renameSync } from "node:fs";
import { rm } from "node:fs/promises";
import path from "node:path";
import { pipeline } from "node:stream/promises";
import { npm } from "./npm.mjs";
import { onWindows, systemProgram } from "./paths.mjs";
import { run } from "./processes.mjs";
import { SetupError } from "./progress.mjs";

/**
 * wanted: { package, version, sha512 }. folder: where what the package holds is to be; its parent may be missing.
 * The error of a file that came, but is another one, has `unexpected`.
 */
export async function fetchPackage(wanted, folder) {
    mkdirSync(path.dirname(folder), { recursive: true });
    const temporary = mkdtempSync(path.join(path.dirname(folder), ".fetching-"));
    try {
        const exactly = `${wanted.package}@${wanted.version}`;
        await run(...npm(["pack", exactly, "--silent", "--pack-destination", temporary]), {
            cwd: temporary,
            what: `npm pack ${exactly}`,
        });
        const archive = path.join(
            temporary,
            readdirSync(temporary).find((file) => file.endsWith(".tgz")),
        );
        const hash = createHash("sha512");
        await pipeline(createReadStream(archive), hash);
        if (hash.digest("base64") !== wanted.sha512) {
            throw Object.assign(new SetupError(`${exactly} is not the file that this project expects`), {
                unexpected: true,
            });
        }
        const tar = onWindows ? systemProgram("tar.exe") : "tar";
        await run(tar, ["-xzf", path.basename(archive)], { cwd: temporary });
        await rm(folder, { recursive: true, force: true });
        renameSync(path.join(temporary, "package"), folder);
    } finally {
        await rm(temporary, { recursive: true, force: true });
    }
}
