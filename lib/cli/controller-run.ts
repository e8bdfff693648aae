// What the commands that are a controller have in common: it runs until Ctrl-C, asks in the terminal, and tells of what
// it could not do.

import { WinsockError } from "../errors.js";
import { type Controller, type ControllerOptions, startController } from "../policy/controller.js";
import { promptingHook } from "./ask-prompt.js";
import type { Output } from "./frame.js";

const interrupts = ["SIGINT", "SIGBREAK", "SIGHUP", "SIGTERM"] as const;

export function hasTerminal(): boolean {
    return process.stdin.isTTY && process.stderr.isTTY;
}

/** A controller with the terminal as its hook, where there is one. */
export interface TerminalController extends AsyncDisposable {
    readonly controller: Controller;
}

export async function startTerminalController(
    output: Output,
    onInterrupt: () => void,
    options: Pick<ControllerOptions, "capture"> = {},
): Promise<TerminalController> {
    const prompt = hasTerminal()
        ? promptingHook({ input: process.stdin, output: process.stderr, onInterrupt })
        : undefined;
    let controller: Controller;
    try {
        controller = await startController({
            ...options,
            ...(prompt === undefined ? {} : { onAsk: prompt.hook }),
            onNotice: ({ message }) => output.note(`controller: ${message}`),
        });
    } catch (error) {
        prompt?.close();
        throw error;
    }
    return {
        controller,
        [Symbol.asyncDispose]: async () => {
            prompt?.close();
            await controller.close();
        },
    };
}

/** Is the machine's controller until Ctrl-C. */
export async function beController(output: Output): Promise<void> {
    const stop = new AbortController();
    const onInterrupt = (): void => stop.abort();
    interrupts.forEach((signal) => process.on(signal, onInterrupt));
    try {
        await using running = await startTerminalController(output, onInterrupt);
        output.value({ controller: process.pid });
        output.text(
            `This process (${process.pid}) is the machine's controller until Ctrl-C. ` +
                (hasTerminal() ? "Calls that rules ask about are asked about here." : "Nobody is asked: no terminal."),
        );
        const stopped = new Promise<void>((resolve) => {
            stop.signal.addEventListener("abort", () => resolve(), { once: true });
            if (stop.signal.aborted) {
                resolve();
            }
        });
        await Promise.race([stopped, running.controller.closed]);
    } finally {
        interrupts.forEach((signal) => process.off(signal, onInterrupt));
    }
}

/** Throws where nobody could answer. */
export function requireTerminal(): void {
    if (!hasTerminal()) {
        throw new WinsockError(
            "There is no terminal to ask on. `winsock-spi policy controller` carries relays without one; a program " +
                "answers by onAsk().",
            { code: "ERR_NO_TERMINAL" },
        );
    }
}
