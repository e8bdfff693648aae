// docs/cli.md: what `--help` says of each command, as one page.
import path from "node:path";
import { pathToFileURL } from "node:url";
import { project } from "../paths.mjs";

export const cliFile = "docs/cli.md";

const head = `# The commands

Generated from the commands themselves by \`npm run docs\`; \`winsock-spi help COMMAND\` prints the same. What the exit codes
mean, what \`--json\` prints when something fails, and what every change to the system has in common: [README](../README.md#cli).
What each error code means: [troubleshooting.md](troubleshooting.md).
`;

/** The program with all its commands, as \`winsock-spi\` has it. */
export async function commandLine() {
    const file = path.join(project, "dist", "cli", "program.js");
    const { makeProgram } = await import(pathToFileURL(file).href);
    return makeProgram([], false);
}

export async function cliReference() {
    const program = await commandLine();
    return referenceOf(program);
}

/** The page for a commander program. */
export function referenceOf(program) {
    const commands = leaves(program);
    const contents = commands.map(
        ({ name, command }) => `| [\`${name}\`](#${anchor(name)}) | ${cell(command.description())} |`,
    );
    return [
        head,
        ["| command | does |", "| --- | --- |", ...contents, ""].join("\n"),
        ...commands.map(({ name, command }) => section(program.name(), name, command)),
    ].join("\n");
}

/** Every command that does something itself, with its full name. */
function leaves(command, before = []) {
    return command.commands.flatMap((child) => {
        const names = [...before, child.name()];
        return child.commands.length > 0 ? leaves(child, names) : [{ name: names.join(" "), command: child }];
    });
}

function section(program, name, command) {
    const parts = [`## ${name}`, "", sentence(command.description()), ""];
    parts.push("```text", `${program} ${name} ${command.usage()}`.trimEnd(), "```", "");
    const given = command.registeredArguments.filter(({ description }) => description !== "");
    if (given.length > 0) {
        parts.push("| argument | is |", "| --- | --- |");
        parts.push(...given.map((argument) => `| \`${argument.name()}\` | ${cell(argument.description)} |`), "");
    }
    if (command.options.length > 0) {
        parts.push("| option | does |", "| --- | --- |");
        parts.push(
            ...command.options.map(
                (option) => `| \`${option.flags.replaceAll("|", "\\|")}\` | ${cell(what(option))} |`,
            ),
            "",
        );
    }
    const after = afterHelp(command);
    return [...parts, ...(after === "" ? [] : [after, ""])].join("\n");
}

function what({ description, argChoices }) {
    return argChoices === undefined ? description : `${description} (${argChoices.join(", ")})`;
}

/** What a command has added below its help (addHelpText "after"). */
function afterHelp(command) {
    const texts = [];
    command.emit("afterHelp", { error: false, command, write: (text) => texts.push(text) });
    return texts.join("").trim();
}

function sentence(text) {
    return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

function cell(text) {
    return text
        .replaceAll("|", "\\|")
        .replaceAll("\n", " ")
        .replace(/<([^`>]+)>(?![^`]*`)/g, "&lt;$1&gt;");
}

function anchor(name) {
    return name.replaceAll(" ", "-");
}
