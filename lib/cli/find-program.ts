// The program that a command line means: a file if it has a slash or backslash, else a name on the PATH, found as the
// Windows command line finds it, except that the working folder is not searched.

import { win32 as path } from "node:path";

/** Extensions that make a program, in the order in which they are tried. */
const extensions = [".com", ".exe", ".bat", ".cmd"];

export interface ProgramSearch {
    /** The environment; names are compared without regard to case, as on Windows. */
    readonly environment: Readonly<Record<string, string | undefined>>;
    /** The folder that a relative file counts from. */
    readonly folder: string;
    /** Whether there is a file of that full path. */
    readonly isFile: (path: string) => boolean;
}

function variable(environment: ProgramSearch["environment"], name: string): string | undefined {
    const found = Object.keys(environment).find((key) => key.toUpperCase() === name);
    return found === undefined ? undefined : environment[found];
}

function withExtensions(file: string): string[] {
    const complete = extensions.includes(path.extname(file).toLowerCase());
    return complete ? [file] : extensions.map((extension) => file + extension);
}

/** The full path of `program`, or undefined if there is none. Pure but for `isFile`. */
export function findProgram(program: string, { environment, folder, isFile }: ProgramSearch): string | undefined {
    if (program === "") {
        return undefined;
    }
    if (/[\\/:]/.test(program)) {
        const file = path.resolve(folder, program);
        return [file, ...withExtensions(file)].find((candidate) => path.extname(candidate) !== "" && isFile(candidate));
    }
    const folders = (variable(environment, "PATH") ?? "").split(";").map((entry) => entry.replace(/^"(.*)"$/, "$1"));
    return folders
        .filter((entry) => path.isAbsolute(entry))
        .flatMap((entry) => withExtensions(path.join(entry, program)))
        .find(isFile);
}

/** Characters that cmd.exe gives a meaning; each is escaped by a caret. */
const special = /[()\][%!^"`<>&|;, *?]/g;

/**
 * An argument as CommandLineToArgvW reads it back.
 * https://learn.microsoft.com/cpp/cpp/main-function-command-line-args
 */
function quoted(argument: string): string {
    return `"${argument.replace(/(\\*)"/g, '$1$1\\"').replace(/(\\+)$/, "$1$1")}"`;
}

/** What to hand to CreateProcess: a batch file is run by cmd.exe, which reads the line a second time. */
export interface StartLine {
    /** Full path of the program that is started. */
    readonly file: string;
    /** Its whole command line, the program's name first. */
    readonly line: string;
}

/** How to start the program at `file` with `args`. `shell` is the full path of cmd.exe. */
export function startLine(file: string, args: readonly string[], shell: string): StartLine {
    if (!/\.(bat|cmd)$/i.test(file)) {
        // Quoted only where it must be: some programs look at the line themselves.
        const words = args.map((argument) => (argument === "" || /[\s"]/.test(argument) ? quoted(argument) : argument));
        return { file, line: [`"${file}"`, ...words].join(" ") };
    }
    // Twice: cmd.exe reads the line, and the batch file's own %* is read again. A file name holds no quotes.
    const escaped = args.map((argument) => quoted(argument).replace(special, "^$&").replace(special, "^$&"));
    const inner = [`"${file}"`, ...escaped].join(" ");
    return { file: shell, line: `"${shell}" /d /s /c "${inner}"` };
}
