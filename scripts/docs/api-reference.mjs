// docs/api/: the public API by typedoc, one page for each folder of lib that lib/index.ts exports from. No line numbers
// and no addresses of commits, so that the pages change only when what they describe does.
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { local, project } from "../paths.mjs";

export const apiFolder = "docs/api";

const work = path.join(local, "api-reference");
const options = JSON.parse(readFileSync(path.join(project, "typedoc.json"), "utf8"));

/** { files: Map of name to text, problems: what typedoc warns of }. */
export async function apiReference() {
    // It loads TypeScript, which takes long: only where it is needed.
    const typedoc = await import("typedoc");
    const out = path.join(work, "out");
    rmSync(work, { recursive: true, force: true });
    mkdirSync(work, { recursive: true });
    const entryPoints = writeEntries();
    const app = await typedoc.Application.bootstrapWithPlugins({
        ...options,
        entryPoints,
        basePath: work,
        tsconfig: path.join(work, "tsconfig.json"),
        outputs: [{ name: "markdown", path: out }],
    });
    const problems = [];
    app.logger = collector(typedoc, problems);
    const converted = await app.convert();
    if (converted === undefined) {
        return { files: new Map(), problems };
    }
    app.validate(converted);
    await app.generateOutputs(converted);
    const files = new Map(
        readdirSync(out)
            .sort()
            .map((name) => [name, clean(readFileSync(path.join(out, name), "utf8"))]),
    );
    return { files, problems: [...new Set(problems)] };
}

/** One module per page, which exports what lib/index.ts exports from that folder. */
function writeEntries() {
    const pages = pagesOf(readFileSync(path.join(project, "lib", "index.ts"), "utf8"));
    const files = [...pages].map(([page, lines]) => {
        writeFileSync(path.join(work, `${page}.ts`), lines.join("\n"));
        return `${page}.ts`;
    });
    const compilerOptions = { rootDir: project, noEmit: true, declaration: false, sourceMap: false };
    const configuration = { extends: path.join(project, "tsconfig.json"), compilerOptions, files, include: [] };
    writeFileSync(path.join(work, "tsconfig.json"), JSON.stringify(configuration));
    return files.map((file) => path.join(work, file));
}

/** The export statements of an index file by the folder that they name; files beside it are page "errors". */
export function pagesOf(index) {
    const pages = new Map();
    for (const [, what, from] of index.matchAll(/^export ((?:type )?\{[^}]*\}) from "\.\/([^"]+)";/gm)) {
        const folder = from.includes("/") ? from.slice(0, from.indexOf("/")) : beside[from];
        const page = folder ?? from.replace(/\.js$/, "");
        const lines = pages.get(page) ?? [];
        lines.push(`export ${what} from "../../lib/${from}";`);
        pages.set(page, lines);
    }
    return pages;
}

/** Pages of the files that are in no folder. */
const beside = { "native.js": "plan" };

/** A logger that keeps what is worth a line and says nothing else. */
function collector({ Logger, LogLevel }, problems) {
    return new (class extends Logger {
        log(message, level) {
            super.log(message, level); // counts
            if (level >= LogLevel.Warn) {
                problems.push(message);
            }
        }
    })();
}

/** One line end at the end, none of the anchors that only other generators need. */
function clean(text) {
    return `${text.replace(/[ \t]+$/gm, "").trim()}\n`;
}
