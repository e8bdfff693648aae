// What the public types must refuse. A line that is accepted after all is an error here: its directive has no use then.
// Compiled against the packed declarations (scripts/checks/types.mjs), never run.
import { applyPolicy, decide, install, parsePolicy, readCatalog, sendSocket, watch } from "winsock-spi";
// @ts-expect-error internal
import { packageRoot } from "winsock-spi";
// @ts-expect-error no such entry
import * as internal from "winsock-spi/dist/native.js";

export const unused = [packageRoot, internal];

export async function misuse(): Promise<void> {
    // @ts-expect-error a misspelt option
    await install({ dryrun: true });
    // @ts-expect-error no such method
    await install({ method: "replace" });
    // @ts-expect-error ids are numbers
    await install({ over: ["1001"] });
    // @ts-expect-error a time, not a text
    await install({ confirmWithin: "60s" });
    // @ts-expect-error no such source
    await readCatalog({ source: "file" });
    // @ts-expect-error to whom?
    await sendSocket({}, {});
    // @ts-expect-error a text or a policy
    await applyPolicy(1);
    // @ts-expect-error a policy is parsed first
    decide("version: 1", {});
    // @ts-expect-error text, not bytes
    parsePolicy(new Uint8Array(1));
    // @ts-expect-error it is iterated asynchronously
    for (const record of watch()) {
        void record;
    }
    const catalog = await readCatalog();
    // @ts-expect-error a catalog may be missing
    catalog.protocols["64"].length.toFixed();
}
