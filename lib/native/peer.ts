// What the addon knows of the process at the other end of a channel (native/addon/peer.cpp).

/** A process that was opened: its id cannot come to mean another process as long as it is. */
export interface PeerHandle {
    /** Whether it still runs. False after `close()`. */
    isAlive(): boolean;
    /** Full path of its program as Windows has it, empty if it may not be asked. */
    program(): string;
    /** When it was started: FILETIME; 0 if that may not be asked. */
    start(): bigint;
    /** SID of its user as text, e.g. `S-1-5-21-...-1001`. Throws `ERROR_ACCESS_DENIED`. */
    user(): string;
    /**
     * WSADuplicateSocketW for it: the 628 bytes. Notes the handle under the number `id` in the ledger, if there is one.
     * Only of a peer opened `forExport`. Throws as `duplicateSocket`.
     * https://learn.microsoft.com/windows/win32/api/winsock2/nf-winsock2-wsaduplicatesocketw
     */
    duplicate(socket: bigint, id: number): Uint8Array;
    /**
     * Makes a page in which each `duplicate` is noted, and gives the peer, opened `forExport`, a handle to it: the number
     * that is returned. `key` is 16 random bytes by which the peer knows the page.
     */
    makeLedger(key: Uint8Array): number;
    /** Opens the page that the peer has made with `makeLedger`. Throws `ERR_BAD_LEDGER` if the handle is not that. */
    openLedger(handle: number, key: Uint8Array): void;
    /** After the peer has ended: closes what it had put into this process in hand-overs with numbers above `id`. */
    closeUnclaimed(id: number): void;
    /** Closes the handle that `duplicate` has put there (dwProviderReserved), while it cannot have been adopted. */
    revoke(handle: number): void;
    /** May be called again; so does the garbage collector. */
    close(): void;
}

export interface PeerBinding {
    /**
     * Opens a process with PROCESS_QUERY_LIMITED_INFORMATION and SYNCHRONIZE and, `forExport`, PROCESS_DUP_HANDLE:
     * what WSADuplicateSocketW needs. Throws `ERR_NO_PROCESS` if there is none of that id (any more),
     * `ERR_PROCESS_RIGHTS` if this process may not open it so.
     * https://learn.microsoft.com/windows/win32/procthread/process-security-and-access-rights
     */
    openPeer(pid: number, forExport: boolean): PeerHandle;
    /** SID of this process's user as text. */
    ownUser(): string;
}

export const peerMethods = [
    "isAlive",
    "program",
    "start",
    "user",
    "duplicate",
    "makeLedger",
    "openLedger",
    "closeUnclaimed",
    "revoke",
    "close",
] as const satisfies readonly (keyof PeerHandle)[];
