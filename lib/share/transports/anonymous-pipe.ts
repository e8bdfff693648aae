// Transport: anonymous pipes between a process and a child that it starts. The child inherits its two ends and its
// standard streams and no other handle. https://learn.microsoft.com/windows/win32/ipc/anonymous-pipes

import * as path from "node:path";
import { WinsockError, refuseUnknownOptions } from "../../errors.js";
import { native } from "../../native.js";
import type { LinkEvents, PipedProgram } from "../../native/transports.js";
import { AcceptQueue } from "./accept-queue.js";
import type { Channel, ChannelListener, Transport, TransportOptions } from "./channel.js";
import { LineStream } from "./line-stream.js";
import { prove } from "./prove.js";
import { checkTransportOptions, defaultTimeout } from "./transport-options.js";

const name = "anonymous-pipe";
/** Tells the child the numbers of its handles: `read,write`. */
const variable = "WINSOCK_SPI_CHANNEL";
/** The only address of this transport: a channel to the process that started this one. */
const parentAddress = "parent";

/** How {@link spawnWithChannel} starts the program. */
export interface SpawnWithChannelOptions {
    /** Working folder of the program. Default: this process's. */
    cwd?: string | undefined;
    /** Its environment. Default: this process's. */
    env?: Readonly<Record<string, string | undefined>> | undefined;
    /** Ends the wait for the child's `parentChannel()` and the child with it. */
    signal?: AbortSignal | undefined;
    /** Milliseconds that the program has to call `parentChannel()`. Default 30,000. */
    timeout?: number | undefined;
}

/** A program that {@link spawnWithChannel} has started. */
export interface SpawnedWithChannel {
    readonly channel: Channel;
    readonly pid: number;
    /** Its exit code (32 bits). */
    readonly exited: Promise<number>;
    /** Ends the program at once. */
    kill(): void;
}

/** The environment as CreateProcessW wants it: sorted, no name twice, without our own variable. */
function environmentList(env: Readonly<Record<string, string | undefined>>): string[] {
    const byName = new Map<string, string>();
    for (const [key, value] of Object.entries(env)) {
        if (value !== undefined && key.toUpperCase() !== variable && !`${key}${value}`.includes("\0")) {
            byName.set(key.toUpperCase(), `${key}=${value}`);
        }
    }
    return [...byName].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, entry]) => entry);
}

/** As the C runtime's rules take it apart again. https://learn.microsoft.com/cpp/cpp/main-function-command-line-args */
function quoted(argument: string): string {
    return `"${argument.replace(/(\\*)"/g, '$1$1\\"').replace(/(\\+)$/, "$1$1")}"`;
}

/**
 * Starts the program at the path `program` (absolute, or counted from this process's folder) and gives a channel to it
 * once it has called {@link parentChannel}. It shares this process's standard streams.
 *
 * @throws WinsockError what CreateProcessW says (`ERROR_FILE_NOT_FOUND`); `ERR_TIMEOUT`, `ERR_CHANNEL_CLOSED` (it ended,
 * or is no program that asks for its channel): the program is then ended; TypeError on misuse
 */
export async function spawnWithChannel(
    program: string,
    args: readonly string[] = [],
    options: SpawnWithChannelOptions = {},
): Promise<SpawnedWithChannel> {
    const areStrings = Array.isArray(args) && args.every((arg) => typeof arg === "string");
    if (typeof program !== "string" || program === "" || !areStrings) {
        throw new TypeError("spawnWithChannel: program must be a path, args an array of strings");
    }
    refuseUnknownOptions("spawnWithChannel", options, ["cwd", "env", "signal", "timeout"]);
    const { cwd = process.cwd(), env = process.env, signal, timeout = 30_000 } = options;
    signal?.throwIfAborted();
    const file = path.resolve(program);
    const line = [file, ...args].map(quoted).join(" ");
    let started: PipedProgram | undefined;
    const stream = await LineStream.open((onEvents: (events: LinkEvents) => void) => {
        started = native().startWithPipes(file, line, path.resolve(cwd), environmentList(env), variable, onEvents);
        return started.link;
    });
    const { pid, exited, kill } = started!;
    // The child holds its ends of the pipes from the first on: they break when it ends, whether it asked or not.
    try {
        const peerPid = await prove(stream, {
            transport: name,
            address: parentAddress,
            role: "server",
            signal,
            timeout,
            onExit: () => stream.peerEnds(),
        });
        if (peerPid !== pid) {
            stream.destroy();
            throw new WinsockError(`Process ${peerPid} answered in place of process ${pid}, which was started.`, {
                code: "ERR_BAD_PEER",
            });
        }
        return { channel: { stream, peerPid, transport: name }, pid, exited, kill };
    } catch (error) {
        kill();
        throw error;
    }
}

let parent: Promise<Channel> | undefined;

/**
 * In a program that was started by {@link spawnWithChannel}: the channel to the process that started it, the same one at
 * each call.
 *
 * @throws WinsockError `ERR_NO_LISTENER` if this process was not started so
 */
export function parentChannel(options: TransportOptions = {}): Promise<Channel> {
    checkTransportOptions("parentChannel", options);
    parent ??= openParent(options);
    return parent;
}

async function openParent(options: TransportOptions): Promise<Channel> {
    const match = /^(\d{1,10}),(\d{1,10})$/.exec(process.env[variable] ?? "");
    if (match === null) {
        throw new WinsockError("This process was not started by spawnWithChannel: there is no channel to its parent.", {
            code: "ERR_NO_LISTENER",
        });
    }
    delete process.env[variable]; // the handles are taken now; a child of this process has none
    const stream = await LineStream.open((onEvents) =>
        native().takePipes(Number(match[1]), Number(match[2]), onEvents),
    );
    const peerPid = await prove(stream, {
        transport: name,
        address: parentAddress,
        role: "client",
        signal: options.signal,
        timeout: options.timeout ?? defaultTimeout,
        onExit: () => stream.peerEnds(),
    });
    return { stream, peerPid, transport: name };
}

function checkAddress(caller: string, address: string): void {
    if (address !== parentAddress) {
        throw new TypeError(
            `${caller}: the only address of ${name} is "${parentAddress}", in the child; the other process gets its ` +
                "channel from spawnWithChannel",
        );
    }
}

async function listen(address: string, options: TransportOptions): Promise<ChannelListener> {
    checkAddress("listen", address);
    const queue = new AcceptQueue(address, options, () => undefined);
    queue.push(await parentChannel(options));
    return queue;
}

async function connect(address: string, options: TransportOptions): Promise<Channel> {
    checkAddress("connect", address);
    return parentChannel(options);
}

export const anonymousPipe: Transport = {
    name,
    listen: async (address, options = {}) => listen(address, options),
    connect: async (address, options = {}) => connect(address, options),
};
