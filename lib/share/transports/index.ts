// Transports by name. Each is loaded when it is asked for the first time.

import type { Transport, TransportName } from "./channel.js";

const table: Partial<Record<TransportName, () => Promise<Transport>>> = {
    pipe: async () => (await import("./pipe.js")).pipe,
    mailslot: async () => (await import("./mailslot.js")).mailslot,
    "shared-memory": async () => (await import("./shared-memory.js")).sharedMemory,
    copydata: async () => (await import("./copydata.js")).copydata,
    "anonymous-pipe": async () => (await import("./anonymous-pipe.js")).anonymousPipe,
    atoms: async () => (await import("./atoms.js")).atoms,
    dde: async () => (await import("./dde.js")).dde,
    tcp: async () => (await import("./tcp.js")).tcp,
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
