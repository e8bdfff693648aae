// `onAsk()`: a TypeScript function decides calls of other programs while they wait.

import type { AskHook } from "../policy/answers.js";
import { type Controller, type ControllerOptions, startController } from "../policy/controller.js";

/**
 * Decides the calls of programs whose rule says `ask`: each is held until the hook has settled, the rule's time is over,
 * or nobody waits any more (`call.signal`). Calls of all processes are asked at the same time. A hook that throws, or
 * gives undefined, leaves the call to the rule's `otherwise`.
 *
 * The same as `startController({ ...options, onAsk: hook })`.
 *
 * @throws as startController.
 *
 * @example
 * await using asks = await onAsk(({ program, remote }) => {
 *     if (remote?.port === 443) return "allow";
 *     return { action: "deny", error: "WSAEACCES", remember: "process" };
 * });
 */
export async function onAsk(hook: AskHook, options: Omit<ControllerOptions, "onAsk"> = {}): Promise<Controller> {
    if (typeof hook !== "function") {
        throw new TypeError("onAsk: the hook must be a function");
    }
    return startController({ ...options, onAsk: hook });
}
