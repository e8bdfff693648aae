// Other Windows processes that the tests of systemfd, hold and the recipes start.
import { spawn } from "node:child_process";
import { once } from "node:events";
import * as path from "node:path";
import { pathToFileURL } from "node:url";
import { packageRoot } from "#lib/native.js";
import { type Bits, builds, nodes } from "../support/windows.js";
import { LineProgram } from "./watch-support.js";

/** A program that speaks in lines; what it says on stderr is seen in the test's own. */
export class StartedProgram extends LineProgram {
    readonly ended = once(this.child, "close") as Promise<[code: number | null, signal: string | null]>;

    async kill(): Promise<void> {
        this.child.stdin!.destroy(); // our scenarios end with it
        this.child.kill();
        await this.ended;
    }
}

const running = new Set<StartedProgram>();
afterEach(async function () {
    await Promise.all([...running].map((program) => program.kill()));
    running.clear();
});

export interface StartOptions {
    environment?: Readonly<Record<string, string>>;
    /** Default: what it says on stderr is the test's. */
    stderr?: "pipe" | "inherit";
}

/** Starts a program that is killed when the test ends. Scenarios import the library from WINSOCK_SPI_LIBRARY. */
export function start(file: string, args: readonly string[], options: StartOptions = {}): StartedProgram {
    const { environment = {}, stderr = "inherit" } = options;
    const library = pathToFileURL(path.join(packageRoot, "dist", "index.js")).href;
    // What libuv tells a program about its streams makes sense to one of its own bitness only.
    const other = file === nodes["node-x86"] && process.arch !== "ia32";
    const command = other ? { file: systemfdPeer(64), args: ["run", file, ...args] } : { file, args };
    const program = new StartedProgram(
        spawn(command.file, command.args, {
            stdio: ["pipe", "pipe", stderr],
            env: { ...process.env, ...environment, WINSOCK_SPI_LIBRARY: library },
        }),
    );
    running.add(program);
    return program;
}

/** test/windows/programs/systemfd_peer.cpp */
export const systemfdPeer = (bits: Bits): string => path.join(builds[bits], "programs", "systemfd_peer.exe");

export const scenario = (name: string): string => path.join(packageRoot, "test", "windows", "scenarios", name);

let names = 0;
/** The name of a channel that no other test has. */
export function uniqueName(): string {
    names += 1;
    return `winsock-spi-test-${process.pid}-${names}`;
}
