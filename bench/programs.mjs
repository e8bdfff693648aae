// The Windows programs of tests and benchmarks that the set-up builds.
import { existsSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const builds = fileURLToPath(new URL("../.cache/build/", import.meta.url));

/** The 64-bit program of that name, whichever compiler made it. */
export function programFile(name) {
    const files = ["mingw-x64", "msvc-x64"].map((preset) =>
        path.join(builds, preset, "bin", "programs", `${name}.exe`),
    );
    const file = files.find(existsSync);
    if (file === undefined) {
        throw new Error(`${name} is not built (npm run bench does): ${files.join(", ")}`);
    }
    return file;
}
