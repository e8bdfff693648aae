// Changes the namespace catalogs of this machine.

import { executeWithBackup } from "../catalog/backup.js";
import type { Catalog } from "../catalog/model.js";
import { readSystem } from "../catalog/read.js";
import { refuseUnknownOptions } from "../errors.js";
import { packageRoot } from "../native.js";
import { withConfirmation } from "../plan/confirm.js";
import {
    type ChangeOptions,
    type ChangeResult,
    changeOptionNames,
    requireElevated,
    requireNothingPending,
} from "../plan/execute.js";
import { packagedHelpers } from "../plan/helpers.js";
import type { Plan } from "../plan/plan.js";
import { chosenDlls } from "./dlls.js";
import {
    type InstallNamespacePlanOptions,
    type NamespaceChoice,
    type OrderNamespacesPlanOptions,
    planEnableNamespace,
    planInstallNamespace,
    planOrderNamespaces,
    planRemoveNamespace,
} from "./plan-namespaces.js";

/** What {@link installNamespace} must be told. */
export interface InstallNamespaceOptions extends ChangeOptions, Omit<InstallNamespacePlanOptions, "dlls"> {
    /** Paths of the provider's DLLs, at most one per bitness; their processor says for which catalog each is. */
    dlls: readonly string[];
}

/**
 * Installs a namespace provider: from then on programs ask it too when they resolve names in its namespace.
 *
 * @throws WinsockError what {@link planInstallNamespace} throws; `ERR_FILE_NOT_FOUND`, `ERR_WRONG_DLL`,
 * `ERR_UNSUPPORTED_PLATFORM`, `ERR_UNFINISHED`, `ERR_NOT_ELEVATED`; what a call of Windows failed with.
 * @throws TypeError if an option does not exist or has a wrong type.
 */
export async function installNamespace(options: InstallNamespaceOptions): Promise<ChangeResult> {
    const names = ["dlls", "providerId", "name", "namespace", "version", "info"] as const;
    refuseUnknownOptions("installNamespace", options, [...names, ...changeOptionNames]);
    const dlls = Object.fromEntries(await chosenDlls("installNamespace", options.dlls));
    return change(options, (catalog) => planInstallNamespace(catalog, { ...only(options, names), dlls }));
}

/** What {@link removeNamespace} must be told. */
export interface RemoveNamespaceOptions extends ChangeOptions, NamespaceChoice {}

/**
 * Takes a namespace provider out of the catalogs; its DLL stays.
 *
 * @throws WinsockError what {@link planRemoveNamespace} throws; `ERR_UNSUPPORTED_PLATFORM`, `ERR_UNFINISHED`,
 * `ERR_NOT_ELEVATED`; what a call of Windows failed with.
 * @throws TypeError if an option does not exist or has a wrong type.
 */
export async function removeNamespace(options: RemoveNamespaceOptions): Promise<ChangeResult> {
    const names = ["provider", "catalog"] as const;
    refuseUnknownOptions("removeNamespace", options, [...names, ...changeOptionNames]);
    return change(options, (catalog) => planRemoveNamespace(catalog, only(options, names)));
}

/** What {@link enableNamespace} must be told. */
export interface EnableNamespaceOptions extends ChangeOptions, NamespaceChoice {
    enabled: boolean;
}

/**
 * Enables a namespace provider, or disables it: then it stays in the catalog, and is not asked.
 *
 * @throws WinsockError as {@link removeNamespace}.
 * @throws TypeError if an option does not exist or has a wrong type.
 */
export async function enableNamespace(options: EnableNamespaceOptions): Promise<ChangeResult> {
    const names = ["provider", "catalog", "enabled"] as const;
    refuseUnknownOptions("enableNamespace", options, [...names, ...changeOptionNames]);
    return change(options, (catalog) => planEnableNamespace(catalog, only(options, names)));
}

/** What {@link orderNamespaces} must be told. */
export interface OrderNamespacesOptions extends ChangeOptions, OrderNamespacesPlanOptions {}

/**
 * Brings namespace providers to the front of the catalogs.
 *
 * @throws WinsockError what {@link planOrderNamespaces} throws; `ERR_UNSUPPORTED_PLATFORM`, `ERR_UNFINISHED`,
 * `ERR_NOT_ELEVATED`; what a call of Windows failed with.
 * @throws TypeError if an option does not exist or has a wrong type.
 */
export async function orderNamespaces(options: OrderNamespacesOptions): Promise<ChangeResult> {
    const names = ["first", "catalog"] as const;
    refuseUnknownOptions("orderNamespaces", options, [...names, ...changeOptionNames]);
    return change(options, (catalog) => planOrderNamespaces(catalog, only(options, names)));
}

function only<Options extends object, Name extends keyof Options>(
    options: Options,
    names: readonly Name[],
): Pick<Options, Name> {
    const given = names.filter((name) => options[name] !== undefined);
    return Object.fromEntries(given.map((name) => [name, options[name]])) as Pick<Options, Name>;
}

async function change(options: ChangeOptions, planFor: (catalog: Catalog) => Plan): Promise<ChangeResult> {
    requireNothingPending();
    const reading = readSystem();
    const plan: Plan = { ...planFor(reading.catalog), helpers: packagedHelpers(packageRoot, reading.machine) };
    if (options.dryRun === true || plan.steps.length === 0) {
        return { plan: withConfirmation(plan, options, reading.machine) };
    }
    requireElevated();
    return executeWithBackup(plan, reading, options);
}
