// Every relative link and anchor in a .md file leads somewhere, and paths of the project in backticks, or pages of docs
// in comments of the sources, name what is there. Addresses of the web are not asked.
import { readFileSync } from "node:fs";
import path from "node:path";
import { anchors, inlineCode, linkTargets, proseLines } from "../docs/markdown.mjs";
import { project } from "../paths.mjs";
import { sourceFiles } from "../source-files.mjs";

export async function check() {
    const all = await sourceFiles();
    const read = (file) => readFileSync(path.join(project, file), "utf8");
    const pages = new Map(all.filter((file) => file.endsWith(".md")).map((file) => [file, read(file)]));
    const sources = all.filter((file) =>
        /^(lib|native|scripts|bench|cmake)\/.*\.([cm]?[jt]s|[ch]pp|cmake)$/.test(file),
    );
    return [...linkProblems(pages, all), ...sources.flatMap((file) => mentionProblems(file, read(file), all))];
}

/** pages: Map of path to text of every .md file; all: every file of the project. */
export function linkProblems(pages, all) {
    const there = withFolders(all);
    const anchorsOf = new Map();
    const known = (page) => {
        if (!anchorsOf.has(page)) {
            anchorsOf.set(page, anchors(pages.get(page)));
        }
        return anchorsOf.get(page);
    };
    const targetProblem = (file, target) => {
        if (/^[a-z][a-z0-9+.-]*:/i.test(target)) {
            return undefined;
        }
        const [name, anchor] = decodeURI(target).split("#");
        const wanted = name === "" ? file : path.posix.normalize(path.posix.join(path.posix.dirname(file), name));
        if (!there.has(wanted.replace(/\/$/, ""))) {
            return `there is no ${wanted}`;
        }
        if (anchor !== undefined && pages.has(wanted) && !known(wanted).has(anchor)) {
            return `${wanted} has no heading "${anchor}"`;
        }
        return undefined;
    };
    return [...pages].flatMap(([file, text]) =>
        proseLines(text).flatMap((line, index) => {
            const links = linkTargets(line).map((target) => targetProblem(file, target));
            const paths = inlineCode(line)
                .filter((code) => !isThere(code, there))
                .map((code) => `there is no file ${code}`);
            const found = [...links.filter((problem) => problem !== undefined), ...paths];
            return found.map((problem) => `${file}:${index + 1}: ${problem}`);
        }),
    );
}

/** Pages of docs that a source names. */
export function mentionProblems(file, text, all) {
    return text.split("\n").flatMap((line, index) =>
        Array.from(line.matchAll(/(?<![\w/.-])docs\/[\w-]+\.md\b/g), ([page]) => page)
            .filter((page) => !all.includes(page))
            .map((page) => `${file}:${index + 1}: there is no ${page}`),
    );
}

function withFolders(all) {
    const there = new Set(all);
    for (const file of all) {
        for (let folder = path.posix.dirname(file); folder !== "."; folder = path.posix.dirname(folder)) {
            there.add(folder);
        }
    }
    return there;
}

const folders = /^(?:lib|native|test|scripts|docs|bench|cmake|\.github)\//;
const fileName = /^[\w*.-]+\.(?:test\.ts|mjs|cpp|hpp)$/;

/** Whether a text in backticks is no path of the project, or one that exists; `*` stands for anything in a name. */
function isThere(code, there) {
    const name = code.replace(/\/$/, "");
    if (!/^[\w*./-]+$/.test(name) || !(folders.test(name) || fileName.test(name))) {
        return true;
    }
    if (there.has(name)) {
        return true;
    }
    const pattern = name.replace(/[.+]/g, "\\$&").replaceAll("*", "[^/]*");
    const expression = new RegExp(folders.test(name) ? `^${pattern}$` : `(^|/)${pattern}$`);
    return [...there].some((file) => expression.test(file));
}
