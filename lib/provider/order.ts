// Brings the protocol catalogs of this machine into another order.

import { executeWithBackup } from "../catalog/backup.js";
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
import { type OrderPlanOptions, planOrder } from "./plan-order.js";

/** What {@link order} may be told. */
export interface OrderOptions extends ChangeOptions, OrderPlanOptions {}

/**
 * Puts entries of the protocol catalogs first, or all of them into an order. Takes a backup first.
 *
 * https://learn.microsoft.com/windows/win32/api/sporder/nf-sporder-wscwriteproviderorder
 *
 * @throws WinsockError what {@link planOrder} throws; `ERR_UNSUPPORTED_PLATFORM`, `ERR_UNFINISHED`, `ERR_NOT_ELEVATED`;
 * what a call of Windows failed with.
 * @throws TypeError if an option does not exist or has a wrong type.
 */
export async function order(options: OrderOptions): Promise<ChangeResult> {
    refuseUnknownOptions("order", options, ["catalog", "order", "first", "bypass", ...changeOptionNames]);
    requireNothingPending();
    const reading = readSystem();
    const { catalog, first, bypass } = options;
    const planned: Plan = {
        ...planOrder(reading.catalog, { catalog, order: options.order, first, bypass }),
        helpers: packagedHelpers(packageRoot, reading.machine),
    };
    const plan = withConfirmation(planned, options, reading.machine);
    if (options.dryRun === true || plan.steps.length === 0) {
        return { plan };
    }
    requireElevated();
    return executeWithBackup(plan, reading, options);
}
