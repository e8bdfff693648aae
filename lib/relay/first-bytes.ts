/** Looks at what a client says first, and leaves it in the stream. */
import type { Duplex } from "node:stream";
import { nextChunk } from "./handshake.js";
import { nameIn } from "./names.js";

export type FirstBytes =
    | { readonly kind: "name"; readonly name: string }
    /** There is no name in what it says. `all`: that was everything, and is not in the stream any more. */
    | { readonly kind: "nameless"; readonly all?: Buffer }
    /** It has said nothing yet: the server may be the one that speaks first. */
    | { readonly kind: "silent" };

/** Milliseconds: for the first byte, before the client counts as silent; for all that tells its name. */
export interface NamePatience {
    readonly silence: number;
    readonly name: number;
}

/**
 * The name in the first bytes of `client`, which nobody else reads. Rejects when the client goes before it is known, or
 * begins to tell and does not finish.
 */
export async function readName(client: Duplex, { silence, name }: NamePatience): Promise<FirstBytes> {
    let bytes: Buffer = Buffer.alloc(0);
    let deadline = performance.now() + silence;
    for (;;) {
        let ended = false;
        const chunk = await nextWithin(client, deadline - performance.now()).catch((error: unknown) => {
            if (client.destroyed || client.errored !== null) {
                throw error;
            }
            ended = true; // its side, and it may still want to hear
            return undefined;
        });
        if (chunk === undefined && bytes.length === 0) {
            return { kind: "silent" };
        }
        if (ended) {
            return { kind: "nameless", all: bytes };
        }
        if (chunk === undefined) {
            throw new Error("the client did not finish what it began to say");
        }
        if (bytes.length === 0) {
            deadline = performance.now() + name;
        }
        bytes = Buffer.concat([bytes, chunk]);
        const found = nameIn(bytes);
        if (found.state !== "more") {
            client.unshift(bytes);
            return found.state === "known" ? { kind: "name", name: found.name } : { kind: "nameless" };
        }
    }
}

/** The next bytes; undefined when they have not come in so many milliseconds. */
async function nextWithin(client: Duplex, milliseconds: number): Promise<Buffer | undefined> {
    let timer: NodeJS.Timeout | undefined;
    const stop = new AbortController();
    const late = new Promise<undefined>((resolve) => {
        timer = setTimeout(() => resolve(undefined), Math.max(0, milliseconds));
    });
    try {
        return await Promise.race([nextChunk(client, stop.signal), late]);
    } finally {
        clearTimeout(timer);
        stop.abort();
    }
}
