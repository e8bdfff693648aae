/**
 * The relay: carries what rules send through it (proxies, delay, rate, loss, resets, rewriting, capture) and answers
 * the controller's question where a program is to connect instead. Plain Node streams; what it needs of Windows is who
 * owns a connection.
 */
import type { Capture } from "../hooks/capture.js";
import { refuseUnknownOptions } from "../errors.js";
import type { Answer, HeldCall, RelayService } from "../policy/controller-model.js";
import type { Endpoint, RelayAction } from "../policy/model.js";
import { isGroup, mapped, unmapped } from "./addresses.js";
import type { OnStream, RelayContext, RelayNotice } from "./context.js";
import { DatagramFlow } from "./datagrams.js";
import { otherwiseAnswer, toWayError, WayError } from "./errors.js";
import { Listeners, meetingAddress } from "./listeners.js";
import { type OwnersOf, systemOwners } from "./owners.js";
import { canBeDecidedBy, renamingOf } from "./redecide.js";
import { RelayedStream } from "./stream.js";

export type { OnStream, RelayNotice } from "./context.js";
export type { RelayedCall } from "./stream.js";

/** What {@link startRelay} may be told. */
export interface RelayOptions {
    /**
     * Gets the streams of rules that say `rewrite`: what `client` brings is the program's, what `server` brings the
     * other end's. Where only one of them is piped into the other (through transforms), the relay carries the other direction
     * as it is. When what the hook returns rejects, both ends are reset.
     */
    onStream?: OnStream;
    /** Hears what went wrong and what the relay went on without. */
    onNotice?: (notice: RelayNotice) => void;
    /** Where rules that say `capture` write to. */
    capture?: Capture;
    /** Ends the relay. */
    signal?: AbortSignal;
}

/** Stands in for the system and for patience, in tests. */
export interface RelayInternals {
    ownersOf?: OwnersOf;
    random?: () => number;
    /** Milliseconds. */
    dialTimeout?: number;
    ticketPatience?: number;
    silence?: number;
    namePatience?: number;
    flowIdle?: number;
}

const defaults = {
    /** Less than a provider waits for the answer (relayTimeout in lib/policy/compile.ts): the error is known before. */
    dialTimeout: 28_000,
    /** How long an answered call may take to connect. */
    ticketPatience: 10_000,
    silence: 300,
    namePatience: 10_000,
    flowIdle: 30_000,
};

/**
 * Of one process: streams and flows that were admitted and have not ended. Bounds what a hostile one can take; a flow
 * takes two ports of the 16,384 that Windows gives away.
 */
const mostPerProcess = 16_384;
const mostBeforeFlow = 1024;

class Relay implements RelayService {
    readonly #context: RelayContext;
    readonly #listeners: Listeners;
    readonly #settings: typeof defaults;
    readonly #ownersOf: OwnersOf;
    readonly #closing = new AbortController();
    readonly #open = new Set<{ close(): void }>();
    readonly #counts = new Map<number, number>();
    readonly #signal: AbortSignal | undefined;
    readonly #onAbort = (): void => void this.close();

    constructor(options: RelayOptions, internals: RelayInternals) {
        const { ownersOf = systemOwners, random = Math.random, ...settings } = internals;
        this.#settings = { ...defaults, ...settings };
        this.#ownersOf = ownersOf;
        const notice: RelayContext["notice"] = (code, call, error) => {
            const message = error instanceof Error ? error.message : String(error);
            options.onNotice?.({ code, message, ...(call !== undefined && { call }) });
        };
        this.#context = {
            random,
            notice,
            onStream: options.onStream,
            capture: options.capture,
            patience: { silence: this.#settings.silence, name: this.#settings.namePatience },
            dialTimeout: this.#settings.dialTimeout,
        };
        this.#listeners = new Listeners({
            ownersOf,
            onStranger: (message) => notice("ERR_STRANGER", undefined, message),
        });
        this.#signal = options.signal;
        this.#signal?.addEventListener("abort", this.#onAbort, { once: true });
    }

    async admit(call: HeldCall): Promise<Answer> {
        const action = call.rule?.then;
        if (action?.kind !== "relay" || !canBeDecidedBy(call, call.rule!)) {
            this.#context.notice("ERR_NOT_RELAYED", call, "the ticket does not fit the rule that it names");
            return { action: "deny", error: "WSAEACCES" };
        }
        const reason = this.#obstacle(call, action);
        if (reason !== undefined) {
            this.#context.notice("ERR_NOT_RELAYED", call, reason);
            return otherwiseAnswer(action.otherwise);
        }
        const admitted = this.#admitted(call.pid);
        try {
            return await (call.protocol === "udp"
                ? this.#admitDatagrams(call, action, admitted)
                : this.#admitStream(call, action, admitted));
        } catch (error) {
            admitted.end();
            const failed = toWayError(error, "proxy", "relay");
            this.#context.notice("ERR_WAY_CLOSED", call, failed);
            return failed.side === "target"
                ? { action: "deny", error: failed.code }
                : otherwiseAnswer(action.otherwise);
        }
    }

    close(): Promise<void> {
        if (!this.#closing.signal.aborted) {
            this.#closing.abort();
            this.#signal?.removeEventListener("abort", this.#onAbort);
            this.#listeners.close();
            for (const open of [...this.#open]) {
                open.close();
            }
        }
        return Promise.resolve();
    }

    [Symbol.asyncDispose](): Promise<void> {
        return this.close();
    }

    /** Why this call cannot go through the relay. */
    #obstacle({ pid, local, remote, protocol }: HeldCall, action: RelayAction): string | undefined {
        if (this.#closing.signal.aborted) {
            return "the relay is closed";
        }
        if (local === undefined || local.port === 0 || remote === undefined || remote.port === 0) {
            return "the socket has no local port, or the destination is not known";
        }
        const most = protocol === "udp" ? mostBeforeFlow : mostPerProcess;
        if ((this.#counts.get(pid) ?? 0) >= most) {
            return `process ${pid} has ${most} streams and flows in the relay already`;
        }
        if (protocol === "udp") {
            if (isGroup(remote.address)) {
                return "multicast and broadcast do not go through a relay";
            }
            const [proxy, ...more] = action.proxy ?? [];
            if (proxy !== undefined && (proxy.kind !== "socks5" || more.length > 0)) {
                return "datagrams go through one SOCKS5 proxy, not through HTTP proxies or chains";
            }
        } else if (protocol !== "tcp") {
            return `protocol ${protocol} does not go through a relay`;
        } else if (action.rewrite === true && this.#context.onStream === undefined) {
            return "the rule says rewrite, and there is no onStream";
        }
        return undefined;
    }

    /** Counts one more for the process; `end` may be called several times. */
    #admitted(pid: number): { end: () => void } {
        this.#counts.set(pid, (this.#counts.get(pid) ?? 0) + 1);
        let ended = false;
        const end = (): void => {
            const count = this.#counts.get(pid) ?? 0;
            if (!ended && count <= 1) {
                this.#counts.delete(pid);
            } else if (!ended) {
                this.#counts.set(pid, count - 1);
            }
            ended = true;
        };
        return { end };
    }

    /** An address of the relay, in the form that the socket takes. */
    #answer(at: Endpoint, { remote }: HeldCall): Answer {
        const address = unmapped(remote!.address) === undefined ? at.address : mapped(at.address);
        return { action: "redirect", to: { address, port: at.port } };
    }

    #meeting({ local, remote }: HeldCall): string {
        const plain = unmapped(remote!.address) ?? remote!.address;
        return meetingAddress(local!.address, plain.includes(":") ? "IPv6" : "IPv4");
    }

    async #admitStream(call: HeldCall, action: RelayAction, admitted: { end: () => void }): Promise<Answer> {
        const { ticketPatience } = this.#settings;
        const remote = { address: unmapped(call.remote!.address) ?? call.remote!.address, port: call.remote!.port };
        let timer: NodeJS.Timeout | undefined;
        const onEnd = (): void => {
            clearTimeout(timer);
            admitted.end();
            this.#open.delete(stream);
        };
        const gaveUp = AbortSignal.any([call.signal, this.#closing.signal]);
        const stream: RelayedStream = await RelayedStream.open(
            {
                call,
                action,
                remote,
                context: this.#context,
                signal: this.#closing.signal,
                onEnd,
                renaming: renamingOf(call),
            },
            gaveUp,
        );
        this.#open.add(stream);
        const opened = stream;
        try {
            await this.#delayConnect(action, gaveUp);
            const { at, withdraw } = await this.#listeners.expect(this.#meeting(call), call.local!, {
                pid: call.pid,
                accept: (client) => {
                    clearTimeout(timer);
                    opened.accept(client);
                },
            });
            timer = setTimeout(() => {
                withdraw();
                opened.close();
            }, ticketPatience);
            return this.#answer(at, call);
        } catch (error) {
            opened.close();
            throw error;
        }
    }

    /** A delayed line delays the connect as well. */
    async #delayConnect({ delay = 0, jitter = 0 }: RelayAction, signal: AbortSignal): Promise<void> {
        const wait = Math.max(0, delay + (this.#context.random() * 2 - 1) * jitter);
        if (wait > 0) {
            await new Promise<void>((resolve, reject) => {
                const timer = setTimeout(() => {
                    signal.removeEventListener("abort", onAbort);
                    resolve();
                }, Math.ceil(wait));
                const onAbort = (): void => {
                    clearTimeout(timer);
                    reject(new WayError("given up", { code: "WSAECANCELLED", side: "target" }));
                };
                signal.addEventListener("abort", onAbort, { once: true });
                if (signal.aborted) {
                    onAbort();
                }
            });
        }
    }

    async #admitDatagrams(call: HeldCall, action: RelayAction, admitted: { end: () => void }): Promise<Answer> {
        const remote = { address: unmapped(call.remote!.address) ?? call.remote!.address, port: call.remote!.port };
        const flow: DatagramFlow = await DatagramFlow.open(
            {
                call,
                action,
                remote,
                local: call.local!,
                meeting: this.#meeting(call),
                context: this.#context,
                ownersOf: this.#ownersOf,
                idle: this.#settings.flowIdle,
                onEnd: () => {
                    admitted.end();
                    this.#open.delete(flow);
                },
            },
            AbortSignal.any([call.signal, this.#closing.signal]),
        );
        this.#open.add(flow);
        return this.#answer(flow.at, call);
    }
}

/**
 * Starts a relay. It listens nowhere until a call is admitted.
 *
 * @throws TypeError for options that do not exist
 */
export function startRelay(options: RelayOptions = {}, internals: RelayInternals = {}): Promise<RelayService> {
    return new Promise((resolve) => {
        if (typeof options !== "object" || options === null) {
            throw new TypeError("startRelay: options must be an object");
        }
        refuseUnknownOptions("startRelay", options, ["onStream", "onNotice", "capture", "signal"]);
        for (const name of ["onStream", "onNotice"] as const) {
            if (options[name] !== undefined && typeof options[name] !== "function") {
                throw new TypeError(`startRelay: ${name} must be a function`);
            }
        }
        options.signal?.throwIfAborted();
        resolve(new Relay(options, internals));
    });
}
