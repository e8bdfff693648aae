// What the controller answers to a held call: what was remembered, what the user's hook or the relay says, or the rule's
// `otherwise`. Knows nothing of pipes.

import { errorNumber } from "../error-names.js";
import type { CallName } from "../hooks/records.js";
import type { Answer, HeldCall, RelayService } from "./controller-model.js";
import { type ControllerRequest, encodeAnswer } from "./controller-messages.js";
import type { Otherwise, Policy, PolicyCall, Rule } from "./model.js";

/** How long an answer holds: for this call, for calls like it of this process, or for every process of the program. */
export type Remember = "once" | "process" | "forever";

/** What a hook says of a call; undefined: the rule's `otherwise`. */
export type AskVerdict = "allow" | "deny" | (Answer & { readonly remember?: Remember }) | undefined;

/** Decides a held call. A hook that throws has said nothing: the rule's `otherwise` holds. */
export type AskHook = (call: HeldCall) => AskVerdict | Promise<AskVerdict>;

/** The error of a `deny` that names none. */
export const defaultError = "WSAEACCES";

/** A process at the other end of the pipe, as the system knows it. */
export interface ClientProcess {
    readonly pid: number;
    readonly start: bigint;
    readonly program: string;
}

export interface DeskOptions {
    /** The policy of a generation. Throws where there is none (any more). */
    readonly policyOf: (generation: number) => Policy;
    readonly onAsk: AskHook | undefined;
    readonly relay: RelayService | undefined;
    /** Writes an answer into the policy. */
    readonly rememberForever: (call: HeldCall, answer: Answer) => Promise<void>;
    /** Hears what went wrong with one call, which then got its rule's `otherwise`. */
    readonly onError: (error: unknown, call: HeldCall | undefined) => void;
}

/** Answers are remembered for so many processes at most, and for so many calls of each; the oldest go. */
const mostProcesses = 4096;
const mostCalls = 1024;

const asPolicyCall = new Map<CallName, PolicyCall>([
    ["WSPConnect", "connect"],
    ["ConnectEx", "connect"],
    ["WSPJoinLeaf", "connect"],
    ["WSPBind", "bind"],
    ["WSPListen", "listen"],
    ["WSPAccept", "accept"],
    ["AcceptEx", "accept"],
    ["WSPSendTo", "sendto"],
    ["WSASendMsg", "sendto"],
]);

/** The call as rules name it; undefined if no rule does. */
export function policyCallOf(call: string): PolicyCall | undefined {
    return asPolicyCall.get(call as CallName);
}

export function protocolName(protocol: number): "tcp" | "udp" | number {
    return protocol === 6 ? "tcp" : protocol === 17 ? "udp" : protocol;
}

export function toAnswer(otherwise: Otherwise): Answer {
    return otherwise.kind === "allow" ? { action: "allow" } : { action: "deny", error: otherwise.error };
}

/** Which calls are alike: what a remembered answer holds for. Who comes in does so from another port each time. */
function likeness({ call, protocol, remote, local, rule }: HeldCall): string {
    const kind = policyCallOf(call) ?? call;
    const end = kind === "accept" ? remote?.address : `${remote?.address} ${remote?.port}`;
    const own = kind === "connect" || kind === "sendto" ? "" : `${local?.address} ${local?.port}`;
    return JSON.stringify([rule?.name, kind, protocol, end, own]);
}

/** Throws a TypeError if this is nothing that a hook may say. */
export function checkVerdict(verdict: AskVerdict): (Answer & { remember?: Remember }) | undefined {
    if (verdict === undefined) {
        return undefined;
    }
    if (verdict === "allow") {
        return { action: "allow" };
    }
    if (verdict === "deny") {
        return { action: "deny", error: defaultError };
    }
    const { action, remember } = verdict as { action?: unknown; remember?: unknown };
    if (action !== "allow" && action !== "deny" && action !== "redirect") {
        throw new TypeError(
            `onAsk: a verdict is "allow", "deny", or an object with such an action, not ${String(action)}`,
        );
    }
    if (remember !== undefined && !["once", "process", "forever"].includes(remember as string)) {
        throw new TypeError(`onAsk: remember is "once", "process" or "forever", not ${JSON.stringify(remember)}`);
    }
    if (verdict.action === "deny" && errorNumber(verdict.error ?? defaultError) === undefined) {
        throw new TypeError(`onAsk: "${verdict.error}" is no error of Winsock`);
    }
    return verdict.action === "deny" ? { ...verdict, error: verdict.error ?? defaultError } : verdict;
}

/** Settles with `fallback` when the signal is aborted, if the work has not settled before. */
function unlessAborted<T>(work: Promise<T>, signal: AbortSignal, fallback: T): Promise<T> {
    return new Promise((resolve, reject) => {
        const onAbort = (): void => resolve(fallback);
        if (signal.aborted) {
            onAbort();
        }
        signal.addEventListener("abort", onAbort, { once: true });
        work.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
    });
}

function held(
    client: ClientProcess,
    request: ControllerRequest,
    rule: Rule,
    policy: Policy,
    signal: AbortSignal,
): HeldCall {
    return {
        pid: client.pid,
        processStart: client.start,
        program: client.program,
        call: request.call,
        protocol: protocolName(request.protocol),
        socket: request.socket,
        ...(request.local === undefined ? {} : { local: request.local }),
        ...(request.remote === undefined ? {} : { remote: request.remote }),
        rule,
        policy,
        generation: request.generation,
        signal,
    };
}

export class AnswerDesk {
    readonly #options: DeskOptions;
    /** By process, then by likeness; in the order of use. */
    readonly #remembered = new Map<string, Map<string, Answer>>();

    constructor(options: DeskOptions) {
        this.#options = options;
    }

    /**
     * The answer to a held call; undefined where the request cannot be one of a provider that applies a policy of ours.
     * Never rejects. When `signal` is aborted nobody waits any more.
     */
    async answer(client: ClientProcess, request: ControllerRequest, signal: AbortSignal): Promise<Answer | undefined> {
        let call: HeldCall;
        try {
            const policy = this.#options.policyOf(request.generation);
            const rule = policy.rules[request.rule - 1];
            if (rule === undefined || rule.then.kind !== (request.kind === "ask" ? "ask" : "relay")) {
                return undefined;
            }
            call = held(client, request, rule, policy, signal);
        } catch (error) {
            this.#options.onError(error, undefined);
            return undefined;
        }
        const then = call.rule!.then as Extract<Rule["then"], { otherwise: Otherwise }>;
        const otherwise = toAnswer(then.otherwise);
        try {
            const answer = await (request.kind === "ask" ? this.#ask(call, otherwise) : this.#admit(call, otherwise));
            encodeAnswer(request, answer); // throws where it cannot be carried out
            return answer;
        } catch (error) {
            this.#options.onError(error, call);
            return otherwise;
        }
    }

    async #ask(call: HeldCall, otherwise: Answer): Promise<Answer> {
        const { onAsk, rememberForever } = this.#options;
        const known = this.#recall(call);
        if (known !== undefined || onAsk === undefined) {
            return known ?? otherwise;
        }
        const hook = (async () => checkVerdict(await onAsk(call)))();
        const said = await unlessAborted(hook, call.signal, undefined);
        if (said === undefined) {
            hook.catch(() => undefined);
            return otherwise;
        }
        const { remember = "once", ...answer } = said;
        if (remember !== "once") {
            this.#remember(call, answer); // for ever, too: until the process has the new policy
        }
        if (remember === "forever") {
            // The call does not wait for that.
            rememberForever(call, answer).catch((error: unknown) => this.#options.onError(error, call));
        }
        return answer;
    }

    #admit(call: HeldCall, otherwise: Answer): Promise<Answer> {
        const { relay } = this.#options;
        return relay === undefined
            ? Promise.resolve(otherwise)
            : unlessAborted(relay.admit(call), call.signal, otherwise);
    }

    #recall(call: HeldCall): Answer | undefined {
        return this.#remembered.get(`${call.pid} ${call.processStart}`)?.get(likeness(call));
    }

    #remember(call: HeldCall, answer: Answer): void {
        const key = `${call.pid} ${call.processStart}`;
        const calls = this.#remembered.get(key) ?? new Map<string, Answer>();
        this.#remembered.delete(key);
        this.#remembered.set(key, calls);
        calls.delete(likeness(call));
        calls.set(likeness(call), answer);
        for (const [map, most] of [
            [this.#remembered, mostProcesses],
            [calls, mostCalls],
        ] as const) {
            for (const oldest of map.keys()) {
                if (map.size <= most) {
                    break;
                }
                (map as Map<string, unknown>).delete(oldest);
            }
        }
    }
}
