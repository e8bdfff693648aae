// What the tests of chains share: catalogs of one bitness, installed into and uninstalled from.
import assert from "node:assert/strict";
import type { Catalog, CatalogEntry } from "#lib/catalog/model.js";
import type { Plan } from "#lib/plan/plan.js";
import { isOurGuid } from "#lib/provider/identity.js";
import { type InstallPlanOptions, type ProviderFiles, planInstall } from "#lib/provider/plan-install.js";
import { planUninstall } from "#lib/provider/plan-uninstall.js";
import { danglingChains, machineOf, simulate } from "./simulate.js";

const files: ProviderFiles = {
    provider: { from: "Z:\\winsock_spi_lsp.dll", sha256: "11".repeat(32) },
    rescue: { from: "Z:\\winsock-spi-rescue.exe", sha256: "22".repeat(32) },
};
export const options: InstallPlanOptions = {
    files: { "64": files },
    version: "0.1.0",
    programFiles: "C:\\Program Files",
    programData: "C:\\ProgramData",
};

/** Service flags with XP1_IFS_HANDLES and without. */
export const ifs = 0x20066;
export const notIfs = 0x66;

export const catalogOf = (entries: readonly CatalogEntry[]): Catalog => ({
    protocols: { "64": [...entries] },
    namespaces: {},
});
const entriesOf = (catalog: Catalog): CatalogEntry[] => catalog.protocols["64"] ?? [];
export const isOurs = (one: CatalogEntry): boolean => isOurGuid(one.providerId);

/** Executes a plan; no step may leave a chain that names an entry that is gone and was not before. */
function execute(catalog: Catalog, plan: Plan): Catalog {
    const machine = machineOf(catalog);
    const former = new Set(danglingChains(catalog));
    simulate(machine, plan, (now, step) =>
        assert.deepEqual(
            danglingChains(now.catalog).filter((one) => !former.has(one)),
            [],
            step.text,
        ),
    );
    return machine.catalog;
}

export const install = (entries: readonly CatalogEntry[], more: Partial<InstallPlanOptions> = {}): CatalogEntry[] => {
    const catalog = catalogOf(entries);
    return entriesOf(execute(catalog, planInstall(catalog, { ...options, ...more })));
};

export const uninstall = (entries: readonly CatalogEntry[]): CatalogEntry[] => {
    const catalog = catalogOf(entries);
    return entriesOf(execute(catalog, planUninstall(catalog)));
};
