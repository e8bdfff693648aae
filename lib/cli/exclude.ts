// winsock-spi exclude, include: which programs layered providers keep out of.

import * as fs from "node:fs";
import { win32 as path } from "node:path";
import type { Command } from "commander";
import { categoryNames, parseCategories } from "../catalog/categories.js";
import type { ApplicationEntry, Catalog } from "../catalog/model.js";
import { readCatalog } from "../catalog/read.js";
import { WinsockError } from "../errors.js";
import { native } from "../native.js";
import { type ProgramsOptions, exclude, include, wslPrograms } from "../provider/exclude.js";
import { addChangeFlags, applyChange, type ChangeFlags } from "./change.js";
import { findProgram } from "./find-program.js";
import { type Output, inputPath, run } from "./frame.js";

interface ProgramFlags extends ChangeFlags {
    args?: string;
    categories?: string[];
    list?: boolean;
}

const help = `
PROGRAM is a full path, or a name that is looked for on the PATH; wsl means every program of the Windows Subsystem for
Linux. CATEGORY is a name (LSP_SYSTEM, inspector, ...) or a number. A program that has categories takes only layered
providers that have some, and none that it does not permit. It holds from the program's next start on.`;

export function addExcludeCommand(program: Command): void {
    const command = program
        .command("exclude")
        .description("keep layered providers, ours and all others, out of programs (the cure for wsl.exe and services)")
        .argument("[program...]", "programs")
        .option("--list", "show which programs permit what, and which providers have categories");
    addProgramFlags(command, "permit these (default: LSP_SYSTEM, which keeps out all that is not made for the system)");
    command.action((programs: string[], flags: ProgramFlags) =>
        run(flags, async (output) => {
            if (flags.list === true) {
                if (programs.length > 0) {
                    throw new WinsockError("--list takes no PROGRAM.", { code: "ERR_USAGE" });
                }
                return list(output);
            }
            return applyChange(output, flags, {
                apply: (how) => exclude({ ...wanted(programs, flags, existingPrograms), ...how }),
                done: ({ plan: { text } }) => `Done: ${text}. It holds from their next start on.`,
                undo: () => `winsock-spi include ${words(programs, flags)} --yes`,
                nothing: "These programs are excluded already. Nothing was changed.",
            });
        }),
    );
}

export function addIncludeCommand(program: Command): void {
    const command = program
        .command("include")
        .description("let layered providers into programs again that `exclude` kept them out of")
        .argument("<program...>", "programs");
    addProgramFlags(command, "no longer hold the programs to these (default: LSP_SYSTEM)");
    command.action((programs: string[], flags: ProgramFlags) =>
        run(flags, (output) =>
            applyChange(output, flags, {
                apply: (how) => include({ ...wanted(programs, flags, anyPrograms), ...how }),
                done: ({ plan: { text } }) => `Done: ${text}. It holds from their next start on.`,
                undo: () => `winsock-spi exclude ${words(programs, flags)} --yes`,
                nothing: "These programs are not excluded. Nothing was changed.",
            }),
        ),
    );
}

function addProgramFlags(command: Command, categories: string): void {
    command
        .option("--args <args>", "only instances with this command line behind the program's name")
        .option("--categories <category...>", categories)
        .addHelpText("after", help);
    addChangeFlags(command);
}

/** The same again as words of a command line. */
function words(programs: readonly string[], { args, categories }: ProgramFlags): string {
    return [
        ...programs.map((program) => (/\s/.test(program) ? `"${program}"` : program)),
        ...(args === undefined ? [] : [`--args "${args}"`]),
        ...(categories === undefined ? [] : [`--categories ${categories.join(" ")}`]),
    ].join(" ");
}

function wanted(
    names: readonly string[],
    flags: ProgramFlags,
    find: (name: string) => string[],
): Pick<ProgramsOptions, "programs" | "args" | "categories"> {
    if (names.length === 0) {
        throw new WinsockError("Name a PROGRAM, or say --list.", { code: "ERR_USAGE" });
    }
    return {
        programs: names.flatMap(find),
        ...(flags.args === undefined ? {} : { args: flags.args }),
        ...(flags.categories === undefined ? {} : { categories: parseCategories(flags.categories) }),
    };
}

const isFile = (file: string): boolean => {
    try {
        return fs.statSync(file).isFile();
    } catch {
        return false;
    }
};

const isWsl = (name: string): boolean => /^wsl(\.exe)?$/i.test(name);

/** Programs to exclude must be there; of WSL's, one. */
function existingPrograms(name: string): string[] {
    if (isWsl(name)) {
        const there = wslPrograms(native().machine()).filter(isFile);
        if (there.length > 0) {
            return there;
        }
    }
    const found = findProgram(name, { environment: process.env, folder: inputPath("."), isFile });
    if (found === undefined) {
        throw new WinsockError(`There is no program ${JSON.stringify(name)}: give its full path.`, {
            code: "ERR_FILE_NOT_FOUND",
        });
    }
    return [found];
}

/** Programs to include may be gone. */
function anyPrograms(name: string): string[] {
    if (isWsl(name)) {
        return wslPrograms(native().machine());
    }
    const found = findProgram(name, { environment: process.env, folder: inputPath("."), isFile });
    return [found ?? (path.isAbsolute(name) ? name : (existingPrograms(name)[0] ?? name))];
}

async function list(output: Output): Promise<void> {
    const { applications = [], categories = {}, protocols, problems } = await readCatalog();
    for (const problem of problems) {
        output.note(problem);
    }
    output.value({ applications, categories });
    output.text(
        [
            "Programs:",
            ...programLines(applications),
            "Layered providers:",
            ...providerLines({ categories, protocols }),
        ].join("\n"),
    );
}

function programLines(applications: readonly ApplicationEntry[]): string[] {
    if (applications.length === 0) {
        return ["  (none has categories: every program takes every provider)"];
    }
    return applications.map(({ program, args, categoryNames: names, ours }) => {
        const who = args === "" ? program : `${program} ${args}`;
        return `  ${who}: ${names.join(", ") || "0"}${ours === true ? " (by winsock-spi install)" : ""}`;
    });
}

function providerLines({ categories, protocols }: Pick<Catalog, "categories" | "protocols">): string[] {
    const lines = (["64", "32"] as const).flatMap((bits) => {
        const known = categories?.[bits];
        const layered = (protocols[bits] ?? []).filter(({ kind }) => kind === "hidden");
        return layered.map(({ name, providerId }) => {
            const has = known === undefined ? "not known" : categoryNames(known[providerId] ?? 0).join(", ") || "none";
            return `  ${bits}-bit  ${name} ${providerId}: ${has}`;
        });
    });
    return lines.length === 0 ? ["  (none)"] : lines;
}
