// npm run bench: the benchmarks of bench/, in Windows Node.
import { existsSync } from "node:fs";
import path from "node:path";
import { nodePath } from "./nodes.mjs";
import { onWindows, project } from "./paths.mjs";
import { SetupError } from "./progress.mjs";
import { native, runWindows } from "./run-windows.mjs";
import { setup } from "./setup.mjs";

export async function main(args) {
    const file = path.join(project, "bench", "main.mjs");
    if (!existsSync(file)) {
        throw new SetupError("There are no benchmarks yet (bench/main.mjs).", 2);
    }
    const environment = await setup({ nodes: onWindows ? [] : ["node"] });
    return runWindows({
        environment,
        program: onWindows ? process.execPath : native(nodePath("node")),
        args: [native(file), ...args],
        folder: project,
    });
}
