// Takes providers out of this machine's catalogs, whoever made them.

import { executeWithBackup } from "../catalog/backup.js";
import { readSystem } from "../catalog/read.js";
import { WinsockError, refuseUnknownOptions } from "../errors.js";
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
import { isOurGuid } from "./identity.js";
import { type RemovePlanOptions, planRemove } from "./plan-remove.js";
import { findProvider, providersOf } from "./providers.js";

/** What {@link removeProvider} must be told. */
export interface RemoveOptions extends ChangeOptions, RemovePlanOptions {}

/**
 * Takes providers out of the catalogs, whoever made them, and leads the chains of others past them. Their files stay
 * unless `deleteDll` is set. Ours is not taken out so, since more belongs to it than its entries: that is `uninstall`.
 *
 * https://learn.microsoft.com/windows/win32/api/ws2spi/nf-ws2spi-wscdeinstallprovider
 *
 * @throws WinsockError what {@link planRemove} throws; `ERR_OUR_PROVIDER`, `ERR_UNSUPPORTED_PLATFORM`,
 * `ERR_UNFINISHED`, `ERR_NOT_ELEVATED`; what a call of Windows failed with.
 * @throws TypeError if an option does not exist or has a wrong type.
 */
export async function removeProvider(options: RemoveOptions): Promise<ChangeResult> {
    refuseUnknownOptions("removeProvider", options, ["providers", "catalog", "deleteDll", ...changeOptionNames]);
    requireNothingPending();
    const reading = readSystem();
    const { providers, catalog, deleteDll } = options;
    const plan: Plan = {
        ...planRemove(reading.catalog, {
            providers,
            ...(catalog === undefined ? {} : { catalog }),
            ...(deleteDll === undefined ? {} : { deleteDll }),
        }),
        helpers: packagedHelpers(packageRoot, reading.machine),
    };
    const all = providersOf(reading.catalog);
    const ours = providers.map((one) => findProvider(all, one, catalog)).find((one) => one.providerIds.some(isOurGuid));
    if (ours !== undefined) {
        throw new WinsockError(
            `"${ours.name}" is the provider of this program. \`winsock-spi uninstall\`, without a name, takes it out ` +
                "with its files.",
            { code: "ERR_OUR_PROVIDER" },
        );
    }
    if (options.dryRun === true) {
        return { plan: withConfirmation(plan, options, reading.machine) };
    }
    requireElevated();
    return executeWithBackup(plan, reading, options);
}
