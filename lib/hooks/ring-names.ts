/**
 * File names of rings: "<pid>-<process start as 16 hex digits>.ring" (native/core/ring_format.hpp). A process with two
 * versions of the provider, because an upgrade came while it ran, has a second ring: "...-2.ring". Pure.
 */

/** A process for ever: its pid and when it was created (FILETIME). */
export interface ProcessIdentity {
    readonly pid: number;
    readonly startTime: bigint;
}

/** As many rings one process can have: max_ring_parts of native/core/ring_format.hpp. */
export const maxRingParts = 4;

const form = /^([1-9][0-9]{0,9})-([0-9a-f]{16})(?:-([2-9]))?\.ring$/i;

/** The process whose ring has that name, or undefined if it is no ring's name. */
export function parseRingName(name: string): ProcessIdentity | undefined {
    const [, pid, start, part] = form.exec(name) ?? [];
    if (pid === undefined || start === undefined || Number(pid) > 0xffff_ffff || Number(part ?? 1) > maxRingParts) {
        return undefined;
    }
    return { pid: Number(pid), startTime: BigInt(`0x${start}`) };
}

/** The name that the next ring of the same process has; undefined after the last one. */
export function nextRingName(name: string): string | undefined {
    const part = Number(form.exec(name)?.[3] ?? 1) + 1;
    return part > maxRingParts ? undefined : name.replace(/(?:-[2-9])?\.ring$/i, `-${part}.ring`);
}
