// Whether the Winsock catalog of this machine may be changed. On Linux it is the clone's own, in its Wine prefix.
import { onWindows, systemProgram } from "./paths.mjs";
import { attempt } from "./processes.mjs";

/**
 * Why the catalog must not be changed; undefined = it may. asked: a person can still be asked, if there is a terminal.
 */
export async function reasonNotToChange({ asked = false } = {}) {
    if (!onWindows) {
        return undefined;
    }
    if (process.env.WINSOCK_SPI_LIVE !== "1" && !(asked && process.stdin.isTTY)) {
        return "the catalog of a real machine is only changed with WINSOCK_SPI_LIVE=1";
    }
    // A program that only administrators may run, and that changes nothing.
    const filters = await attempt(systemProgram("fltmc.exe"), []);
    return filters.code === 0 ? undefined : "changing the catalog needs administrator rights";
}
