// The types of the package as its users see them: test/types compiled against the unpacked tarball, the declaration files
// of which are checked too (skipLibCheck is off), under each way of finding modules that TypeScript has for Node and for
// bundlers.
import { cpSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { packed } from "../pack.mjs";
import { project } from "../paths.mjs";
import { attempt } from "../processes.mjs";

/** files: which of test/types; CommonJS in TypeScript has require() of ES modules from node20 on. */
const ways = {
    nodenext: { module: "nodenext", files: ["accepts.ts", "refuses.ts", "require.cts"] },
    node16: { module: "node16", files: ["accepts.ts", "refuses.ts"] },
    bundler: { module: "esnext", moduleResolution: "bundler", files: ["accepts.ts", "refuses.ts"] },
};

export async function check() {
    const { folder } = await packed();
    const consumer = path.join(path.dirname(folder), "consumer");
    layOut(consumer, folder);
    const problems = [];
    for (const way of Object.keys(ways)) {
        const args = [path.join(project, "node_modules", "typescript", "bin", "tsc"), "--project", `${way}.json`];
        const { code, output } = await attempt(process.execPath, args, { cwd: consumer });
        if (code !== 0) {
            problems.push(
                ...output
                    .trim()
                    .split("\n")
                    .map((line) => `test/types, module resolution ${way}: ${line}`),
            );
        }
    }
    return problems;
}

/** A project that has installed the package and @types/node, and nothing else. */
function layOut(consumer, folder) {
    rmSync(consumer, { recursive: true, force: true });
    mkdirSync(path.join(consumer, "node_modules", "@types"), { recursive: true });
    link(folder, path.join(consumer, "node_modules", "winsock-spi"));
    for (const name of ["@types/node", "undici-types"]) {
        link(path.join(project, "node_modules", name), path.join(consumer, "node_modules", name));
    }
    cpSync(path.join(project, "test", "types"), consumer, { recursive: true });
    writeFileSync(path.join(consumer, "package.json"), JSON.stringify({ name: "consumer", type: "module" }));
    for (const [way, { files, ...resolution }] of Object.entries(ways)) {
        const compilerOptions = {
            ...resolution,
            target: "es2022",
            lib: ["es2023", "esnext.disposable"],
            strict: true,
            noEmit: true,
            skipLibCheck: false,
            // Otherwise the declarations would be looked for in the project that this folder lies in.
            preserveSymlinks: true,
        };
        writeFileSync(path.join(consumer, `${way}.json`), JSON.stringify({ compilerOptions, files }));
    }
}

function link(to, at) {
    symlinkSync(to, at, "junction"); // that is: for Windows; elsewhere it says nothing
}
