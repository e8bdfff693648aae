// npm run -s cli -- ARGS: the CLI of this clone, in Windows Node 22. Relative FILE arguments count from where the user
// called npm.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
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
    const code = await runWindows({
        environment,
        program: onWindows ? process.execPath : native(nodePath("node")),
        args: [native(path.join(project, "dist", "cli", "main.js")), ...words],
        // By these two the CLI knows that npm started it in this clone, and where the user was.
        variables: { INIT_CWD: native(callersFolder), npm_package_name: "winsock-spi" },
    });
    if (!onWindows && args.some((word) => word.startsWith("--confirm-within"))) {
        stayOn(environment);
    }
    return code;
}

/** Keeps the machine that the prefix is on as long as a change waits to be confirmed. */
function stayOn(environment) {
    const data = path.join(cliPrefix, "drive_c", "ProgramData", "winsock-spi");
    if (!existsSync(path.join(data, "journal.json"))) {
        return;
    }
    const { file, args, env } = relayed({
        environment, prefix: cliPrefix, program: native(nodePath("node")), folder: project, variables: {},
        args: [native(path.join(project, "scripts", "stay-on.cjs")), "C:\\ProgramData\\winsock-spi"],
    });
    spawn(file, args, { cwd: project, env, detached: true, stdio: "ignore" }).unref();
}
