// npm run demo: the set-up, then the demo itself (scripts/demo/main.mjs) in Windows Node.
import path from "node:path";
import { createInterface } from "node:readline/promises";
import { nodePath } from "./nodes.mjs";
import { onWindows, project } from "./paths.mjs";
import { native, runWindows } from "./run-windows.mjs";
import { reasonNotToChange } from "./live.mjs";
import { setup } from "./setup.mjs";

export async function main(args) {
    const environment = await setup({ nodes: onWindows ? [] : ["node"] });
    return runWindows({
        environment,
        program: onWindows ? process.execPath : native(nodePath("node")),
        args: [native(path.join(project, "scripts", "demo", "main.mjs")), ...args],
        variables: (await mayInstall()) ? {} : { WINSOCK_SPI_DEMO: "dry-run" },
        folder: project,
    });
}

/** A real machine is changed only if its user says so. */
async function mayInstall() {
    const reason = await reasonNotToChange({ asked: true });
    if (reason !== undefined) {
        process.stderr.write(`winsock-spi: dry run: ${reason}\n`);
        return false;
    }
    if (!onWindows || process.env.WINSOCK_SPI_LIVE === "1") {
        return true;
    }
    const terminal = createInterface({ input: process.stdin, output: process.stderr });
    const question = "The demo installs a layered provider on this machine and takes it out again. Type yes to go on: ";
    const answer = await terminal.question(question);
    terminal.close();
    return answer.trim() === "yes";
}
