// The diagnosis: facts in, findings out. Pure; whatever the facts hold, it ends and changes nothing.

import { checkBehaviour } from "./checks-behaviour.js";
import { checkChains, checkCoverage, checkTwins } from "./checks-chains.js";
import { checkFiles, checkNamespaceFiles } from "./checks-files.js";
import { checkCategories, checkPrograms } from "./checks-programs.js";
import { checkChainLengths, checkRegistry } from "./checks-registry.js";
import type { Facts } from "./facts.js";
import { type Finding, Findings, type Severity } from "./findings.js";
import { viewsOf } from "./view.js";

const order: Readonly<Record<Severity, number>> = { error: 0, warning: 1, info: 2 };

/**
 * What is wrong with the Winsock catalogs that these facts describe, and what is worth knowing: the worst first, else in
 * the order in which one thing leads to the next.
 */
export function diagnose(facts: Facts): Finding[] {
    const findings = new Findings();
    const views = viewsOf(facts);
    checkRegistry(facts, findings);
    checkChainLengths(facts, findings);
    for (const view of views) {
        checkFiles(facts, view, findings);
        checkChains(facts, view, findings);
        checkBehaviour(facts, view, findings);
        checkCoverage(view, findings);
        checkCategories(facts, view, findings);
    }
    checkTwins(views, findings);
    checkNamespaceFiles(facts, findings);
    checkPrograms(facts, views, findings);
    return findings.list.sort((a, b) => order[a.severity] - order[b.severity]);
}
