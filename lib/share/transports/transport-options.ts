// What the transports of this folder do alike with their options.

import { refuseUnknownOptions } from "../../errors.js";
import type { TransportOptions } from "./channel.js";

export const defaultTimeout = 10_000;

export function checkTransportOptions(caller: string, options: TransportOptions): void {
    if (typeof options !== "object" || options === null) {
        throw new TypeError(`${caller}: options must be an object`);
    }
    refuseUnknownOptions(caller, options, ["signal", "timeout", "sddl", "onError"]);
    options.signal?.throwIfAborted();
}

/** Names that are safe in every kind of object: native/spi/transports/mechanism.cpp has the same rule. */
export function checkPortName(caller: string, address: string): void {
    if (typeof address !== "string" || !isPortName(address)) {
        throw new TypeError(
            `${caller}: the address must be a name of 1 to 100 letters, digits, dots, dashes or underscores`,
        );
    }
}

export function isPortName(text: string): boolean {
    return /^[A-Za-z0-9._-]{1,100}$/.test(text);
}
