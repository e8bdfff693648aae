// Restoring by Winsock's own functions what is beside the protocol catalogs: namespace providers, the LSP categories of
// layered providers, and those of programs. Pure.

import { WinsockError } from "../errors.js";
import type { Bits } from "../native.js";
import type { Step } from "../plan/plan.js";
import { applicationsOfRegistry, categoryNames } from "./categories.js";
import type { ApplicationEntry, Catalog, CatalogName } from "./model.js";
import { type NamespaceItem, type RegistryTree, namespaceItems, own } from "./registry.js";

/**
 * The steps by which a namespace catalog becomes the wanted one.
 *
 * @throws WinsockError `ERR_RESTORE_WAY` if one of them is damaged.
 */
export function namespaceSteps(bits: CatalogName, wanted: RegistryTree, live: RegistryTree): Step[] {
    const [after, before] = [readable(bits, wanted), readable(bits, live)];
    const kept = new Map<string, NamespaceItem>();
    for (const { item, twin } of before.map((one) => ({ item: one, twin: find(after, one) }))) {
        if (twin !== undefined && sameButEnabled(item, twin)) {
            kept.set(item.entry.providerId, item);
        }
    }
    const catalog = Number(bits) as Bits;
    const removed = before.filter(({ entry }) => !kept.has(entry.providerId));
    const added = after.filter(({ entry }) => !kept.has(entry.providerId));
    const switched = after.filter(({ entry }) => entry.enabled !== (kept.get(entry.providerId)?.entry.enabled ?? true));
    const order = after.map(({ entry }) => entry.providerId);
    const then = [...kept.keys(), ...added.map(({ entry }) => entry.providerId)];
    return [
        ...removed.map(({ entry: { name, providerId } }): Step => ({
            do: "remove-namespace",
            catalog,
            providerId,
            text: `${bits}-bit catalog: remove the namespace provider "${name}"`,
        })),
        ...added.map(({ entry: { name, providerId, path, namespace, version }, info }): Step => ({
            do: "install-namespace",
            catalog,
            providerId,
            name,
            path,
            namespace,
            version,
            ...(info === undefined ? {} : { info }),
            text: `${bits}-bit catalog: install the namespace provider "${name}"`,
        })),
        ...switched.map(({ entry: { name, providerId, enabled } }): Step => ({
            do: "enable-namespace",
            catalog,
            providerId,
            enabled,
            text: `${bits}-bit catalog: ${enabled ? "enable" : "disable"} the namespace provider "${name}"`,
        })),
        ...(order.every((guid, index) => guid === then[index])
            ? []
            : [
                  {
                      do: "order-namespaces" as const,
                      catalog,
                      order,
                      text: `${bits}-bit catalog: put the namespace providers in their order`,
                  },
              ]),
    ];
}

function readable(bits: CatalogName, registry: RegistryTree): NamespaceItem[] {
    const problems: string[] = [];
    const items = namespaceItems(registry, bits, problems);
    const twice = items.find((one) => find(items, one) !== one);
    if (twice !== undefined) {
        problems.push(`the namespace provider ${twice.entry.providerId} is there twice`);
    }
    if (problems.length > 0) {
        throw new WinsockError(
            `Winsock's functions cannot work on a damaged catalog: ${problems.join("; ")}. Nothing was changed. The ` +
                "registry way (`--way registry`) can.",
            { code: "ERR_RESTORE_WAY" },
        );
    }
    return items;
}

const find = (items: readonly NamespaceItem[], { entry }: NamespaceItem): NamespaceItem | undefined =>
    items.find((one) => one.entry.providerId === entry.providerId);

function sameButEnabled(a: NamespaceItem, b: NamespaceItem): boolean {
    const text = ({ entry: { name, path, namespace, version }, info }: NamespaceItem): string =>
        JSON.stringify([name, path, namespace, version, info]);
    return text(a) === text(b);
}

/**
 * The steps that give layered providers their LSP categories again. Those that are deinstalled on the way have none by
 * then. Where it is not known which they had, they are left alone.
 */
export function providerCategorySteps(
    bits: CatalogName,
    { wanted, live, deinstalled }: { wanted: Catalog; live: Catalog; deinstalled: ReadonlySet<string> },
): Step[] {
    const had = wanted.categories?.[bits];
    if (had === undefined) {
        return [];
    }
    const layered = (wanted.protocols[bits] ?? []).filter(({ kind }) => kind !== "base");
    const names = new Map(layered.map(({ providerId, name }) => [providerId, name]));
    return [...names].flatMap(([providerId, name]): Step[] => {
        const categories = own(had, providerId) ?? 0;
        const has = deinstalled.has(providerId) ? 0 : (own(live.categories?.[bits] ?? {}, providerId) ?? 0);
        if (categories === has) {
            return [];
        }
        const what = categoryNames(categories).join(", ") || "none";
        return [
            {
                do: "set-provider-category",
                catalog: Number(bits) as Bits,
                providerId,
                categories,
                text: `${bits}-bit catalog: set the LSP categories of "${name}": ${what}`,
            },
        ];
    });
}

/** The steps that make programs permit the LSP categories again that they did. */
export function applicationCategorySteps(wanted: RegistryTree, live: RegistryTree): Step[] {
    const key = ({ program, args }: ApplicationEntry): string => `${program.toLowerCase()}\0${args.toLowerCase()}`;
    const byKey = (tree: RegistryTree): Map<string, ApplicationEntry> =>
        new Map(applicationsOfRegistry(tree).map((one) => [key(one), one]));
    const [after, before] = [byKey(wanted), byKey(live)];
    const step = ({ program, args, ours }: ApplicationEntry, categories: number | null): Step => {
        const whose = args === "" ? program : `${program} ${args}`;
        const text =
            categories === null
                ? `Let every provider into ${whose} again`
                : `Set the LSP categories that ${whose} permits: ${categoryNames(categories).join(", ") || "none"}`;
        return {
            do: "set-application-category",
            program,
            ...(args === "" ? {} : { args }),
            categories,
            ...(ours === true && categories !== null ? { mark: true } : {}),
            text,
        };
    };
    // Only an entry that a step makes can be marked as ours.
    const isToBeMade = (name: string, { ours }: ApplicationEntry): boolean =>
        ours === true && before.get(name)?.ours !== true;
    return [
        ...[...before]
            .filter(([name]) => {
                const entry = after.get(name);
                return entry === undefined || isToBeMade(name, entry);
            })
            .map(([, entry]) => step(entry, null)),
        ...[...after]
            .filter(([name, entry]) => before.get(name)?.categories !== entry.categories || isToBeMade(name, entry))
            .map(([, entry]) => step(entry, entry.categories)),
    ];
}
