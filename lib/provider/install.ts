// Installs the provider on this machine, or brings another version that is there to this one: finds the files, plans,
// backs up, executes.

import * as path from "node:path";
import { executeWithBackup } from "../catalog/backup.js";
import { type CatalogName, catalogNames } from "../catalog/model.js";
import { type Reading, readSystem } from "../catalog/read.js";
import { WinsockError, refuseUnknownOptions } from "../errors.js";
import { packageRoot, packageVersion } from "../native.js";
import { withConfirmation } from "../plan/confirm.js";
import {
    type ChangeOptions,
    type ChangeResult,
    changeOptionNames,
    requireElevated,
    requireNothingPending,
} from "../plan/execute.js";
import type { Plan } from "../plan/plan.js";
import { requireProvenArchitecture } from "./arm64.js";
import { chosenDlls } from "./dlls.js";
import { wslPrograms } from "./exclude.js";
import { warnOfRefusedDlls } from "./code-integrity.js";
import { ourEntries } from "./identity.js";
import { installedFolders } from "./installed.js";
import { architecture, providerFile, rescueFile } from "./layout.js";
import { packagedFile } from "./packaged.js";
import { type InstallPlanOptions, type ProviderFiles, planInstall } from "./plan-install.js";
import { type ReplacePlanOptions, planReplace } from "./plan-replace.js";
import { planUpgrade } from "./plan-upgrade.js";
import { requireReplaceable } from "./replace.js";

/** What {@link install} may be told. */
export interface InstallOptions extends ChangeOptions {
    /** How the catalog entries are called. At most 255 UTF-16 units. Default `winsock-spi`. */
    name?: string;
    /** Catalog ids of the base entries to cover. Default: TCP, UDP and RAW over IPv4 and IPv6. */
    over?: readonly number[];
    /**
     * Whether chains of other providers may be led through ours. Needed where one of them is not IFS: ours cannot stand
     * above it and goes below it instead. `false` refuses such a machine with `ERR_NOT_IFS`. Default true.
     */
    rewrite?: boolean;
    /**
     * Provider DLLs to register where they are, at most one per bitness, instead of copying those of the package. Their
     * processor says for which catalog each is; a catalog without one is left alone.
     */
    dlls?: readonly string[];
    /**
     * LSP categories of the provider, as bits. Default 0, none: it is then in every program that has no categories
     * itself. An upgrade leaves them as they are unless they are given.
     */
    categories?: number;
    /**
     * Full paths of programs that the provider is to keep out of, until it is uninstalled. Default: those of the Windows
     * Subsystem for Linux, which do not start with a layered provider in them.
     */
    exclude?: readonly string[];
    /**
     * `layered` (default): entries of our own above the base providers. `replace-base`: the entries of the base
     * providers lead to our DLL, which loads theirs. That reaches system processes too, and sockets stay the base
     * provider's own; it needs `acceptRisk`, is undone by itself unless it is confirmed (`confirmWithin`, by default a
     * minute), and refuses
     * on Windows a DLL that is not signed. `name`, `rewrite`, `dlls`, `categories` and `exclude` do not go with it.
     */
    method?: InstallMethod;
    /** That what can go wrong with `replace-base` was read and is accepted. */
    acceptRisk?: boolean;
}

/** How the provider gets into the way of calls. */
export type InstallMethod = "layered" | "replace-base";

/** What takes a base provider's place is always undone unless it is confirmed: after this time if none is given. */
const replaceConfirmWithin = 60_000;

const methods: readonly string[] = ["layered", "replace-base"] satisfies InstallMethod[];

/**
 * Installs the layered provider into the Winsock catalogs of this machine. Takes a backup first; if afterwards fresh
 * processes cannot make loopback connections, everything is undone before this rejects.
 *
 * Where another version is installed, this one takes its place (upgrade or downgrade), beside it: programs that run
 * keep the DLL that they have. Entries then keep their names unless `name` is given.
 *
 * https://learn.microsoft.com/windows/win32/api/ws2spi/nf-ws2spi-wscinstallprovider
 *
 * @throws WinsockError `ERR_UNSUPPORTED_PLATFORM`, `ERR_ARM64_UNPROVEN`, `ERR_UNFINISHED`, `ERR_NOT_ELEVATED`,
 * `ERR_FILE_NOT_FOUND`,
 * `ERR_DLL_DAMAGED`, `ERR_WRONG_DLL`, `ERR_NOT_WRITABLE`, `ERR_PROBE_FAILED`, `ERR_RISK_NOT_ACCEPTED`, `ERR_NOT_SIGNED`; what
 * {@link planInstall}, {@link planUpgrade} and {@link planReplace} throw; what a call of Windows failed with.
 * @throws TypeError if an option does not exist or has a wrong type.
 */
export async function install(options: InstallOptions = {}): Promise<ChangeResult> {
    refuseUnknownOptions("install", options, [
        "name",
        "over",
        "rewrite",
        "dlls",
        "categories",
        "exclude",
        "method",
        "acceptRisk",
        ...changeOptionNames,
    ]);
    checkMethod(options);
    requireNothingPending();
    const reading = readSystem();
    requireProvenArchitecture(reading.machine.arch);
    const { confirmWithin = replaceConfirmWithin } = options;
    const change: InstallOptions = options.method === "replace-base" ? { ...options, confirmWithin } : options;
    const plan = withConfirmation(await planFor(reading, options), change, reading.machine);
    if (options.dryRun === true) {
        return { plan };
    }
    requireElevated();
    return executeWithBackup(plan, reading, change);
}

function checkMethod({ method, acceptRisk, ...others }: InstallOptions): void {
    if (method !== undefined && !methods.includes(method)) {
        throw new TypeError(`install: method must be ${methods.join(" or ")}, not ${String(method)}`);
    }
    if (acceptRisk !== undefined && typeof acceptRisk !== "boolean") {
        throw new TypeError("install: acceptRisk must be true or false");
    }
    const layered = (["name", "rewrite", "dlls", "categories", "exclude"] as const).find(
        (name) => others[name] !== undefined,
    );
    if (method === "replace-base" && layered !== undefined) {
        throw new TypeError(`install: ${layered} does not go with the method replace-base, which adds no entries`);
    }
}

async function planFor({ machine, catalog }: Reading, options: InstallOptions): Promise<Plan> {
    const chosen = options.dlls === undefined ? undefined : await chosenDlls("install", options.dlls);
    const files: { [bits in CatalogName]?: ProviderFiles } = {};
    for (const number of machine.catalogs) {
        const bits = number === 64 ? "64" : "32";
        const folder = path.join(packageRoot, "prebuilds", architecture(bits, machine.arch).prebuilds);
        const dll = chosen?.get(bits);
        if (chosen !== undefined && dll === undefined) {
            continue;
        }
        files[bits] = {
            provider: dll === undefined ? await packagedFile(folder, providerFile) : { path: dll },
            rescue: await packagedFile(folder, rescueFile),
        };
    }
    if (Object.keys(files).length === 0) {
        const wanted = [...(chosen?.keys() ?? [])].join("- and no ");
        throw new WinsockError(`This Windows has no ${wanted}-bit catalog for that DLL.`, { code: "ERR_WRONG_DLL" });
    }
    const { protocols, namespaces, categories = {}, applications = [] } = catalog;
    const view = { protocols, namespaces, categories, applications };
    const place: ReplacePlanOptions = {
        files,
        arch: machine.arch,
        version: packageVersion(),
        programFiles: machine.programFiles,
        programData: machine.programData,
        ...(options.over === undefined ? {} : { over: options.over }),
    };
    if (options.method === "replace-base") {
        const plan = planReplace(view, place);
        await requireReplaceable(files, machine, options.acceptRisk === true);
        return plan;
    }
    const planOptions: InstallPlanOptions = {
        ...place,
        ...(options.name === undefined ? {} : { name: options.name }),
        ...(options.rewrite === undefined ? {} : { rewrite: options.rewrite }),
        ...(options.categories === undefined ? {} : { categories: options.categories }),
        exclude: checkedPrograms(options.exclude) ?? wslPrograms(machine),
    };
    const dlls = Object.values(files).map(({ provider }) => ("path" in provider ? provider.path : provider.from));
    const warnings = await warnOfRefusedDlls(dlls);
    const upgrades = catalogNames.some((bits) => files[bits] && ourEntries(protocols[bits] ?? []).length > 0);
    const plan = upgrades
        ? planUpgrade(view, { ...planOptions, found: await installedFolders(machine.programFiles) })
        : planInstall(view, planOptions);
    return warnings.length === 0 ? plan : { ...plan, warnings: [...(plan.warnings ?? []), ...warnings] };
}

function checkedPrograms(programs: readonly string[] | undefined): readonly string[] | undefined {
    const fullPath = (program: unknown): boolean => typeof program === "string" && path.win32.isAbsolute(program);
    if (programs !== undefined && (!Array.isArray(programs) || !programs.every(fullPath))) {
        throw new TypeError("install: exclude must be a list of full paths");
    }
    return programs?.map((program: string) => path.win32.normalize(program));
}
