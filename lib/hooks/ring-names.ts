/** File names of rings: "<pid>-<process start as 16 hex digits>.ring" (native/core/ring_format.hpp). Pure. */

/** A process for ever: its pid and when it was created (FILETIME). */
export interface ProcessIdentity {
    readonly pid: number;
    readonly startTime: bigint;
}

const form = /^([1-9][0-9]{0,9})-([0-9a-f]{16})\.ring$/i;

/** The process whose ring has that name, or undefined if it is no ring's name. */
export function parseRingName(name: string): ProcessIdentity | undefined {
    const [, pid, start] = form.exec(name) ?? [];
    if (pid === undefined || start === undefined || Number(pid) > 0xffff_ffff) {
        return undefined;
    }
    return { pid: Number(pid), startTime: BigInt(`0x${start}`) };
}
