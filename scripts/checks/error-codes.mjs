// docs/troubleshooting.md has a row for every ERR_ code that the sources throw, and no other.
import { readFileSync } from "node:fs";
import path from "node:path";
import { project } from "../paths.mjs";
import { sourceFiles } from "../source-files.mjs";

const page = "docs/troubleshooting.md";

export async function check() {
    const files = (await sourceFiles("*.ts", "*.cpp", "*.hpp")).filter((file) => /^(lib|native)\//.test(file));
    const read = (file) => readFileSync(path.join(project, file), "utf8");
    return codeProblems(new Map(files.map((file) => [file, read(file)])), read(page));
}

/** sources: Map of file to text; text: the page. */
export function codeProblems(sources, text) {
    const thrown = new Map();
    for (const [file, source] of sources) {
        source.split("\n").forEach((line, index) => {
            for (const [, code] of line.matchAll(/"(ERR_[A-Z0-9_]+)"/g)) {
                thrown.set(code, thrown.get(code) ?? `${file}:${index + 1}`);
            }
        });
    }
    const told = new Map();
    const problems = [];
    let section = "";
    text.split("\n").forEach((line, index) => {
        section = line.startsWith("## ") ? line : section;
        const first = /^\| (`ERR_[^|]*)\|/.exec(line)?.[1] ?? "";
        for (const [, code] of first.matchAll(/`(ERR_[A-Z0-9_]+)`(?!:)/g)) {
            if (told.has(code) && section === told.get(code).section) {
                problems.push(`${page}:${index + 1}: ${code} has a row in line ${told.get(code).line} already`);
            }
            told.set(code, { line: index + 1, section });
            if (!thrown.has(code)) {
                problems.push(`${page}:${index + 1}: nothing throws ${code}; take it out`);
            }
        }
    });
    for (const [code, place] of thrown) {
        if (!told.has(code)) {
            problems.push(`${place}: ${code} is not in ${page}; say there what it means and what to do`);
        }
    }
    return problems;
}
