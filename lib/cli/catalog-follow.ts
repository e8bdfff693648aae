// winsock-spi catalog --follow: changes of the catalogs as they happen.

import { once } from "node:events";
import { formatDiff } from "../catalog/diff.js";
import { printable } from "../catalog/printable.js";
import { type CatalogChange, watchCatalog } from "../catalog/watch-catalog.js";
import { exitCodes, type Output } from "./frame.js";

/** A change as one line of JSON: the catalog itself is left to `catalog --json`. */
function toJson({ time, difference, source, by, events }: CatalogChange): string {
    return JSON.stringify({ time: time.toISOString(), source, by, events, difference });
}

function headOf({ time, by, difference }: CatalogChange): string {
    const when = time.toISOString().replace("T", " ");
    const who =
        by === undefined
            ? ""
            : `  ${by.event} by ${by.program ?? "an unknown program"}` + (by.pid === undefined ? "" : ` (${by.pid})`);
    return printable(`${when}${who}${difference.same ? "  (nothing differs)" : ""}`);
}

/** For people: when and who, then what differs, each line made harmless. */
function toText(change: CatalogChange): string {
    const lines = change.difference.same ? [] : formatDiff(change.difference).split("\n");
    return [headOf(change), ...lines.map((line) => `  ${printable(line)}`)].join("\n");
}

/** Writes changes until Ctrl-C, or until nobody reads them any more. */
export async function followCatalog(output: Output): Promise<number> {
    await using changes = watchCatalog();
    const end = (): void => void changes.close();
    for (const signal of ["SIGINT", "SIGBREAK", "SIGHUP"] as const) {
        process.once(signal, end);
    }
    const stream = process.stdout;
    let broken = false;
    stream.on("error", () => {
        broken = true;
        end();
    });
    output.note("catalog: following changes; Ctrl-C ends it");
    const format = output.json ? toJson : toText;
    for await (const change of changes) {
        if (!stream.write(`${format(change)}\n`) && !broken) {
            await Promise.race([once(stream, "drain"), once(stream, "close")]).catch(() => undefined);
        }
    }
    return exitCodes.done;
}
