// Plans which programs layered providers keep out of: pure functions from a catalog to steps.

import { win32 as path } from "node:path";
import { applicationOf, categoryNames, isPermitted, lspCategories } from "../catalog/categories.js";
import type { Catalog } from "../catalog/model.js";
import { MAX_PATH } from "../catalog/names.js";
import { WinsockError, refuseUnknownOptions } from "../errors.js";
import { type Plan, type Step, planFormat, planVersion } from "../plan/plan.js";

/** What {@link planExclude} and {@link planInclude} need to know beside the catalog. */
export interface ProgramsPlanOptions {
    /** Full paths. */
    programs: readonly string[];
    /** Only instances with this command line behind the program's name. Default: all. */
    args?: string;
    /**
     * LSP categories, as bits. To exclude: those that the program shall permit, beside those that it does. To include:
     * those that it shall no longer be held to. Default: LSP_SYSTEM.
     */
    categories?: number;
}

/**
 * The plan that keeps layered providers out of programs, whoever made them: the programs permit LSP_SYSTEM (or what
 * `categories` says) and thereby nothing else. Pure. It holds for programs that start from then on.
 *
 * https://learn.microsoft.com/windows/win32/api/ws2spi/nf-ws2spi-wscsetapplicationcategory
 *
 * @throws WinsockError `ERR_PATH_TOO_LONG`.
 * @throws TypeError if an option does not exist or has a wrong type.
 */
export function planExclude(catalog: Catalog, options: ProgramsPlanOptions): Plan {
    const { programs, args, categories } = checked("planExclude", options);
    return planOf("Keep layered providers out of", programs, args, (program): Step[] => {
        const former = applicationOf(catalog, program, args)?.categories;
        const wanted = ((former ?? 0) | categories) >>> 0;
        return former === wanted ? [] : [applicationStep(program, args, wanted)];
    });
}

/**
 * The plan that takes back what {@link planExclude} does: the programs are no longer held to the categories; one that
 * is held to none takes every provider again. Pure.
 *
 * @throws WinsockError `ERR_PATH_TOO_LONG`.
 * @throws TypeError if an option does not exist or has a wrong type.
 */
export function planInclude(catalog: Catalog, options: ProgramsPlanOptions): Plan {
    const { programs, args, categories } = checked("planInclude", options);
    return planOf("Let layered providers into", programs, args, (program): Step[] => {
        const former = applicationOf(catalog, program, args)?.categories;
        if (former === undefined) {
            return [];
        }
        const wanted = (former & ~categories) >>> 0;
        return former !== 0 && former === wanted ? [] : [applicationStep(program, args, wanted === 0 ? null : wanted)];
    });
}

/**
 * Steps of an installation that keep the provider out of programs that cannot do with one. A program that does not let
 * it in anyway is left as it is.
 *
 * @param ours LSP categories of our provider.
 */
export function exclusionSteps(catalog: Catalog, programs: readonly string[], ours: number): Step[] {
    if ((ours & lspCategories.LSP_SYSTEM) !== 0) {
        return []; // made for system processes: then it is to be in these
    }
    return programs.flatMap((program): Step[] => {
        const former = applicationOf(catalog, program, "")?.categories;
        if (!isPermitted(ours, former)) {
            return [];
        }
        const step = applicationStep(program, "", ((former ?? 0) | lspCategories.LSP_SYSTEM) >>> 0);
        return [{ ...step, mark: true }];
    });
}

/** Steps that take away the entries that installations of ours have made. */
export function inclusionSteps(catalog: Catalog): Step[] {
    return (catalog.applications ?? [])
        .filter(({ ours, program }) => ours === true && path.isAbsolute(program))
        .map(({ program, args }) => applicationStep(program, args, null));
}

function applicationStep(program: string, args: string, categories: number | null) {
    const who = args === "" ? program : `${program} ${args}`;
    return {
        do: "set-application-category" as const,
        program,
        ...(args === "" ? {} : { args }),
        categories,
        text:
            categories === null
                ? `Let every layered provider into ${who}`
                : `Let only layered providers into ${who} that are ${categoryNames(categories).join(", ")}`,
    };
}

function checked(call: string, options: ProgramsPlanOptions): Required<ProgramsPlanOptions> {
    refuseUnknownOptions(call, options, ["programs", "args", "categories"]);
    const { programs, args = "", categories = lspCategories.LSP_SYSTEM } = options;
    const fullPath = (program: unknown): boolean =>
        typeof program === "string" && path.isAbsolute(program) && !program.includes("\0");
    if (!Array.isArray(programs) || programs.length === 0 || !programs.every(fullPath)) {
        throw new TypeError(`${call}: programs must be a list of full paths`);
    }
    if (typeof args !== "string" || args.includes("\0") || args.length > 32767) {
        throw new TypeError(`${call}: args must be a command line`);
    }
    if (!Number.isInteger(categories) || categories <= 0 || categories > 0xffff_ffff) {
        throw new TypeError(`${call}: categories must be LSP_ bits, from 1 to 0xFFFFFFFF`);
    }
    const normal = programs.map((program: string) => path.normalize(program));
    const long = normal.find((program) => program.length >= MAX_PATH);
    if (long !== undefined) {
        throw new WinsockError(`Winsock knows programs by paths of at most ${MAX_PATH - 1} characters: ${long}`, {
            code: "ERR_PATH_TOO_LONG",
        });
    }
    return { programs: normal, args: args.trim(), categories };
}

function planOf(what: string, programs: readonly string[], args: string, step: (program: string) => Step[]): Plan {
    const unique = [...new Map(programs.map((program) => [program.toLowerCase(), program])).values()];
    return {
        format: planFormat,
        version: planVersion,
        operation: "categories",
        text: `${what} ${unique.join(", ")}${args === "" ? "" : ` started with ${args}`}`,
        onFailure: "undo",
        steps: unique.flatMap(step),
    };
}
