// --confirm-within DURATION, for every command that changes the system.

import { InvalidArgumentError } from "commander";
import { confirmWithinLimits } from "../plan/confirm.js";

const units = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const;

/** `90s`, `5m`, `1h`, `1500ms`; a bare number is seconds. Milliseconds. */
export function parseDuration(text: string): number {
    const [, number, unit = "s"] = /^(\d{1,9})(ms|s|m|h)?$/.exec(text) ?? [];
    const milliseconds = Number(number) * units[unit as keyof typeof units];
    if (!(milliseconds >= confirmWithinLimits.least && milliseconds <= confirmWithinLimits.most)) {
        throw new InvalidArgumentError("a time is, for example, 60s, 5m or 1h: from 1s to 168h.");
    }
    return milliseconds;
}
