// The code in README.md and docs works: TypeScript compiles against the package's own types, policies parse, commands
// are commands with options that they have, JSON parses, and C++ is what stands in the file that it is taken from.
//
// What a reader need not see of a sample (the variables that it is given) stands in an HTML comment right before it:
// <!-- given: declare const socket: net.Socket; -->; where a block of C++ comes from: <!-- from: docs/samples/x.cpp -->.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { codeBlocks, inlineCode, proseLines } from "../docs/markdown.mjs";
import { typeProblems } from "../docs/sample-types.mjs";
import { commandLine } from "../docs/cli-reference.mjs";
import { project } from "../paths.mjs";
import { sourceFiles } from "../source-files.mjs";

export async function check() {
    const read = (file) => readFileSync(path.join(project, file), "utf8");
    const files = (await sourceFiles("*.md")).filter(
        (file) => /^(docs\/|[^/]+$)/.test(file) && !file.startsWith("docs/api/"),
    );
    return sampleProblems(new Map(files.map((file) => [file, read(file)])), read);
}

/** pages: Map of path to text; read: gives the text of a file of the project. */
export async function sampleProblems(pages, read) {
    const index = pathToFileURL(path.join(project, "dist", "index.js")).href;
    const [{ parsePolicy }, { parse: parseYaml }] = [await import(index), createRequire(import.meta.url)("yaml")];
    const scripts = JSON.parse(read("package.json")).scripts;
    const problems = [];
    const samples = [];
    for (const [file, text] of pages) {
        for (const block of codeBlocks(text)) {
            const place = `${file}:${block.line}`;
            const tell = (what) => problems.push(`${place}: ${what}`);
            if (block.language === "ts") {
                samples.push({ ...block, file });
            } else if (block.language === "yaml") {
                attempt(tell, () => (/^version: \d/m.test(block.text) ? parsePolicy : parseYaml)(block.text));
            } else if (block.language === "json") {
                attempt(tell, () => JSON.parse(block.text));
            } else if (block.language === "cpp") {
                quoteProblem(block, read, tell);
            } else if (["sh", "bat", "powershell"].includes(block.language)) {
                for (const { command, line } of commandsOf(block)) {
                    const problem = await commandProblem(command, scripts);
                    if (problem !== undefined) {
                        problems.push(`${file}:${line}: ${problem}`);
                    }
                }
            } else if (block.language !== "text") {
                tell(`a block of "${block.language}", which is not checked: name what it is (text if nothing else)`);
            }
        }
        for (const [number, line] of proseLines(text).entries()) {
            for (const code of inlineCode(line)) {
                const problem = await inlineProblem(code, scripts);
                if (problem !== undefined) {
                    problems.push(`${file}:${number + 1}: ${problem}`);
                }
            }
        }
    }
    return [...problems, ...typeProblems(samples)];
}

function attempt(tell, parse) {
    try {
        parse();
    } catch (error) {
        tell(error.message);
    }
}

function quoteProblem({ hint, text }, read, tell) {
    const from = /^from:\s*(\S+)/.exec(hint)?.[1];
    if (from === undefined) {
        tell("C++ that is not compiled: put it into docs/samples and say <!-- from: FILE --> before it");
    } else if (!read(from).replaceAll("\r\n", "\n").includes(text)) {
        tell(`${from} has these lines no more, or others`);
    }
}

/** The commands of a shell block, without comments, with continued lines joined. */
function commandsOf({ text, line }) {
    const commands = [];
    let open;
    text.split("\n").forEach((raw, index) => {
        const words = raw.replace(/^\$ /, "").replace(/(^|\s)#.*$/, "");
        open = { command: `${open?.command ?? ""}${words}`, line: open?.line ?? line + index + 1 };
        if (words.endsWith("\\")) {
            open.command = open.command.slice(0, -1);
            return;
        }
        commands.push(...open.command.split(/&&|\|(?![^"']*["'])/).map((command) => ({ ...open, command })));
        open = undefined;
    });
    return commands.filter(({ command }) => command.trim() !== "");
}

/** Words as a shell sees them, quotes taken off. */
function wordsOf(command) {
    return Array.from(command.matchAll(/(?:[^\s"']|"[^"]*"|'[^']*')+/g), ([word]) => word.replace(/["']/g, ""));
}

/** What comes after the name of our program, if a command is one of ours. */
function ourArguments(words) {
    if (words[0] === "winsock-spi") {
        return words.slice(1);
    }
    if (words[0] === "npx" && words[1] === "winsock-spi") {
        return words.slice(2);
    }
    const cli = words[0] === "npm" && words.includes("cli") && words.includes("--");
    return cli ? words.slice(words.indexOf("--") + 1) : undefined;
}

export async function commandProblem(command, scripts) {
    const words = wordsOf(command);
    const args = ourArguments(words);
    if (words[0] === "npm" && args === undefined) {
        return npmProblem(words, scripts);
    }
    if (args === undefined) {
        return undefined;
    }
    const program = silent(await commandLine());
    try {
        await program.parseAsync(args, { from: "user" });
    } catch (error) {
        return error.exitCode === 0 ? undefined : `${command.trim()}: ${error.message}`;
    }
    return undefined;
}

function npmProblem(words, scripts) {
    const rest = words.slice(1).filter((word) => !word.startsWith("-"));
    const name = rest[0] === "run" ? rest[1] : rest[0] === "test" ? "test" : undefined;
    return name === undefined || Object.hasOwn(scripts, name) ? undefined : `package.json has no script "${name}"`;
}

/** Has a program and its commands parse and do nothing. */
function silent(program) {
    program.exitOverride().configureOutput({ writeOut: () => {}, writeErr: () => {}, outputError: () => {} });
    if (program.commands.length === 0) {
        program.action(() => {});
    }
    program.commands.forEach(silent);
    return program;
}

/** Of a command in running text, which may be a part of one: whether it has such a command and such long options. */
async function inlineProblem(code, scripts) {
    const words = wordsOf(code);
    const args = ourArguments(words);
    if (args === undefined) {
        return words[0] === "npm" ? npmProblem(words, scripts) : undefined;
    }
    let command = await commandLine();
    const end = args.includes("--") ? args.indexOf("--") : args.length;
    for (const word of args.slice(0, end)) {
        const child = command.commands.find((one) => one.name() === word);
        if (child !== undefined) {
            command = child;
        } else if (command.commands.length > 0 && word !== "help" && /^[a-z]+$/.test(word)) {
            return `${code}: there is no command "${word}"`;
        } else if (/^--[a-z]/.test(word) && !hasOption(command, word)) {
            return `${code}: ${command.name()} has no option ${word}`;
        }
    }
    return undefined;
}

function hasOption(command, word) {
    return ["--help", "--version"].includes(word) || command.options.some(({ long }) => long === word.split("=")[0]);
}
