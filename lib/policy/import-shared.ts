/** What importers of other programs' rules share. Pure. */

import type { Policy } from "./model.js";

export interface ImportedPolicy {
    readonly policy: Policy;
    /** What could not be taken over as it was, for people. */
    readonly notes: readonly string[];
}

/** A name that no other rule has; control characters, which a policy file may not have, become spaces. */
export function uniqueName(wanted: string, taken: Set<string>): string {
    const plain =
        wanted
            .replace(/[\u0000-\u001f\u007f]+/g, " ")
            .trim()
            .slice(0, 180) || "rule";
    let name = plain;
    for (let count = 2; taken.has(name); count++) {
        name = `${plain} (${count})`;
    }
    taken.add(name);
    return name;
}
