/**
 * What passes between the controller (the process that answers asks) and the relay: shapes only. The pipe's own format is
 * native/core/controller_format.hpp.
 */
import type { CallFacts, Endpoint, Policy, Rule } from "./model.js";

/** A call that a provider holds until it is answered. */
export interface HeldCall {
    readonly pid: number;
    /** FILETIME of the process's start, from the system. */
    readonly processStart: bigint;
    /** Full path, from the system; empty if it cannot be asked. */
    readonly program: string;
    /** What more is known of the process (user, ancestors, ...), for rules that are asked again by a host's name. */
    readonly process?: CallFacts["process"];
    /** Function: "WSPConnect", "ConnectEx", "WSPSendTo", ... */
    readonly call: string;
    readonly protocol: "tcp" | "udp" | number;
    readonly socket: bigint;
    readonly local?: Endpoint;
    readonly remote?: Endpoint;
    readonly rule: Rule | undefined;
    /** Policy and generation that decided. */
    readonly policy: Policy;
    readonly generation: number;
    /** Aborted when nobody waits for the answer any more: closed, timed out, process gone. */
    readonly signal: AbortSignal;
}

/** How a held call goes on. redirect: it connects to `to`, and the program sees the address it asked for. */
export type Answer =
    | { readonly action: "allow" }
    | { readonly action: "deny"; readonly error: string }
    | { readonly action: "redirect"; readonly to: Endpoint };

/** What the controller wants of a relay (lib/relay). */
export interface RelayService extends AsyncDisposable {
    /**
     * A call whose rule says relay. Answers once it is known whether the way is open (the proxy has connected): redirect
     * to a listener of the relay that expects this very connection, or deny with the error that fits.
     */
    admit(call: HeldCall): Promise<Answer>;
    /** Ends every stream and listener. May be called again. */
    close(): Promise<void>;
}
