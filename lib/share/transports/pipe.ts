// Transport: a named pipe. The bytes go over libuv like those of any stream; only making and opening the pipe is native,
// because libuv's own would let everybody connect and would let the server act in the client's name.

import * as fs from "node:fs";
import * as net from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { WinsockError, refuseUnknownOptions } from "../../errors.js";
import { native } from "../../native.js";
import type { PipeListenerHandle } from "../../native/pipe.js";
import { AcceptQueue } from "./accept-queue.js";
import type { Channel, ChannelListener, Transport, TransportOptions } from "./channel.js";

const root = "\\\\.\\pipe\\";
const longestName = 256;
const defaultTimeout = 10_000;

/** `\\.\pipe\winsock-spi.NAME` for a name, the path itself for the path of a pipe of this machine. */
function toPath(address: string): string {
    if (typeof address !== "string" || address === "") {
        throw new TypeError("the address of a pipe must be a name or a path like \\\\.\\pipe\\name");
    }
    const path = address.startsWith(root) ? address : `${root}winsock-spi.${address}`;
    const name = path.slice(root.length);
    if (name === "" || name.length > longestName || /[\\/\0]/.test(name)) {
        throw new TypeError(
            `"${address}" cannot be the name of a pipe: at most ${longestName} characters, no backslash or slash, and ` +
                "only pipes of this machine",
        );
    }
    return path;
}

function checkOptions(caller: string, options: TransportOptions): void {
    refuseUnknownOptions(caller, options, ["signal", "timeout", "sddl", "onError"]);
}

function toChannel(fd: number, pid: number, otherEnd: "client" | "server"): Channel {
    let stream: net.Socket;
    try {
        stream = new net.Socket({ fd, readable: true, writable: true, allowHalfOpen: false });
    } catch (error) {
        fs.closeSync(fd);
        throw error;
    }
    return {
        stream,
        peerPid: pid,
        transport: "pipe",
        verify: () => {
            if (stream.destroyed) {
                throw new WinsockError("The pipe was closed.", { code: "ERR_CHANNEL_CLOSED" });
            }
            return native().pipeProcess(fd, otherEnd);
        },
    };
}

function listen(address: string, options: TransportOptions = {}): Promise<ChannelListener> {
    checkOptions("listen", options);
    options.signal?.throwIfAborted();
    const path = toPath(address);
    const queue = new AcceptQueue(path, options, () => handle.close());
    const handle: PipeListenerHandle = native().listenPipe(path, options.sddl, (fd, pid) => {
        try {
            queue.push(toChannel(fd, pid, "client"));
        } catch (error) {
            options.onError?.(error);
        }
    });
    return Promise.resolve(queue);
}

async function connect(address: string, options: TransportOptions = {}): Promise<Channel> {
    checkOptions("connect", options);
    const path = toPath(address);
    const { signal, timeout = defaultTimeout } = options;
    const deadline = performance.now() + timeout;
    for (let wait = 1; ; wait = Math.min(2 * wait, 20)) {
        signal?.throwIfAborted();
        const connected = native().connectPipe(path);
        if (connected !== undefined) {
            return toChannel(connected.fd, connected.pid, "server");
        }
        if (performance.now() + wait > deadline) {
            throw new WinsockError(`The listener at ${path} took no connection within ${timeout} ms.`, {
                code: "ERR_TIMEOUT",
            });
        }
        await pause(wait, undefined, { signal }).catch(() => signal?.throwIfAborted());
    }
}

export const pipe: Transport = {
    name: "pipe",
    listen: async (address, options) => listen(address, options),
    connect,
};
