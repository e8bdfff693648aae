/** Which calls a rule can apply to, as far as that is the same for every process. Shared by `compile` and `decide`. */

import { policyCalls, type Action, type Policy, type PolicyCall, type Rule } from "./model.js";

const directions: Readonly<Record<PolicyCall, "in" | "out">> = {
    connect: "out",
    sendto: "out",
    bind: "in",
    listen: "in",
    accept: "in",
};

/** Only calls that go somewhere can be led elsewhere. */
function canBe({ kind }: Action, call: PolicyCall): boolean {
    return (kind !== "redirect" && kind !== "relay") || directions[call] === "out";
}

/** bind and listen have no remote end: their own address is what their rules are about. */
export function isLocalCall(call: PolicyCall): boolean {
    return call === "bind" || call === "listen";
}

/**
 * The calls that a rule applies to. A rule that redirects or relays leaves bind, listen and accept alone (they come to
 * the rules after it), and so does one that names a remote end with bind and listen.
 */
export function callsOf({ match, then }: Rule): PolicyCall[] {
    return policyCalls.filter(
        (call) =>
            (match.call?.includes(call) ?? true) &&
            (match.direction === undefined || match.direction === directions[call]) &&
            canBe(then, call) &&
            !(match.to !== undefined && isLocalCall(call)),
    );
}

/** Whether a rule can apply to a protocol of that number. */
export function isOfProtocol({ match }: Rule, protocol: number): boolean {
    return match.protocol?.some((each) => protocolNumber(each) === protocol) ?? true;
}

export function protocolNumber(protocol: "tcp" | "udp" | number): number {
    return protocol === "tcp" ? 6 : protocol === "udp" ? 17 : protocol;
}

/** Whether what the policy cannot decide or carry out must not go on: the control file's fail-closed bit. */
export function isFailClosed(policy: Policy): boolean {
    return (
        policy.failClosed ??
        (policy.default.kind === "deny" ||
            policy.rules.some(({ then }) => "otherwise" in then && then.otherwise.kind === "deny"))
    );
}
