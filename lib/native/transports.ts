// What the addon does for the transports of lib/share/transports: native/addon/{link,transports,proof}.cpp.

/** Mechanisms whose ports take single messages from anyone who knows their names. */
export type PortKind = "mailslot" | "copydata" | "atoms" | "dde";

/** All that happened at a link since the last call. */
export interface LinkEvents {
    /** Others can reach it now. Told once. */
    ready: boolean;
    /** What came in, in order: whole messages at a port, parts of the stream at a line. */
    messages: Buffer[];
    /** How many of what was given to `send` have been dealt with, failed ones included. */
    sent: number;
    /**
     * Messages that did not arrive, `error.code` telling why: `ERROR_FILE_NOT_FOUND` (nobody has that name any more),
     * `ERROR_BUSY` (not taken this time), or something worse.
     */
    failures: { target: string; error: Error & { code: string } }[];
    /** Nothing more will come in: the other end of a line closed it, or `error` happened. Told once, last. */
    ended: boolean;
    error?: Error & { code: string };
}

/**
 * An open mechanism with a thread that receives and one that sends. A *port* (mailslot, copydata, atoms, dde) has a name
 * and sends to other ports by theirs; a *line* (shared memory, anonymous pipes) has one other end, and `target` is "".
 * It keeps the event loop alive until `close` or `unref`. What was not sent when it is closed is dropped.
 */
export interface Link {
    /** Hands the bytes (copied) to the sending thread; {@link LinkEvents.sent} counts when that is done. */
    send(target: string, bytes: Uint8Array): void;
    /** Lets go of what is kept for sending to `target`. */
    forget(target: string): void;
    /** Tells the other end of a line, after all that was sent, that nothing more comes. */
    finish(): void;
    /** Takes nothing in (but for what is on its way) until `resume`. */
    pause(): void;
    resume(): void;
    ref(): void;
    unref(): void;
    /** Ends it at once; `onEvents` is not called any more. May be called again. */
    close(): void;
}

export interface PipedProgram {
    pid: number;
    link: Link;
    /** Its exit code (32 bits). */
    exited: Promise<number>;
    kill: () => void;
}

/** A secret that was put into another process, and a hold on that process. */
export interface ProofHandle {
    /** The number of the handle in that process. */
    readonly handle: number;
    /** Takes the handle back out of that process, which stays held and watched. */
    withdraw(): void;
    /** Withdraws, and lets the process go; `onExit` is not called any more. May be called again. */
    close(): void;
}

export interface TransportsBinding {
    /**
     * Makes a port named `name` (1 to 100 letters, digits, dots, dashes, underscores). `sddl`: who may send to it, where
     * the mechanism has a security descriptor; "" is this user only. A message is at most 424 bytes for a mailslot,
     * 444 for atoms, 65,536 else. Throws `ERR_ADDRESS_IN_USE`.
     * https://learn.microsoft.com/windows/win32/ipc/interprocess-communications
     */
    openPort(kind: PortKind, name: string, sddl: string, onEvents: (events: LinkEvents) => void): Link;
    /**
     * Listens for connections through shared memory: each message is the number (32 bits, little-endian) of a slot that
     * was claimed and that `openSharedMemorySlot` opens; then `forget` of that number in decimal lets the listener's
     * own hold on it go. Throws `ERR_ADDRESS_IN_USE`.
     */
    openSharedMemoryDoor(name: string, sddl: string, onEvents: (events: LinkEvents) => void): Link;
    openSharedMemorySlot(name: string, slot: number, onEvents: (events: LinkEvents) => void): Link;
    /** Throws `ERROR_FILE_NOT_FOUND` (no listener), `ERROR_BUSY` (try again). */
    connectSharedMemory(name: string, onEvents: (events: LinkEvents) => void): Link;
    /**
     * Starts the program at the full path `file`. It inherits one end of each of two anonymous pipes, their handles
     * named by the environment variable `variable` ("read,write"), this process's standard streams, and no other handle.
     * https://learn.microsoft.com/windows/win32/procthread/creating-a-child-process-with-redirected-input-and-output
     */
    startWithPipes(
        file: string,
        commandLine: string,
        folder: string,
        environment: string[],
        variable: string,
        onEvents: (events: LinkEvents) => void,
    ): PipedProgram;
    /** In that program: takes the two handles over. Throws `ERROR_INVALID_HANDLE` if they are no pipes. */
    takePipes(read: number, write: number, onEvents: (events: LinkEvents) => void): Link;
    /**
     * Puts `secret` (32 bytes) where only that process can read it, holds the process, and calls `onExit` when it ends.
     * Throws what OpenProcess says: `ERROR_ACCESS_DENIED`, `ERROR_INVALID_PARAMETER` (no such process).
     */
    openProof(pid: number, secret: Uint8Array, onExit: () => void): ProofHandle;
    /** The secret behind that handle of this process, if `verifier` put it there for it. Throws `ERR_BAD_PEER`. */
    readSecret(handle: number, verifier: number): Uint8Array;
}

export const transportsMethods = [
    "openPort",
    "openSharedMemoryDoor",
    "openSharedMemorySlot",
    "connectSharedMemory",
    "startWithPipes",
    "takePipes",
    "openProof",
    "readSecret",
] as const satisfies readonly (keyof TransportsBinding)[];
