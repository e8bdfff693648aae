// What a transport gives: a stream of bytes to one other process of this machine, whose id the operating system proves.
// Everything above (lib/share/wire, sendSocket, receiveSockets) knows transports by these interfaces only.

import type { Duplex } from "node:stream";

/** The mechanisms of Windows that can carry a hand-over; each is one file of this folder. */
export type TransportName =
    "pipe" | "mailslot" | "shared-memory" | "copydata" | "anonymous-pipe" | "atoms" | "dde" | "tcp" | "systemfd";

/**
 * A stream of bytes to one process: ordered, reliable, with back-pressure. `stream` ends, or fails with a WinsockError,
 * when the other side closes it or its process ends (within about a second), and destroying it closes the channel.
 */
export interface Channel {
    readonly stream: Duplex;
    /**
     * Process id of the other end. The operating system tells or proves it: what the other end says of itself is
     * never believed. Numbers are used again after a process ended, so who builds on it opens the process at once
     * (`openPeer` of lib/share/peer.ts) and asks `verify` afterwards.
     */
    readonly peerPid: number;
    readonly transport: TransportName;
    /**
     * Asks the operating system once more for the other end's process id, where it can tell. Called after the process
     * was opened: if the id is still the same, the process that was opened is the one at the other end.
     */
    verify?(): number;
}

/** A place where other processes can connect. Iterated once; each connection that is not taken waits, up to a cap. */
export interface ChannelListener extends AsyncIterable<Channel>, AsyncDisposable {
    /** What others give to `connect` to get here. */
    readonly address: string;
    /** Ends the iteration. Channels that were given out stay open. May be called again. */
    close(): Promise<void>;
}

/** What a transport's `listen` and `connect` may be told. */
export interface TransportOptions {
    /** Ends the call (and, for `listen`, the listener) with the signal's reason. */
    signal?: AbortSignal | undefined;
    /** Milliseconds that `connect`, and whatever a transport does to prove who is there, may take. Default 10,000. */
    timeout?: number | undefined;
    /**
     * Who may connect, as SDDL text, where the mechanism has a security descriptor. Default: the user of this process
     * and nobody else. https://learn.microsoft.com/windows/win32/secauthz/security-descriptor-string-format
     */
    sddl?: string | undefined;
    /** Hears what went wrong with one connection that never became a Channel; the listener goes on. */
    onError?: ((error: unknown) => void) | undefined;
}

/** A mechanism that carries hand-overs between two processes of one machine. */
export interface Transport {
    readonly name: TransportName;
    /** @throws WinsockError `WSAEADDRINUSE`-like codes of the mechanism if the address is taken; TypeError on misuse. */
    listen(address: string, options?: TransportOptions): Promise<ChannelListener>;
    /** @throws WinsockError `ERR_NO_LISTENER` if nobody listens there, `ERR_TIMEOUT`; TypeError on misuse. */
    connect(address: string, options?: TransportOptions): Promise<Channel>;
}
