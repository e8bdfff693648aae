// Plans changes of the namespace catalogs, in which stands who answers name queries, and in which order: pure functions
// from a catalog to steps.

import { win32 as path } from "node:path";
import { type Catalog, type CatalogName, type NamespaceEntry, catalogNames } from "../catalog/model.js";
import { MAX_PATH, namespaceName } from "../catalog/names.js";
import { WinsockError, refuseUnknownOptions } from "../errors.js";
import type { Bits } from "../native.js";
import { type Plan, type Step, planFormat, planVersion } from "../plan/plan.js";

/** What {@link planInstallNamespace} needs to know beside the catalog. */
export interface InstallNamespacePlanOptions {
    /** Full path of the DLL of each bitness; a catalog without one is left alone. May begin with %SystemRoot%. */
    dlls: { [bits in CatalogName]?: string };
    /** GUID in braces. */
    providerId: string;
    /** At most 255 UTF-16 units. */
    name: string;
    /** NS_ number of the namespace that it answers for, e.g. 12 (NS_DNS). */
    namespace: number;
    /** Default 1. */
    version?: number;
    /** What the provider wants to find of its own when it is asked (WSANAMESPACE_INFOEX's ProviderSpecific). */
    info?: Uint8Array;
}

/** Which namespace provider, for the functions that change one. */
export interface NamespaceChoice {
    /** Name, GUID in braces, or file name of the DLL; any case. */
    provider: string;
    /** Only in this catalog. Default: in each that has it. */
    catalog?: CatalogName;
}

/** What {@link planOrderNamespaces} needs to know beside the catalog. */
export interface OrderNamespacesPlanOptions {
    /** Names or GUIDs of those that come first, in this order; the others follow in the order that they have. */
    first: readonly string[];
    catalog?: CatalogName;
}

const guidPattern = /^\{[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\}$/i;
const NS_DNS = 12;

function planOf(text: string, steps: Step[]): Plan {
    return { format: planFormat, version: planVersion, operation: "namespaces", text, onFailure: "undo", steps };
}

const bitsOf = (name: CatalogName): Bits => Number(name) as Bits;

/**
 * The plan that appends a namespace provider to the catalogs, enabled. Pure.
 *
 * https://learn.microsoft.com/windows/win32/api/ws2spi/nf-ws2spi-wscinstallnamespace
 *
 * @throws WinsockError `ERR_ALREADY_INSTALLED`, `ERR_NAME_TOO_LONG`, `ERR_PATH_TOO_LONG`.
 * @throws TypeError if an option does not exist or has a wrong type.
 */
export function planInstallNamespace(catalog: Catalog, options: InstallNamespacePlanOptions): Plan {
    const known = ["dlls", "providerId", "name", "namespace", "version", "info"];
    refuseUnknownOptions("planInstallNamespace", options, known);
    const { dlls, name, namespace, version = 1, info } = options;
    const names = catalogNames.filter((bits) => dlls?.[bits] !== undefined && catalog.namespaces[bits] !== undefined);
    const isNumber = (value: unknown): boolean =>
        typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= 0xffff_ffff;
    if (names.length === 0) {
        throw new TypeError("planInstallNamespace: dlls must name the DLL for at least one of the catalogs");
    }
    if (typeof options.providerId !== "string" || !guidPattern.test(options.providerId)) {
        throw new TypeError("planInstallNamespace: providerId must be a GUID in braces");
    }
    if (typeof name !== "string" || name === "" || name.includes("\0")) {
        throw new TypeError("planInstallNamespace: name must be a text that is not empty");
    }
    if (!isNumber(namespace) || !isNumber(version)) {
        throw new TypeError("planInstallNamespace: namespace and version must be numbers from 0 to 4294967295");
    }
    if (info !== undefined && !(info instanceof Uint8Array)) {
        throw new TypeError("planInstallNamespace: info must be a Uint8Array");
    }
    if (name.length > 255) {
        throw new WinsockError(`The name has ${name.length} characters; a namespace entry's can have 255.`, {
            code: "ERR_NAME_TOO_LONG",
        });
    }
    const providerId = options.providerId.toUpperCase();
    const steps = names.map((bits): Step => {
        const dll = dlls[bits] ?? "";
        if (typeof dll !== "string" || dll === "" || dll.includes("\0")) {
            throw new TypeError("planInstallNamespace: a DLL must be a path");
        }
        if (dll.length >= MAX_PATH) {
            throw new WinsockError(`A provider's path has at most ${MAX_PATH - 1} characters: ${dll}`, {
                code: "ERR_PATH_TOO_LONG",
            });
        }
        const there = (catalog.namespaces[bits] ?? []).find((entry) => entry.providerId.toUpperCase() === providerId);
        if (there !== undefined) {
            throw new WinsockError(`"${there.name}" is in the ${bits}-bit namespace catalog already, with that GUID.`, {
                code: "ERR_ALREADY_INSTALLED",
            });
        }
        return {
            do: "install-namespace",
            catalog: bitsOf(bits),
            providerId,
            name,
            path: dll,
            namespace,
            version,
            ...(info === undefined ? {} : { info: Buffer.from(info).toString("base64") }),
            text: `${bits}-bit catalog: add the namespace provider "${name}" (${namespaceName(namespace)}): ${dll}`,
        };
    });
    return planOf(`Install the namespace provider "${name}" into the ${names.join("- and the ")}-bit catalog`, steps);
}

/**
 * The plan that takes a namespace provider out of the catalogs. Its DLL stays. Pure.
 *
 * https://learn.microsoft.com/windows/win32/api/ws2spi/nf-ws2spi-wscuninstallnamespace
 *
 * @throws WinsockError `ERR_UNKNOWN_PROVIDER`, `ERR_AMBIGUOUS_PROVIDER`; `ERR_BASE_PROVIDER` for the last one that
 * answers for DNS: programs could resolve no name.
 * @throws TypeError if an option does not exist or has a wrong type.
 */
export function planRemoveNamespace(catalog: Catalog, options: NamespaceChoice): Plan {
    refuseUnknownOptions("planRemoveNamespace", options, ["provider", "catalog"]);
    const chosen = choose(catalog, options);
    const steps = chosen.map(({ bits, entry }): Step => {
        requireNames(catalog, bits, entry);
        return {
            do: "remove-namespace",
            catalog: bitsOf(bits),
            providerId: entry.providerId,
            text: `${bits}-bit catalog: remove the namespace provider "${entry.name}"`,
        };
    });
    return planOf(`Remove the namespace provider ${called(chosen)}`, steps);
}

/**
 * The plan that enables or disables a namespace provider; no steps where it is so already. Pure.
 *
 * https://learn.microsoft.com/windows/win32/api/ws2spi/nf-ws2spi-wscenablensprovider
 *
 * @throws WinsockError as {@link planRemoveNamespace}.
 * @throws TypeError if an option does not exist or has a wrong type.
 */
export function planEnableNamespace(catalog: Catalog, options: NamespaceChoice & { enabled: boolean }): Plan {
    refuseUnknownOptions("planEnableNamespace", options, ["provider", "catalog", "enabled"]);
    const { enabled, ...choice } = options;
    if (typeof enabled !== "boolean") {
        throw new TypeError("planEnableNamespace: enabled must be true or false");
    }
    const verb = enabled ? "Enable" : "Disable";
    const chosen = choose(catalog, choice);
    const steps = chosen.flatMap(({ bits, entry }): Step[] => {
        if (entry.enabled === enabled) {
            return [];
        }
        if (!enabled) {
            requireNames(catalog, bits, entry);
        }
        const text = `${bits}-bit catalog: ${verb.toLowerCase()} the namespace provider "${entry.name}"`;
        return [{ do: "enable-namespace", catalog: bitsOf(bits), providerId: entry.providerId, enabled, text }];
    });
    return planOf(`${verb} the namespace provider ${called(chosen)}`, steps);
}

/**
 * The plan that brings namespace providers to the front, in the order given; no steps where they are there already.
 * Pure.
 *
 * https://learn.microsoft.com/windows/win32/api/sporder/nf-sporder-wscwritenamespaceorder
 *
 * @throws WinsockError `ERR_UNKNOWN_PROVIDER`, `ERR_AMBIGUOUS_PROVIDER`.
 * @throws TypeError if an option does not exist or has a wrong type.
 */
export function planOrderNamespaces(catalog: Catalog, options: OrderNamespacesPlanOptions): Plan {
    refuseUnknownOptions("planOrderNamespaces", options, ["first", "catalog"]);
    const { first, catalog: only } = options;
    if (!Array.isArray(first) || first.length === 0) {
        throw new TypeError("planOrderNamespaces: first must be a list of names and GUIDs");
    }
    const chosen = first.map((provider: string) => choose(catalog, { provider, ...(only ? { catalog: only } : {}) }));
    const steps = catalogNames.flatMap((bits): Step[] => {
        const entries = catalog.namespaces[bits] ?? [];
        const front = [
            ...new Set(
                chosen
                    .flat()
                    .filter((one) => one.bits === bits)
                    .map(({ entry }) => entry),
            ),
        ];
        const order = [...front, ...entries.filter((entry) => !front.includes(entry))];
        if (order.every((entry, index) => entry === entries[index])) {
            return [];
        }
        const names = order.map(({ name }) => name).join(", ");
        const text = `${bits}-bit catalog: ask namespace providers in the order ${names}`;
        return [
            { do: "order-namespaces", catalog: bitsOf(bits), order: order.map(({ providerId }) => providerId), text },
        ];
    });
    const names = [...new Set(chosen.flat().map(({ entry }) => `"${entry.name}"`))];
    return planOf(`Ask the namespace providers ${names.join(", ")} first`, steps);
}

interface Chosen {
    bits: CatalogName;
    entry: NamespaceEntry;
}

const called = (chosen: readonly Chosen[]): string => `"${chosen[0]?.entry.name ?? ""}"`;

/** The provider that is meant, in each catalog that has it. */
function choose(catalog: Catalog, { provider, catalog: only }: NamespaceChoice): Chosen[] {
    if (typeof provider !== "string" || provider === "") {
        throw new TypeError("a namespace provider must be named by a name or a GUID in braces");
    }
    if (only !== undefined && !catalogNames.includes(only)) {
        throw new TypeError(`catalog must be "64" or "32", not ${String(only)}`);
    }
    const all = catalogNames.flatMap((bits) =>
        only === undefined || only === bits
            ? (catalog.namespaces[bits] ?? []).map((entry): Chosen => ({ bits, entry }))
            : [],
    );
    const lower = provider.toLowerCase();
    const exact = all.filter(({ entry }) => [entry.providerId, entry.name].some((one) => one.toLowerCase() === lower));
    const found =
        exact.length > 0 ? exact : all.filter(({ entry }) => path.basename(entry.path).toLowerCase() === lower);
    const guids = new Set(found.map(({ entry }) => entry.providerId.toUpperCase()));
    const list = (some: readonly Chosen[]): string =>
        [...new Set(some.map(({ entry }) => `"${entry.name}" ${entry.providerId}`))].join(", ");
    if (guids.size === 0) {
        throw new WinsockError(`There is no namespace provider ${JSON.stringify(provider)}. There are: ${list(all)}.`, {
            code: "ERR_UNKNOWN_PROVIDER",
        });
    }
    if (guids.size > 1) {
        throw new WinsockError(`${JSON.stringify(provider)} may mean any of ${list(found)}: name one by its GUID.`, {
            code: "ERR_AMBIGUOUS_PROVIDER",
        });
    }
    return found;
}

/** Refuses to take away the last one that answers for DNS. */
function requireNames(catalog: Catalog, bits: CatalogName, entry: NamespaceEntry): void {
    const others = (catalog.namespaces[bits] ?? []).some(
        (other) => other !== entry && other.enabled && other.namespace === NS_DNS,
    );
    if (entry.namespace === NS_DNS && entry.enabled && !others) {
        throw new WinsockError(
            `"${entry.name}" is the last namespace provider for DNS in the ${bits}-bit catalog: without it programs ` +
                "could resolve no name. It stays.",
            { code: "ERR_BASE_PROVIDER" },
        );
    }
}
