/**
 * What a watcher hears: the shapes of its records, and the layout of the raw ones. Nothing here runs.
 */

/** Functions of the provider table (WSPPROC_TABLE), in its order; their numbers in a raw record are 1 to 30. */
export const providerCalls = [
    "WSPAccept",
    "WSPAddressToString",
    "WSPAsyncSelect",
    "WSPBind",
    "WSPCancelBlockingCall",
    "WSPCleanup",
    "WSPCloseSocket",
    "WSPConnect",
    "WSPDuplicateSocket",
    "WSPEnumNetworkEvents",
    "WSPEventSelect",
    "WSPGetOverlappedResult",
    "WSPGetPeerName",
    "WSPGetSockName",
    "WSPGetSockOpt",
    "WSPGetQOSByName",
    "WSPIoctl",
    "WSPJoinLeaf",
    "WSPListen",
    "WSPRecv",
    "WSPRecvDisconnect",
    "WSPRecvFrom",
    "WSPSelect",
    "WSPSend",
    "WSPSendDisconnect",
    "WSPSendTo",
    "WSPSetSockOpt",
    "WSPShutdown",
    "WSPSocket",
    "WSPStringToAddress",
] as const;

/** Extension functions (those a program asks for by WSPIoctl); their numbers begin at 64. */
export const extensionCalls = [
    "AcceptEx",
    "ConnectEx",
    "DisconnectEx",
    "TransmitFile",
    "TransmitPackets",
    "WSARecvMsg",
    "WSASendMsg",
] as const;

/** Number of the first extension function in a raw record. */
export const firstExtensionCall = 64;

/** A number that this version does not know, from a newer provider. */
export type UnknownCall = `unknown(${number})`;

/** The name of what was called. */
export type CallName = (typeof providerCalls)[number] | (typeof extensionCalls)[number] | UnknownCall;

/** One process that has the provider loaded and has called Winsock while somebody watched. */
export interface WatchedProcess {
    readonly pid: number;
    /** Process id of its parent, as the process itself told; 0 if it could not tell (`unobserved`). */
    readonly parentPid: number;
    /** When the process was created: FILETIME, 100 ns units since 1601. With the pid it names a process for ever. */
    readonly startTime: bigint;
    /** Full path of its program. */
    readonly program: string;
    readonly bits: 32 | 64;
    readonly mode: WatchMode;
    /** Why the mode is not active. */
    readonly reason?: string;
    /** Version of the provider in this process, "0.1.0"; absent where it did not tell. */
    readonly version?: string;
}

/**
 * `pass-through`: the provider could not do its work in this process and only passes calls on. `unobserved`: it may do
 * its work, but this watcher cannot read what it writes, being of another version.
 */
export type WatchMode = "active" | "pass-through" | "unobserved";

/**
 * The first record of each process. A process in which two versions of the provider are at work, because an upgrade
 * came while it ran, has one of each.
 */
export interface StartRecord {
    readonly call: "start";
    readonly pid: number;
    readonly program: string;
    readonly bits: 32 | 64;
    readonly mode: WatchMode;
    readonly reason?: string;
    /** Version of the provider in this process: "0.1.0". */
    readonly version?: string;
}

/** Records of a process that were overwritten before this watcher read them; they stood before the next record. */
export interface DroppedRecord {
    readonly call: "dropped";
    readonly pid: number;
    readonly program: string;
    readonly count: number;
}

/** One call of a program to Winsock, written when the call returned. Fields that do not apply are absent. */
export interface CallRecord {
    /** When the call began. ISO 8601, UTC, microseconds. */
    readonly time: string;
    readonly pid: number;
    /** Full path of the program. */
    readonly program: string;
    readonly call: CallName;
    /** The SOCKET. Of WSPSocket, WSPAccept: the new one; absent where there is none. */
    readonly socket?: bigint;
    /** Local address: "127.0.0.1:80", "[::1]:80". */
    readonly local?: string;
    /** Address of the peer, or of the datagram's other end. */
    readonly remote?: string;
    /** Sum of the buffers, in bytes. Absent on calls that failed. */
    readonly requested?: number;
    /** What the provider reported as done, in bytes. Absent if the call failed or pended. */
    readonly bytes?: number;
    /** Only ever true: the call returned WSA_IO_PENDING; how it ended is not known here. */
    readonly pending?: true;
    /** Only ever true: MSG_PEEK, the bytes stay in the socket. */
    readonly peek?: true;
    /** What a policy decided. A number: of a verdict that this version does not know. */
    readonly verdict?: VerdictName | number;
    /** Name of the rule that decided; 0: no rule, the policy's default; another number: of a policy that is gone. */
    readonly rule?: string | number;
    /** Winsock's error: "WSAECONNREFUSED". */
    readonly error?: string;
    /** How long the provider below took, in nanoseconds. */
    readonly durationNs: number;
    /** Of WSPAccept only: accepted by AcceptEx, seen when the program set SO_UPDATE_ACCEPT_CONTEXT. */
    readonly via?: "AcceptEx";
}

/** What policies decide, in the order of their numbers in raw records (VerdictKind of native/core/policy.hpp), from 1. */
export const verdictNames = ["allow", "deny", "redirect", "relay", "ask", "observe"] as const;
/** What a policy decided about a call. */
export type VerdictName = (typeof verdictNames)[number];

/** Whatever `watch()` yields; tell them apart by `call`. */
export type WatchRecord = StartRecord | DroppedRecord | CallRecord;

/** Size of one raw record, in bytes. */
export const recordSize = 128;

/** Offsets in a raw record (Record of native/core/ring_format.hpp); numbers are little-endian. */
export const layout = {
    sequence: 0,
    begin: 8,
    end: 16,
    socket: 24,
    requested: 32,
    bytes: 40,
    error: 48,
    call: 52,
    flags: 54,
    thread: 56,
    rule: 60,
    verdict: 64,
    generation: 68,
    local: 72,
    remote: 96,
} as const;

/** Bits of a raw record's flags. */
export const recordFlags = {
    pending: 1,
    peek: 2,
    hasRequested: 4,
    hasBytes: 8,
    hasVerdict: 16,
    viaAcceptEx: 32,
} as const;
