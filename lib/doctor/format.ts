// Findings as text for people. Pure.

import type { Finding, Severity } from "./findings.js";

const words: Readonly<Record<Severity, string>> = { error: "ERROR", warning: "WARNING", info: "info" };

/** One paragraph for each finding: what is the case, what it does, what helps. */
export function formatFindings(findings: readonly Finding[]): string {
    if (findings.length === 0) {
        return "The Winsock catalogs are healthy.";
    }
    const count = (severity: Severity): number => findings.filter((one) => one.severity === severity).length;
    const summary = (["error", "warning", "info"] as const)
        .filter((severity) => count(severity) > 0)
        .map(
            (severity) =>
                `${count(severity)} ${severity === "info" ? "for information" : `${severity}${count(severity) === 1 ? "" : "s"}`}`,
        );
    return [...findings.map(formatFinding), `Found: ${summary.join(", ")}.`].join("\n\n");
}

export function formatFinding({ code, severity, catalog, message, consequence, repair }: Finding): string {
    const where = catalog === undefined ? "" : `, ${catalog}-bit catalog`;
    const help =
        repair === undefined ? [] : [`    ${repair.safe ? "Repair (doctor --fix)" : "What helps"}: ${repair.text}.`];
    return [`${words[severity]} ${code}${where}`, `    ${message}`, `    ${consequence}`, ...help].join("\n");
}
