// Programs of test/native, which are built on Linux only: the runner says how they are started.

import { execFileSync } from "node:child_process";

const command = process.env["WINSOCK_SPI_NATIVE"];

/** Whether there are such programs. */
export const hasNative = command !== undefined;

/** Runs a program of test/native with this input and returns its output. */
export function runNative(program: string, args: readonly string[], input: string | Uint8Array): string {
    const [file = "", ...rest] = (JSON.parse(command ?? "[]") as string[]).map((word) =>
        word.replace("@PROGRAM@", program),
    );
    return execFileSync(file, [...rest, ...args], { input, encoding: "utf8", maxBuffer: 2 ** 30 });
}
