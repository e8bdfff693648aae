// Programs and LSP categories: who is kept out of which program. Pure.

import { applicationsOfRegistry, isPermitted } from "../catalog/categories.js";
import { own } from "../catalog/registry.js";
import type { Facts } from "./facts.js";
import type { Findings } from "./findings.js";
import type { CatalogView } from "./view.js";

export function checkCategories(facts: Facts, view: CatalogView, findings: Findings): void {
    const known = facts.catalog.categories?.[view.bits];
    if (known === undefined) {
        return; // Winsock did not tell
    }
    for (const provider of view.providers.filter(({ base }) => !base)) {
        const layered = provider.entries.filter(({ kind }) => kind === "layered");
        if (layered.length > 0 && provider.entries.every(({ providerId }) => (own(known, providerId) ?? 0) === 0)) {
            findings.add("uncategorised", {
                catalog: view.bits,
                provider: provider.who,
                entries: layered.map(({ id }) => id),
                message: `"${provider.who.name}" has no LSP categories.`,
                consequence:
                    "Windows keeps it out of system processes and of programs with categories, and loads it into " +
                    "all others.",
            });
        }
    }
}

export function checkPrograms(facts: Facts, views: readonly CatalogView[], findings: Findings): void {
    const view = views[0]; // these programs are of the machine's own bitness
    const applications = facts.catalog.applications ?? [];
    for (const program of view === undefined ? [] : facts.sensitivePrograms) {
        const application = applications.find(
            (one) => one.args === "" && one.program.toLowerCase() === program.toLowerCase(),
        );
        const known = facts.catalog.categories?.[view?.bits ?? "64"];
        const inside = (view?.providers ?? []).filter(
            ({ base, entries }) =>
                !base &&
                entries.some(({ kind }) => kind === "layered") &&
                isPermitted(
                    entries.reduce((bits, { providerId }) => (bits | (own(known, providerId) ?? 0)) >>> 0, 0),
                    application?.categories,
                ),
        );
        const [first] = inside;
        if (view === undefined || first === undefined) {
            continue;
        }
        const name = program.split("\\").at(-1) ?? program;
        findings.add("wsl-not-excluded", {
            catalog: view.bits,
            provider: first.who,
            message: `${program} is not excluded from layered providers: ${inside.map(({ who }) => `"${who.name}"`).join(", ")}.`,
            consequence: `${name} will not start, or has no network (0x8007273D, 10045).`,
            ...(application === undefined
                ? { fix: `exclude it: winsock-spi exclude "${program}"` }
                : { advice: `winsock-spi exclude "${program}"` }),
        });
    }
    const problems: string[] = [];
    applicationsOfRegistry(facts.registry, problems);
    for (const problem of problems) {
        findings.add("application-damaged", {
            message: `${problem}.`,
            consequence: "Which providers the program takes is not what somebody wanted.",
            advice: "winsock-spi exclude PROGRAM, or the product that made the entry",
        });
    }
    for (const { program, key, ours } of applications) {
        // Ours are excluded before they are there, for the day on which they come.
        if (ours !== true && own(facts.programs, program) === false) {
            findings.add("application-gone", {
                message: `${program}, which has LSP categories (${key}), is not there any more.`,
                consequence:
                    "Nothing, unless it was an exclusion of a program that has moved since: that one is no longer " +
                    "excluded.",
                advice: `winsock-spi include "${program}", and exclude the program where it is now`,
            });
        }
    }
}
