/** What every stream and flow of a relay has in common. */
import type { Duplex } from "node:stream";
import type { Capture } from "../hooks/capture.js";
import type { HeldCall } from "../policy/controller-model.js";
import type { NamePatience } from "./first-bytes.js";
import type { RelayedCall } from "./stream.js";

/** Something that went wrong and that the relay went on without. */
export interface RelayNotice {
    /**
     * `ERR_WAY_CLOSED`: the proxy or the destination cannot be reached. `ERR_RELAY_STREAM`: a stream ended by a failure
     * of its own. `ERR_HOOK_FAILED`: `onStream` threw. `ERR_STRANGER`: a connection came that nobody had announced.
     * `ERR_NOT_RELAYED`: a call that cannot go through the relay; its rule's `otherwise` holds.
     */
    readonly code: "ERR_WAY_CLOSED" | "ERR_RELAY_STREAM" | "ERR_HOOK_FAILED" | "ERR_STRANGER" | "ERR_NOT_RELAYED";
    readonly message: string;
    readonly call?: HeldCall;
}

/** Gets both ends of a stream of a rule that says `rewrite`: see {@link RelayOptions.onStream}. */
export type OnStream = (stream: { call: RelayedCall; client: Duplex; server: Duplex }) => Promise<unknown> | void;

export interface RelayContext {
    readonly random: () => number;
    readonly onStream: OnStream | undefined;
    readonly capture: Capture | undefined;
    readonly patience: NamePatience;
    /** Milliseconds for opening a way. */
    readonly dialTimeout: number;
    readonly notice: (code: RelayNotice["code"], call: HeldCall | undefined, error: unknown) => void;
}
