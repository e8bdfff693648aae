// The controller: the process that answers calls which rules hold. One per machine, of an administrator; providers find
// it by control.bin and a pipe of its process id, and believe no other process.

import { WinsockError, refuseUnknownOptions, toWinsockError } from "../errors.js";
import type { Capture } from "../hooks/capture.js";
import { guard, native } from "../native.js";
import type { ControllerEntryHandle } from "../native/policy.js";
import { peerMethods } from "../native/peer.js";
import type { OnStream } from "../relay/context.js";
import { type RelayOptions, startRelay } from "../relay/relay.js";
import { pipe } from "../share/transports/pipe.js";
import type { Channel, ChannelListener } from "../share/transports/channel.js";
import { AnswerDesk, type AskHook } from "./answers.js";
import { applyPolicy, rememberForever, restorePolicy } from "./apply.js";
import { ControllerConnection } from "./controller-connection.js";
import type { HeldCall, RelayService } from "./controller-model.js";
import type { Policy } from "./model.js";
import { composePolicy, readStored, requireAdministrator } from "./store.js";

/** Something that went wrong with one call or connection; the controller goes on. */
export interface ControllerNotice {
    readonly message: string;
    readonly error: unknown;
    /** Which then got its rule's `otherwise`. */
    readonly call?: HeldCall;
}

/** What {@link startController} may be told. */
export interface ControllerOptions {
    /** Decides calls whose rule says `ask`. Without it they get their rule's `otherwise` at once. */
    onAsk?: AskHook;
    /** Gets the streams of rules that say `rewrite`: see {@link RelayOptions.onStream}. */
    onStream?: OnStream;
    /** Where rules that say `capture` write to. */
    capture?: Capture;
    /**
     * Carries calls whose rule says proxy, delay, rate, loss, reset, rewrite or capture, instead of the relay that the
     * controller starts at the first of them. It is closed with the controller.
     */
    relay?: RelayService;
    /** Put in force when the controller is there; what was in force before is put back when it ends. */
    policy?: Policy;
    /** Ends the controller. */
    signal?: AbortSignal;
    /** Hears what went wrong with single calls. */
    onNotice?: (notice: ControllerNotice) => void;
}

/** A controller that runs. `await using` ends it. */
export interface Controller extends AsyncDisposable {
    /** Resolves when it has ended. */
    readonly closed: Promise<void>;
    /** Processes that are connected now, and calls of theirs that are held. */
    readonly status: { readonly processes: number; readonly held: number };
    /** Ends it: what is held gets its rule's `otherwise`. May be called again. */
    close(): Promise<void>;
}

/**
 * Everybody may connect and speak, also from AppContainers and with low integrity (the label), but only administrators
 * may make further instances: FILE_CREATE_PIPE_INSTANCE (4) is not among the rights 0x12018b.
 */
export const controllerSddl =
    "O:BAD:P(A;;FA;;;SY)(A;;FA;;;BA)(A;;0x12018b;;;WD)(A;;0x12018b;;;AC)(A;;0x12018b;;;S-1-15-2-2)S:(ML;;NW;;;LW)";

export function controllerPipe(pid: number): string {
    return `\\\\.\\pipe\\winsock-spi-controller-${pid}`;
}

/** Connections at a time, of all processes and of one (several versions of the provider may be in it). */
const mostConnections = 16_384;
const mostOfOne = 8;
/** Policies whose text is kept. */
const mostPolicies = 16;

/** The composed policy of a generation, read once. */
function policyReader(): (generation: number) => Policy {
    const known = new Map<number, Policy>();
    return (generation) => {
        let policy = known.get(generation);
        if (policy === undefined) {
            policy = composePolicy(readStored(generation));
            known.set(generation, policy);
            for (const oldest of known.keys()) {
                if (known.size > mostPolicies) {
                    known.delete(oldest);
                }
            }
        }
        return policy;
    };
}

/** A relay that is started when the first call wants it. */
function lazyRelay(options: RelayOptions): RelayService {
    let started: Promise<RelayService> | undefined;
    const close = async (): Promise<void> => {
        await (await started?.catch(() => undefined))?.close(); // one that could not start has said so to its call
    };
    return {
        admit: async (call) => {
            started ??= startRelay(options);
            return (await started).admit(call);
        },
        close,
        [Symbol.asyncDispose]: close,
    };
}

class RunningController implements Controller {
    readonly closed: Promise<void>;
    readonly #options: ControllerOptions;
    readonly #desk: AnswerDesk;
    readonly #relay: RelayService;
    readonly #connections = new Map<ControllerConnection, number>();
    #ended!: () => void;
    #listener: ChannelListener | undefined;
    #entry: ControllerEntryHandle | undefined;
    #putBack: (() => Promise<void>) | undefined;
    #closing: Promise<void> | undefined;
    readonly #onAbort = (): void => void this.close();

    constructor(options: ControllerOptions) {
        this.#options = options;
        this.closed = new Promise((resolve) => (this.#ended = resolve));
        const { onStream, capture } = options;
        this.#relay =
            options.relay ??
            lazyRelay({
                ...(onStream === undefined ? {} : { onStream }),
                ...(capture === undefined ? {} : { capture }),
                onNotice: ({ code, message, call }) => this.#tell(new WinsockError(message, { code }), call),
            });
        this.#desk = new AnswerDesk({
            policyOf: policyReader(),
            onAsk: options.onAsk,
            relay: this.#relay,
            rememberForever,
            onError: (error, call) => this.#tell(error, call),
        });
    }

    get status(): { processes: number; held: number } {
        const connections = [...this.#connections.keys()];
        return {
            processes: new Set(this.#connections.values()).size,
            held: connections.reduce((sum, connection) => sum + connection.held, 0),
        };
    }

    async start(): Promise<void> {
        const { signal, policy } = this.#options;
        // A provider that reads the number finds the pipe.
        this.#listener = await pipe.listen(controllerPipe(process.pid), {
            sddl: controllerSddl,
            onError: (error) => this.#tell(error),
        });
        this.#entry = guard(native().enterController(), ["leave"]);
        void this.#serve(this.#listener);
        signal?.addEventListener("abort", this.#onAbort, { once: true });
        if (policy !== undefined) {
            const { generation, before } = await applyPolicy(policy);
            this.#putBack = () => restorePolicy(generation, before);
        }
    }

    close(): Promise<void> {
        this.#closing ??= this.#close();
        return this.#closing;
    }

    async #close(): Promise<void> {
        this.#options.signal?.removeEventListener("abort", this.#onAbort);
        try {
            await this.#putBack?.();
        } finally {
            // Providers stop coming before their connections are cut.
            this.#entry?.leave();
            await this.#listener?.close();
            for (const connection of this.#connections.keys()) {
                connection.close();
            }
            await this.#relay.close();
            this.#ended();
        }
    }

    [Symbol.asyncDispose](): Promise<void> {
        return this.close();
    }

    async #serve(listener: ChannelListener): Promise<void> {
        try {
            for await (const channel of listener) {
                this.#accept(channel);
            }
        } catch (error) {
            this.#tell(error);
            await this.close();
        }
    }

    #accept(channel: Channel): void {
        const { stream, peerPid: pid } = channel;
        stream.on("error", () => undefined);
        try {
            const ofOne = [...this.#connections.values()].filter((one) => one === pid).length;
            if (this.#connections.size >= mostConnections || ofOne >= mostOfOne) {
                throw new WinsockError(`Process ${pid} opened too many connections; one was closed.`, {
                    code: "ERR_TOO_MANY_CONNECTIONS",
                });
            }
            // Held open as long as it is connected, so that its id means no other process.
            const peer = guard(native().openPeer(pid, false), peerMethods);
            if (channel.verify?.() !== pid) {
                peer.close();
                throw new WinsockError(`Process ${pid} ended when it connected.`, { code: "ERR_NO_PROCESS" });
            }
            const client = { pid, start: peer.start(), program: peer.program() };
            const connection = new ControllerConnection(stream, client, this.#desk, () => {
                this.#connections.delete(connection);
                peer.close();
            });
            this.#connections.set(connection, pid);
        } catch (error) {
            stream.destroy();
            this.#tell(error);
        }
    }

    #tell(error: unknown, call?: HeldCall): void {
        const message = error instanceof Error ? error.message : String(error);
        this.#options.onNotice?.({ message, error: toWinsockError(error), ...(call === undefined ? {} : { call }) });
    }
}

function checkOptions(caller: string, options: ControllerOptions): void {
    refuseUnknownOptions(caller, options, ["onAsk", "onStream", "capture", "relay", "policy", "signal", "onNotice"]);
    for (const name of ["onAsk", "onStream", "onNotice"] as const) {
        if (options[name] !== undefined && typeof options[name] !== "function") {
            throw new TypeError(`${caller}: ${name} must be a function`);
        }
    }
    if (options.signal !== undefined && !(options.signal instanceof AbortSignal)) {
        throw new TypeError(`${caller}: signal must be an AbortSignal`);
    }
}

/**
 * Makes this process the machine's controller: it answers the calls that rules of the policy hold (`ask`, and whatever
 * goes through the relay), and its own calls are exempt from the policy. Needs administrator rights.
 *
 * @throws WinsockError `ERR_CONTROLLER_RUNNING`, `ERR_NOT_INSTALLED`, `ERR_NOT_ELEVATED`, `ERR_CONTROL_DAMAGED`,
 * `ERR_UNSUPPORTED_PLATFORM`; with `policy`, what applyPolicy throws; the signal's reason if it is aborted already.
 * @throws TypeError on misuse.
 *
 * @example
 * await using controller = await startController({
 *     onAsk: async ({ program, remote }) => (await isWanted(program, remote)) ? "allow" : "deny",
 * });
 */
export async function startController(options: ControllerOptions = {}): Promise<Controller> {
    checkOptions("startController", options);
    options.signal?.throwIfAborted();
    requireAdministrator();
    const state = native().readPolicyState();
    if (state.fault !== undefined) {
        throw toWinsockError(state.fault);
    }
    const controller = new RunningController(options);
    try {
        await controller.start();
    } catch (error) {
        await controller.close();
        throw error;
    }
    return controller;
}
