// Keeps layered providers out of programs of this machine, and lets them in again.

import * as fs from "node:fs";
import * as path from "node:path";
import { executeWithBackup, readablePath } from "../catalog/backup.js";
import { readSystem } from "../catalog/read.js";
import { WinsockError, refuseUnknownOptions } from "../errors.js";
import type { MachineFacts } from "../native.js";
import { withConfirmation } from "../plan/confirm.js";
import {
    type ChangeOptions,
    type ChangeResult,
    changeOptionNames,
    requireElevated,
    requireNothingPending,
} from "../plan/execute.js";
import { type ProgramsPlanOptions, planExclude, planInclude } from "./plan-exclude.js";

/** What {@link exclude} and {@link include} must be told. */
export interface ProgramsOptions extends ChangeOptions, ProgramsPlanOptions {}

/**
 * Keeps layered providers, ours and all others, out of programs that start from now on: the cure for programs that fail
 * with any provider in them, as wsl.exe does. The names of the programs are full paths, and each must be there.
 *
 * https://learn.microsoft.com/windows/win32/api/ws2spi/nf-ws2spi-wscsetapplicationcategory
 *
 * @throws WinsockError `ERR_FILE_NOT_FOUND`, `ERR_PATH_TOO_LONG`, `ERR_UNSUPPORTED_PLATFORM`, `ERR_UNFINISHED`,
 * `ERR_NOT_ELEVATED`; what a call of Windows failed with.
 * @throws TypeError if an option does not exist or has a wrong type.
 */
export async function exclude(options: ProgramsOptions): Promise<ChangeResult> {
    return change("exclude", options, (reading, wanted) => {
        const plan = planExclude(reading.catalog, wanted);
        const missing = wanted.programs.find((program) => !isProgram(program, reading.machine));
        if (missing !== undefined) {
            throw new WinsockError(`There is no program ${missing}.`, { code: "ERR_FILE_NOT_FOUND" });
        }
        return plan;
    });
}

/**
 * Takes back what {@link exclude} does, also for programs that are not there any more.
 *
 * @throws WinsockError as {@link exclude}, but never `ERR_FILE_NOT_FOUND`.
 * @throws TypeError if an option does not exist or has a wrong type.
 */
export async function include(options: ProgramsOptions): Promise<ChangeResult> {
    return change("include", options, (reading, wanted) => planInclude(reading.catalog, wanted));
}

async function change(
    name: string,
    options: ProgramsOptions,
    planFor: (reading: ReturnType<typeof readSystem>, wanted: ProgramsPlanOptions) => ChangeResult["plan"],
): Promise<ChangeResult> {
    refuseUnknownOptions(name, options, ["programs", "args", "categories", ...changeOptionNames]);
    requireNothingPending();
    const reading = readSystem();
    const { programs, args, categories } = options;
    const plan = planFor(reading, {
        programs,
        ...(args === undefined ? {} : { args }),
        ...(categories === undefined ? {} : { categories }),
    });
    if (options.dryRun === true || plan.steps.length === 0) {
        return { plan: withConfirmation(plan, options, reading.machine) };
    }
    requireElevated();
    return executeWithBackup(plan, reading, options);
}

function isProgram(program: string, machine: MachineFacts): boolean {
    try {
        return fs.statSync(readablePath(program, "64", machine)).isFile();
    } catch {
        return false;
    }
}

/**
 * The programs of the Windows Subsystem for Linux, which fail with a layered provider in them
 * (https://github.com/microsoft/WSL/issues/4177): the one that comes with Windows and those of the package from GitHub
 * or Microsoft Update, be they there yet or not, since Winsock asks for a program's path only; and those of the Store's
 * package, whose folder is another with each version.
 */
export function wslPrograms({ systemRoot, programFiles }: MachineFacts): string[] {
    const names = ["wsl.exe", "wslservice.exe"];
    const store = path.win32.join(programFiles, "WindowsApps");
    let packages: string[] = [];
    try {
        packages = fs
            .readdirSync(store)
            .filter((name) => /^MicrosoftCorporationII\.WindowsSubsystemForLinux_/i.test(name));
    } catch {
        // none, or a folder that this user may not list
    }
    return [
        path.win32.join(systemRoot, "System32", "wsl.exe"),
        ...names.map((name) => path.win32.join(programFiles, "WSL", name)),
        ...packages.flatMap((folder) =>
            names.map((name) => path.win32.join(store, folder, name)).filter((file) => fs.existsSync(file)),
        ),
    ];
}
