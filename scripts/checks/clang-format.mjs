// clang-format: C++ looks as .clang-format says. `npm run format` makes it so.
import { project } from "../paths.mjs";
import { attempt } from "../processes.mjs";
import { sourceFiles } from "../source-files.mjs";

/** The version whose output is the standard: another one formats differently. */
const program = "clang-format-19";

/** Runs it on every C++ file; { code, output }, or undefined where it is not installed. */
export async function clangFormat(environment, ...args) {
    const command = [program, ...args, ...(await sourceFiles("*.cpp", "*.hpp"))];
    const [file, ...rest] = environment === undefined ? command : environment.enter(command, project);
    const result = await attempt(file, rest, { cwd: project });
    return result.code === null || result.code === 127 ? undefined : result;
}

export async function check({ environment }) {
    const result = await clangFormat(environment, "--dry-run", "-Werror");
    if (result === undefined) {
        return { skipped: `${program} is not here (apt-get install ${program})` };
    }
    const problems = result.output.split("\n").filter((line) => line.includes(": error: "));
    if (result.code !== 0 && problems.length === 0) {
        return [result.output];
    }
    const places = problems.map((line) => line.split(": error:")[0]);
    return places.map((place) => `${place}: not formatted; run npm run format`);
}
