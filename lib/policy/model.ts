/**
 * A policy as data: what a policy file says once it is parsed and checked. Plain values, no positions, no system.
 * `parsePolicy` makes it, `compilePolicy` turns it into the image that native/core evaluates, `decide` evaluates it here.
 */

/** An IP address with a port; port 0 = any, or "stays as it is". Address in canonical text, without brackets or scope. */
export interface Endpoint {
    readonly address: string;
    readonly port: number;
}

/** The calls that rules tell apart. connect: also ConnectEx; accept: also AcceptEx; sendto: datagrams, also WSASendMsg. */
export const policyCalls = ["connect", "bind", "listen", "accept", "sendto"] as const;
/** What a rule's `call` may name. */
export type PolicyCall = (typeof policyCalls)[number];

/** First and last, both inclusive. */
export interface PortRange {
    readonly first: number;
    readonly last: number;
}

/** One target of `to` or `from`: all that is said must hold. Absent = any. */
export interface AddressPattern {
    /** First and last address of a range, inclusive, canonical text, one family. A CIDR block is a range. */
    readonly range?: { readonly first: string; readonly last: string };
    /** Host name pattern in lower case: "*.example.com" (any depth below), "example.com". */
    readonly host?: string;
    readonly ports?: readonly PortRange[];
}

/** Hours of the week, in local time: minutes from Monday 00:00; `last` exclusive, both below 10080. */
export interface TimeRange {
    readonly first: number;
    readonly last: number;
}

/** What a rule matches: all that is said must hold; in a list, one of it. Absent = any. Patterns: `*` and `?`. */
export interface Match {
    /** Path of the executable; a pattern without a backslash is compared with the file name alone. */
    readonly program?: readonly string[];
    readonly commandLine?: readonly string[];
    readonly pid?: readonly number[];
    /** This process or one it descends from: its pid, or a program pattern. `{ job }`: the members of a job object. */
    readonly tree?: readonly (number | string | { readonly job: string })[];
    /** Names or SIDs. */
    readonly user?: readonly string[];
    /** The module (DLL or executable) that called Winsock. */
    readonly module?: readonly string[];
    readonly call?: readonly PolicyCall[];
    /** out: connect, sendto. in: bind, listen, accept. */
    readonly direction?: "in" | "out";
    readonly protocol?: readonly ("tcp" | "udp" | number)[];
    readonly family?: "ipv4" | "ipv6";
    /** Remote end. */
    readonly to?: readonly AddressPattern[];
    /** Local end (of the program's socket). */
    readonly local?: readonly AddressPattern[];
    readonly time?: readonly TimeRange[];
}

/** A proxy that a rule leads through. The password never leaves the controller. */
export interface Proxy {
    readonly kind: "socks5" | "http";
    readonly host: string;
    readonly port: number;
    readonly user?: string;
    readonly password?: string;
    /** It is given the destination's name, where the program gives one away with its first bytes (socks5h). */
    readonly names?: boolean;
}

/** What is done where the verdict cannot be carried out. */
export type Otherwise = { readonly kind: "allow" } | { readonly kind: "deny"; readonly error: string };

/** What happens to a call that a rule matches, told apart by `kind`. */
export type Action =
    | { readonly kind: "allow" }
    | { readonly kind: "observe" }
    /** `error`: name of a Winsock error, "WSAEACCES". */
    | { readonly kind: "deny"; readonly error: string }
    /** At most one address of each family. */
    | { readonly kind: "redirect"; readonly to: readonly Endpoint[]; readonly otherwise: Otherwise }
    | RelayAction
    /** `timeout` in milliseconds; `text` is what the user is asked, if the policy says. */
    | { readonly kind: "ask"; readonly text?: string; readonly timeout: number; readonly otherwise: Otherwise };

/** Through the relay of the controller. Several of these may be said at once. */
export interface RelayAction {
    readonly kind: "relay";
    /** Hops, the nearest first. */
    readonly proxy?: readonly Proxy[];
    /** Milliseconds, each way: delay added to what passes; jitter: up to so much more or less. */
    readonly delay?: number;
    readonly jitter?: number;
    /** Bytes per second, each way. */
    readonly rate?: number;
    /** Share of datagrams lost, 0 to 1. */
    readonly loss?: number;
    /** Share of streams that are reset at a moment of chance, 0 to 1. */
    readonly reset?: number;
    /** Streams are given to `onStream`. */
    readonly rewrite?: boolean;
    /** Written to the capture file of the watcher that wants one. */
    readonly capture?: boolean;
    /** Closed by default with a proxy, open otherwise. */
    readonly otherwise: Otherwise;
}

/** One rule: what it matches, and what it does. */
export interface Rule {
    /** Unique in the policy. */
    readonly name: string;
    readonly match: Match;
    readonly then: Action;
}

/** A policy as {@link parsePolicy} reads it. */
export interface Policy {
    readonly version: 1;
    /** What holds where no rule matches. */
    readonly default: { readonly kind: "allow" } | { readonly kind: "deny"; readonly error: string };
    /**
     * Whether nothing may go out where the policy cannot be read. Absent: if the default is deny, or any rule's
     * `otherwise` is (isFailClosed in applies.ts).
     */
    readonly failClosed?: boolean;
    readonly rules: readonly Rule[];
}

/** What a call is, as far as rules may ask. */
export interface CallFacts {
    readonly call: PolicyCall;
    readonly protocol: "tcp" | "udp" | number;
    readonly local?: Endpoint;
    readonly remote?: Endpoint;
    /** Host name, where it is known (TLS SNI, HTTP Host, a proxy's CONNECT), in lower case. */
    readonly host?: string;
    readonly module?: string;
    /** Minute of the week in local time, Monday 00:00 = 0. */
    readonly minuteOfWeek?: number;
    readonly process: {
        readonly pid: number;
        readonly program: string;
        readonly commandLine?: string;
        /** SID as text, and the name if it is known. */
        readonly user?: string;
        readonly userName?: string;
        readonly ancestors?: readonly { readonly pid: number; readonly program?: string }[];
        readonly jobs?: readonly string[];
    };
}

/** The rule that decides; `rule` is its number, counted from 1, and 0 for the policy's default. */
export interface Decision {
    readonly rule: number;
    readonly name?: string;
    readonly then: Action;
}
