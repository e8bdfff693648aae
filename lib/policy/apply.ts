// Putting a policy in force: compiled, written, and from that moment on followed by every process of the machine.

import * as fs from "node:fs/promises";
import * as path from "node:path";
import { WinsockError, refuseUnknownOptions } from "../errors.js";
import { native } from "../native.js";
import type { PolicyStoreHandle } from "../native/policy.js";
import { isFailClosed } from "./applies.js";
import { compilePolicy } from "./compile.js";
import type { Answer, HeldCall } from "./controller-model.js";
import { policyCallOf } from "./answers.js";
import { type PolicyLayers, type RunLayer, composePolicy } from "./layers.js";
import type { AddressPattern, Policy, Rule } from "./model.js";
import { parsePolicy } from "./parse.js";
import { publishImage, readStored, requireAdministrator, withStore } from "./store.js";

/** What {@link applyPolicy} may be told. */
export interface ApplyOptions {
    /** Only say what would be done. Needs no administrator rights. */
    dryRun?: boolean;
}

/** What {@link applyPolicy} did. */
export interface ApplyResult {
    /** Number of the policy; 0 with `dryRun`. */
    readonly generation: number;
    /** What was in force before. */
    readonly before: PolicyLayers;
    readonly policy: Policy;
    /** Bytes of its image. */
    readonly size: number;
    readonly failClosed: boolean;
}

function resolveUser(name: string): string | undefined {
    try {
        return native().findUser(name);
    } catch (error) {
        if (error instanceof WinsockError && error.code === "ERR_NO_USER") {
            return undefined;
        }
        throw error;
    }
}

interface Layers extends PolicyLayers {
    readonly source?: string | undefined;
}

/** Compiles what the layers come to together. */
function compileLayers(layers: PolicyLayers, generation: number): { bytes: Uint8Array; failClosed: boolean } {
    const policy = composePolicy(layers);
    return { bytes: compilePolicy(policy, { generation, resolveUser }), failClosed: isFailClosed(policy) };
}

/** Puts the layers in force, or clears the policy where there are none; the generation. */
function publishLayers(store: PolicyStoreHandle, { base, runs, source }: Layers): number {
    if (base === undefined && runs.length === 0) {
        store.clear();
        return 0;
    }
    return publishImage(store, {
        base,
        runs,
        ...(source === undefined ? {} : { source }),
        image: (generation) => compileLayers({ base, runs }, generation),
    });
}

/** What is in force, without the layers of a `run` that was killed. */
function presentLayers(generation: number): Layers {
    const layers = readStored(generation);
    return { ...layers, runs: layers.runs.filter(isRunning) };
}

function isRunning({ pid, start }: RunLayer): boolean {
    let peer;
    try {
        peer = native().openPeer(pid, false);
    } catch (error) {
        return (error as { code?: unknown }).code === "ERROR_ACCESS_DENIED";
    }
    try {
        return peer.start() === start && peer.isAlive();
    } finally {
        peer.close();
    }
}

/** What was in force is lost (its text is damaged or gone): nothing of it can be kept. */
function presentOrNothing(generation: number): Layers {
    try {
        return presentLayers(generation);
    } catch (error) {
        if (error instanceof WinsockError && ["ERR_POLICY_DAMAGED", "ERROR_FILE_NOT_FOUND"].includes(error.code)) {
            return { base: undefined, runs: [] };
        }
        throw error;
    }
}

async function readFile(file: string): Promise<Policy> {
    let text: string;
    try {
        text = await fs.readFile(file, "utf8");
    } catch (error) {
        throw new WinsockError(`Cannot read the policy ${file}: ${(error as Error).message}. Nothing was changed.`, {
            code: "ERR_FILE",
            cause: error,
        });
    }
    return parsePolicy(text, { file });
}

/**
 * Puts a policy in force for every program of the machine, those that run included. What `run` has put in force for
 * single process trees stays.
 *
 * Whoever is killed in the middle leaves the policy before or this one, nothing in between; of two processes that apply
 * at the same time the second wins.
 *
 * @param policy The policy, or the path of a file (YAML or JSON).
 * @throws WinsockError `ERR_POLICY_SYNTAX` (what is wrong in the file, and where), `ERR_FILE`, `ERR_POLICY_USER`,
 * `ERR_NOT_ELEVATED`, `ERR_NOT_INSTALLED`, `ERR_CONTROL_DAMAGED`, `ERR_BUSY`, `ERR_UNSUPPORTED_PLATFORM`.
 * @throws TypeError on misuse.
 *
 * @example
 * await applyPolicy("policy.yaml");
 */
export async function applyPolicy(policy: Policy | string, options: ApplyOptions = {}): Promise<ApplyResult> {
    refuseUnknownOptions("applyPolicy", options, ["dryRun"]);
    const isFile = typeof policy === "string";
    if (!isFile && (typeof policy !== "object" || policy === null || !Array.isArray(policy.rules))) {
        throw new TypeError("applyPolicy: policy must be a policy (see parsePolicy) or the path of its file");
    }
    const source = typeof policy === "string" ? path.resolve(policy) : undefined;
    const base = source === undefined ? (policy as Policy) : await readFile(source);
    const { bytes, failClosed } = compileLayers({ base, runs: [] }, 1); // says what is wrong before anything is touched
    const result = { policy: base, size: bytes.length, failClosed };
    if (options.dryRun === true) {
        return { ...result, generation: 0, before: { base: undefined, runs: [] } };
    }
    return withStore((store) => {
        const before = presentOrNothing(native().readPolicyState().generation);
        return { ...result, before, generation: publishLayers(store, { base, runs: before.runs, source }) };
    });
}

/** Changes what is in force: `change` gets the present layers, and gives those that are to be, or undefined. */
export function changeLayers(change: (layers: Layers, generation: number) => Layers | undefined): number {
    requireAdministrator();
    return withStore((store) => {
        const { generation } = native().readPolicyState();
        const layers = change(presentOrNothing(generation), generation);
        return layers === undefined ? generation : publishLayers(store, layers);
    });
}

/**
 * Puts the policy that was in force before the present one back in force, under a new number; its number. 0: there was
 * none before, so there is none now.
 *
 * @throws as applyPolicy.
 */
export async function applyPreviousPolicy(): Promise<number> {
    await Promise.resolve();
    const { previous } = native().readPolicyState();
    return changeLayers(({ runs }) => ({ ...readStored(previous), runs }));
}

/** Puts back what was in force before `generation`, unless somebody has applied another policy since. */
export async function restorePolicy(generation: number, before: PolicyLayers): Promise<void> {
    await Promise.resolve();
    changeLayers((layers, present) => (present === generation ? { ...before, runs: layers.runs } : undefined));
}

const longestPath = 200;

/** The rule that gives calls like this one that answer. Undefined where a call cannot be told from others. */
export function rememberedRule(call: HeldCall, answer: Answer, taken: readonly string[]): Rule | undefined {
    const kind = policyCallOf(call.call);
    if (kind === undefined || call.program === "") {
        return undefined;
    }
    const one = ({ address, port }: { address: string; port: number }, withPort: boolean): AddressPattern[] => [
        {
            range: { first: address, last: address },
            ...(withPort && port !== 0 ? { ports: [{ first: port, last: port }] } : {}),
        },
    ];
    const end = kind === "bind" || kind === "listen" ? call.local : call.remote;
    if (end === undefined) {
        return undefined;
    }
    const what = `${call.program.split("\\").at(-1)!.slice(0, longestPath)} ${kind} ${end.address}:${end.port}`;
    let name = `remembered: ${what}`;
    for (let number = 2; taken.includes(name); number++) {
        name = `remembered: ${what} (${number})`;
    }
    return {
        name,
        match: {
            program: [call.program],
            call: [kind],
            protocol: [call.protocol],
            ...(kind === "bind" || kind === "listen" ? { local: one(end, true) } : { to: one(end, kind !== "accept") }),
        },
        then:
            answer.action === "redirect"
                ? { kind: "redirect", to: [answer.to], otherwise: { kind: "deny", error: "WSAEACCES" } }
                : answer.action === "deny"
                  ? { kind: "deny", error: answer.error }
                  : { kind: "allow" },
    };
}

/** Writes an answer in front of the policy that asked: the machine's own, or that of a `run`, for as long as it runs. */
export async function rememberForever(call: HeldCall, answer: Answer): Promise<void> {
    await Promise.resolve();
    changeLayers((layers) => {
        const jobs = (call.rule?.match.tree ?? []).flatMap((one) => (typeof one === "object" ? [one.job] : []));
        const run = layers.runs.find(({ job }) => jobs.includes(job));
        const policy = run?.policy ?? layers.base;
        const rule = rememberedRule(call, answer, policy?.rules.map(({ name }) => name) ?? []);
        if (policy === undefined || rule === undefined) {
            throw new WinsockError(
                "The answer is remembered for this process alone: its program or the other end is not known, or its " +
                    "policy is no longer in force.",
                { code: "ERR_NOT_REMEMBERED" },
            );
        }
        const same = ({ match, then }: Rule): string => JSON.stringify([match, then]);
        if (policy.rules.some((one) => same(one) === same(rule))) {
            return undefined; // two processes were asked at the same time
        }
        const longer = { ...policy, rules: [rule, ...policy.rules] };
        return run === undefined
            ? { ...layers, base: longer }
            : { ...layers, runs: layers.runs.map((one) => (one === run ? { ...run, policy: longer } : one)) };
    });
}
