// Plans taking our provider out again: a pure function from a catalog to steps. What is done in the catalogs is in
// plan-remove.ts, as for anyone's provider; the files go last.

import { type Catalog, catalogNames } from "../catalog/model.js";
import { WinsockError, refuseUnknownOptions } from "../errors.js";
import { type Plan, type Step, planFormat, planVersion } from "../plan/plan.js";
import { ourEntries } from "./identity.js";
import { inclusionSteps } from "./plan-exclude.js";
import { removalSteps } from "./plan-remove.js";
import { giveBackSteps } from "./plan-replace.js";
import { type Originals, replacedEntries } from "./replaced.js";

/** What {@link planUninstall} needs to know beside the catalog. */
export interface UninstallPlanOptions {
    /** Full paths of the files of ours that are to be deleted. */
    files?: readonly string[];
    /** Full paths of the folders of ours, innermost first; one that is not empty stays. */
    folders?: readonly string[];
    /** Full paths of folders of ours that are deleted with everything in them. */
    trees?: readonly string[];
    /** Plan also if no catalog has an entry of ours and only files are left. */
    leftovers?: boolean;
    /** Which DLLs base providers had whose place ours has taken (method replace-base). */
    originals?: Originals;
    /** The registry has what that method writes down, be it only after a restore by Winsock's functions. */
    saved?: boolean;
    /** There is a policy, or something left of one. */
    policy?: boolean;
}

/**
 * The plan that takes the provider out of every catalog in which it has an entry. Pure. Our entries are known by their
 * GUIDs, wherever their DLLs are and however they are called.
 *
 * @throws WinsockError `ERR_NOT_INSTALLED` if there is no entry of ours, and with `leftovers` no file either;
 * `ERR_ORIGINAL_UNKNOWN` if a base provider leads to our DLL and `originals` does not say which one it had.
 * @throws TypeError if there is no such option.
 */
export function planUninstall(catalog: Catalog, options: UninstallPlanOptions = {}): Plan {
    refuseUnknownOptions("planUninstall", options, [
        "files",
        "folders",
        "trees",
        "leftovers",
        "originals",
        "saved",
        "policy",
    ]);
    const { files = [], folders = [], trees = [], leftovers = false, originals = {}, saved = false } = options;
    const { policy = false } = options;
    const names = catalogNames.filter((bits) => {
        const entries = catalog.protocols[bits] ?? [];
        return ourEntries(entries).length > 0 || replacedEntries(entries).length > 0;
    });
    const nothingLeft = !saved && !policy && files.length === 0 && folders.length === 0 && trees.length === 0;
    if (names.length === 0 && (!leftovers || nothingLeft)) {
        const rest = nothingLeft
            ? ""
            : " Files of an earlier installation are left; `winsock-spi uninstall --leftovers` deletes them.";
        throw new WinsockError(`The provider is not installed: no catalog has an entry of it.${rest}`, {
            code: "ERR_NOT_INSTALLED",
        });
    }
    const where =
        names.length === 0
            ? "away, of which only files are left"
            : `out of the ${names.join("- and the ")}-bit catalog`;
    return {
        format: planFormat,
        version: planVersion,
        operation: "uninstall",
        text: `Take the provider winsock-spi ${where}`,
        onFailure: "finish",
        steps: [
            // Before control.bin goes, which programs that run look at.
            ...(policy ? [{ do: "clear-policy", text: "Clear the policy" } satisfies Step] : []),
            ...names.flatMap((bits) => removalSteps(catalog, bits, ourEntries(catalog.protocols[bits] ?? []))),
            ...inclusionSteps(catalog),
            ...giveBackSteps(catalog, originals, saved),
            ...files.map((path): Step => ({ do: "delete-file", path, text: `Delete ${path}` })),
            ...folders.map((path): Step => ({ do: "delete-folder", path, text: `Delete the folder ${path}` })),
            ...trees.map((path): Step => ({
                do: "delete-folder",
                path,
                contents: true,
                text: `Delete the folder ${path} and everything in it`,
            })),
        ],
    };
}
