// npm run -s windows -- PROGRAM ARGS: any Windows program, on the same Winsock that `npm run cli` works on.
import { nodes } from "./nodes.mjs";
import { findProgram, runWindows } from "./run-windows.mjs";
import { setup } from "./setup.mjs";

export async function main([name, ...args]) {
    if (name === undefined) {
        process.stderr.write(`usage: npm run -s windows -- PROGRAM ARGS...\n
PROGRAM: ${Object.keys(nodes).join(", ")} (Windows Nodes), a file (with a slash or backslash), or a name in the Windows PATH\n`);
        return 64;
    }
    const wanted = Object.hasOwn(nodes, name) ? ["node", name] : ["node"];
    const environment = await setup({ nodes: [...new Set(wanted)] });
    return runWindows({ environment, program: findProgram(name), args });
}
