// clang-tidy on the C++ of native/, with the checks of .clang-tidy and the definitions of the x64 build. It is a second
// compiler too: what only GCC accepts is found here. `npm run test:full` adds clang's static analyzer.
//
// Each file begins with the precompiled header of its target, as in the build, but made by clang: most of the time goes
// into reading the headers of Windows. What was found to be without fault is remembered, by content, in the cache that
// clones share: it takes two minutes of two processors to look at everything.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { buildFolder, local, onWindows, project, shared } from "../paths.mjs";
import { attempt } from "../processes.mjs";
import { sourceFiles } from "../source-files.mjs";
import { contentKey } from "../stamp.mjs";

const filesAtOnce = 6;
const passed = path.join(shared, "clang-tidy");
const base = ["--target=x86_64-w64-mingw32", "-Wno-everything"]; // the warnings are GCC's and MSVC's affair

export async function check({ environment, full }) {
    if (onWindows || environment?.root === undefined) {
        return { skipped: "clang-tidy-19 is in the Debian root that the set-up on Linux makes" };
    }
    const run = (argv) => {
        const [file, ...args] = environment.enter(argv, project);
        return attempt(file, args, { cwd: project });
    };
    const checks = full ? ["--checks=clang-analyzer-*,-clang-analyzer-optin.performance.Padding"] : [];
    const headers = (await sourceFiles(".hpp")).filter((file) => file.startsWith("native/"));
    const common = contentKey(
        [".clang-tidy", ...headers].map((file) => path.join(project, file)),
        full,
        environment.key,
    );
    const mark = (file, flags) =>
        path.join(passed, contentKey([path.join(project, file)], common, file, flags.join(" ")));
    const wanted = targets()
        .map((target) => ({ ...target, files: target.files.filter((file) => !existsSync(mark(file, target.flags))) }))
        .filter(({ files }) => files.length > 0);
    const groups = await Promise.all(wanted.map((target) => withHeader(run, target)));
    const batches = groups.flatMap((group) => chunks(group.files).map((chunk) => ({ ...group, chunk })));
    const problems = new Set();
    const work = async () => {
        for (let batch = batches.pop(); batch !== undefined; batch = batches.pop()) {
            const { chunk, flags, header } = batch;
            const argv = ["clang-tidy-19", "--quiet", ...checks, ...chunk, "--", ...base, ...flags, ...header];
            const { code, output } = await run(argv);
            const found = output.split("\n").filter((line) => / (error|warning): /.test(line));
            found.forEach((line) => problems.add(path.relative(project, line)));
            if (code !== 0 && found.length === 0) {
                problems.add(`clang-tidy-19 ${chunk.join(" ")}: ${output}`);
            }
            if (code === 0 && found.length === 0) {
                mkdirSync(passed, { recursive: true });
                chunk.forEach((file) => writeFileSync(mark(file, flags), ""));
            }
        }
    };
    await Promise.all(Array.from({ length: os.availableParallelism() }, work));
    return [...problems].sort();
}

/** The CMake targets that hold files of native/: { name, flags, header, files }. */
function targets() {
    const database = path.join(buildFolder("mingw-x64"), "compile_commands.json");
    const found = new Map();
    const seen = new Set();
    for (const { file, command, output } of JSON.parse(readFileSync(database, "utf8"))) {
        const name = /CMakeFiles\/([^/]+)\.dir\//.exec(output)?.[1];
        const source = path.relative(project, file);
        if (
            name === undefined ||
            !source.startsWith(`native${path.sep}`) ||
            !source.endsWith(".cpp") ||
            seen.has(source)
        ) {
            continue;
        }
        seen.add(source);
        const words = command.split(/\s+/);
        const flags = words.filter((word) => /^-(D|I|std=)/.test(word));
        const isystem = words.flatMap((word, at) => (word === "-isystem" ? [word, words[at + 1]] : []));
        const header = words[words.indexOf("-include") + 1];
        const target = found.get(name) ?? {
            name,
            flags: [...flags, ...isystem],
            header: words.includes("-include") && existsSync(header) ? header : undefined,
            files: [],
        };
        target.files.push(source);
        found.set(name, target);
    }
    return [...found.values()];
}

/** The target with the arguments that bring clang's precompiled header in. */
async function withHeader(run, { name, flags, header, files }) {
    if (header === undefined) {
        return { flags, files, header: [] };
    }
    const folder = path.join(local, "clang-tidy");
    mkdirSync(folder, { recursive: true });
    const compiled = path.join(folder, `${name}.pch`);
    const { code } = await run(["clang++-19", ...base, ...flags, "-x", "c++-header", header, "-o", compiled]);
    return { flags, files, header: code === 0 ? ["-include-pch", compiled] : ["-include", header] };
}

function chunks(files) {
    return Array.from({ length: Math.ceil(files.length / filesAtOnce) }, (_, index) =>
        files.slice(index * filesAtOnce, (index + 1) * filesAtOnce),
    );
}
