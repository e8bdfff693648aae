// Transports by name. Each is loaded when it is asked for the first time.

import type { Transport, TransportName } from "./channel.js";

const table: Partial<Record<TransportName, () => Promise<Transport>>> = {
    pipe: async () => (await import("./pipe.js")).pipe,
};

/** The names that `transport` knows. */
export const transportNames = Object.keys(table) as readonly TransportName[];

/** @throws TypeError if there is no transport of that name. */
export function transport(name: TransportName): Promise<Transport> {
    const load = Object.hasOwn(table, name) ? table[name] : undefined;
    if (load === undefined) {
        throw new TypeError(`there is no transport "${name}" (there is: ${transportNames.join(", ")})`);
    }
    return load();
}
