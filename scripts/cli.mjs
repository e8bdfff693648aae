// npm run -s cli -- ARGS: the CLI of this clone, in Windows Node 22. Relative FILE arguments count from where the user
// called npm.
import { spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { nodePath, nodes } from "./nodes.mjs";
import { callersFolder, onWindows, project } from "./paths.mjs";
import { native, runWindows } from "./run-windows.mjs";
import { cliPrefix } from "./prefix.mjs";
import { setup } from "./setup.mjs";
import { relayed } from "./wine.mjs";

/**
 * The PROGRAM of `watch -- PROGRAM` means what it means to `npm run windows`: the name of a Node, or a host path. All
 * else the CLI finds itself. Gives { words: the arguments as the CLI gets them, needed: names of Nodes }.
 */
function translate(args) {
    const at = args.indexOf("--") + 1;
    const name = args[at];
    if (args[0] !== "watch" || at === 0 || name === undefined) {
        return { words: args, needed: [] };
    }
    if (Object.hasOwn(nodes, name)) {
        return { words: args.with(at, native(nodePath(name))), needed: [name] };
    }
    return { words: !onWindows && name.startsWith("/") ? args.with(at, native(name)) : args, needed: [] };
}

export async function main(args) {
    const { words, needed } = translate(args);
    const environment = await setup({ nodes: [...new Set([...(onWindows ? [] : ["node"]), ...needed])] });
    const confirmed = !onWindows && args.some((word) => word.startsWith("--confirm-within"));
    const letGo = confirmed ? await stayOn(environment) : () => {};
    try {
        return await runWindows({
            environment,
            program: onWindows ? process.execPath : native(nodePath("node")),
            args: [native(path.join(project, "dist", "cli", "main.js")), ...words],
            // By these two the CLI knows that npm started it in this clone, and where the user was.
            variables: { INIT_CWD: native(callersFolder), npm_package_name: "winsock-spi" },
        });
    } finally {
        letGo();
    }
}

/**
 * Keeps the machine that the prefix is on from now until no change waits to be confirmed any more. The CLI has ended when
 * the function that this gives is called.
 */
async function stayOn(environment) {
    const { file, args, env } = relayed({
        environment,
        prefix: cliPrefix,
        program: native(nodePath("node")),
        folder: project,
        variables: {},
        args: [native(path.join(project, "scripts", "stay-on.cjs")), "C:\\ProgramData\\winsock-spi"],
    });
    const child = spawn(file, args, { cwd: project, env, detached: true, stdio: ["pipe", "pipe", "ignore"] });
    await Promise.race([once(child.stdout, "data"), once(child, "close")]);
    return () => {
        child.stdin.end();
        child.stdout.destroy();
        child.unref();
    };
}
