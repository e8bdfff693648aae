// What the commands of `winsock-spi policy` share: reading a policy file and telling what is wrong with it.

import { readFile } from "node:fs/promises";
import * as path from "node:path";
import { WinsockError } from "../errors.js";
import { checkPolicy, type PolicyWarning } from "../policy/check.js";
import type { Policy } from "../policy/model.js";
import { formatProblem, parsePolicy, readPolicy, type Position, type Problem } from "../policy/parse.js";
import { inputPath } from "./frame.js";

/** The text of a FILE argument. */
export async function readText(file: string): Promise<string> {
    try {
        return await readFile(inputPath(file), "utf8");
    } catch (error) {
        throw new WinsockError(`${file} cannot be read: ${(error as Error).message}`, {
            code: "ERR_FILE",
            cause: error,
        });
    }
}

/** The policy of a FILE argument; throws ERR_POLICY_SYNTAX with everything that is wrong. */
export async function readPolicyFile(file: string): Promise<Policy> {
    return parsePolicy(await readText(file), { file: path.basename(file) });
}

/** A policy file looked at as a whole. */
export interface CheckedFile {
    readonly policy: Policy;
    readonly problems: readonly Problem[];
    readonly warnings: readonly (PolicyWarning & Position)[];
    /** All of them as lines, in the order of the file. */
    readonly lines: readonly string[];
}

export async function checkFile(file: string): Promise<CheckedFile> {
    const { policy, problems, positions } = readPolicy(await readText(file));
    const warnings =
        problems.length > 0
            ? []
            : checkPolicy(policy).map((warning) => ({
                  ...warning,
                  ...(positions[warning.rule - 1] ?? { line: 1, column: 1 }),
              }));
    const name = path.basename(file);
    const lines = [...problems, ...warnings.map((warning) => ({ ...warning, message: `warning: ${warning.message}` }))]
        .sort((a, b) => a.line - b.line || a.column - b.column)
        .map((each) => formatProblem(each, name));
    return { policy, problems, warnings, lines };
}
