// Windows on ARM64, where no provider of ours may be installed yet.

import { WinsockError } from "../errors.js";
import type { MachineArch } from "../plan/helpers.js";

/**
 * Refuses a Windows on ARM64. Its 64-bit catalog serves native and emulated x64 programs at once, so the one DLL that it
 * names must load into both kinds (ARM64X). A DLL of one kind would take the network from all programs of the other; none
 * of ours has been seen to load in both.
 *
 * @throws WinsockError `ERR_ARM64_UNPROVEN`.
 */
export function requireProvenArchitecture(arch: MachineArch): void {
    if (arch === "arm64") {
        throw new WinsockError(
            "This Windows runs on ARM64, where a provider must load into native and emulated programs alike (ARM64X), and " +
                "none of this package has been shown to. Nothing was changed. Reading, backups, doctor, uninstalling other " +
                "providers and handing over sockets work here.",
            { code: "ERR_ARM64_UNPROVEN" },
        );
    }
}
