// The addon's part about changes that wait to be confirmed (native/spi/recovery.hpp).

import type { RecoveryResult } from "../native.js";

/** A change whose journal is still there. */
export interface NativePendingChange {
    /** `install`, `upgrade`, ...; `unknown` where this user may not read the journal. */
    operation: string;
    /** It is done and waits to be confirmed until then (milliseconds since 1970); absent: it was interrupted. */
    until?: number;
}

export interface ConfirmBinding {
    /** The change whose journal is still there, if any. */
    pendingChange(): NativePendingChange | undefined;
    /**
     * Makes the unconfirmed change final. Throws ERR_NOTHING_UNCONFIRMED, ERR_UNFINISHED.
     *
     * @param gate A named pipe that is told of every write before it is made, and answers: for kill tests.
     */
    confirmChange(gate?: string): Promise<RecoveryResult>;
    /** Undoes the unconfirmed change now. Throws as `confirmChange` does. */
    rollBackChange(gate?: string): Promise<RecoveryResult>;
}

export const confirmMethods = ["pendingChange", "confirmChange", "rollBackChange"] as const;
