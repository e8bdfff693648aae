// Asking about held calls in the terminal: one question after the other, each for as long as its call waits.

import { createInterface } from "node:readline/promises";
import { win32 as path } from "node:path";
import type { AskHook, AskVerdict, Remember } from "../policy/answers.js";
import type { HeldCall } from "../policy/controller-model.js";
import type { Endpoint } from "../policy/model.js";

const scopes: Readonly<Record<string, Remember>> = { o: "once", p: "process", f: "forever" };

/** What a line says; undefined if it says nothing. Pure. */
export function parseReply(line: string): AskVerdict {
    const match = /^\s*(a(?:llow)?|d(?:eny)?)\s*(o(?:nce)?|p(?:rocess)?|f(?:or\s*ever)?)?\s*$/i.exec(line);
    if (match === null) {
        return undefined;
    }
    const remember = scopes[(match[2] ?? "o").charAt(0).toLowerCase()] ?? "once";
    return match[1]!.toLowerCase().startsWith("a")
        ? { action: "allow", remember }
        : { action: "deny", error: "WSAEACCES", remember };
}

function formatEnd({ address, port }: Endpoint): string {
    return `${address.includes(":") ? `[${address}]` : address}:${port}`;
}

/** The question about a call, in one line. A program's path is the system's, but its name may hold anything. Pure. */
export function formatQuestion({ program, pid, call, protocol, local, remote, rule }: HeldCall): string {
    const name = (program === "" ? "a program" : path.basename(program)).replace(/[\p{C}]/gu, "?");
    const ends = [
        ...(remote === undefined ? [] : [`to ${formatEnd(remote)}`]),
        ...(remote !== undefined || local === undefined ? [] : [`on ${formatEnd(local)}`]),
    ];
    const what = [call, protocol, ...ends].join(" ");
    return `${name} (${pid}): ${what} [rule "${rule?.name.replace(/[\p{C}]/gu, "?") ?? ""}"]`;
}

const prompt = "  [a]llow or [d]eny, [o]nce, for this [p]rocess or [f]or ever? ";

export interface PromptStreams {
    readonly input: NodeJS.ReadableStream;
    readonly output: NodeJS.WritableStream;
    /** Hears Ctrl-C, which a terminal in raw mode does not make a signal of. */
    readonly onInterrupt: () => void;
}

/**
 * A hook that asks on these streams. Between questions the input is not read: it may be that of a program which runs in
 * the same terminal. `close` ends the question that is open, and all that wait.
 */
export function promptingHook({ input, output, onInterrupt }: PromptStreams): { hook: AskHook; close: () => void } {
    const ended = new AbortController();
    let turn: Promise<unknown> = Promise.resolve();

    async function question(call: HeldCall): Promise<AskVerdict> {
        const passed = new AbortController();
        const signal = AbortSignal.any([call.signal, ended.signal, passed.signal]);
        if (signal.aborted) {
            return undefined;
        }
        const terminal = createInterface({ input, output });
        terminal.on("SIGINT", () => {
            passed.abort();
            onInterrupt();
        });
        terminal.on("close", () => passed.abort()); // the input has ended
        output.write(`${formatQuestion(call)}\n`);
        try {
            for (;;) {
                const line = await terminal.question(prompt, { signal });
                const verdict = parseReply(line);
                if (verdict !== undefined) {
                    return verdict;
                }
                output.write("  a = allow once, ap = allow for this process, df = deny for ever, ...\n");
            }
        } catch {
            output.write("\n  (over: the rule's `otherwise` holds)\n");
            return undefined;
        } finally {
            terminal.close();
        }
    }

    return {
        hook: (call) => {
            const asked = turn.then(() => question(call));
            turn = asked;
            return asked;
        },
        close: () => ended.abort(),
    };
}
