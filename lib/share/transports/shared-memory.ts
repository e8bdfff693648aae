// Transport: shared memory. A named file mapping holds a ring of bytes for each direction, named events say when to look.
// https://learn.microsoft.com/windows/win32/memory/sharing-files-and-memory

import { setTimeout as pause } from "node:timers/promises";
import { WinsockError, toWinsockError } from "../../errors.js";
import { native } from "../../native.js";
import type { Link } from "../../native/transports.js";
import { AcceptQueue } from "./accept-queue.js";
import type { Channel, ChannelListener, Transport, TransportOptions } from "./channel.js";
import { LineStream } from "./line-stream.js";
import { prove } from "./prove.js";
import { checkPortName, checkTransportOptions, defaultTimeout } from "./transport-options.js";

const name = "shared-memory";

/** Connections that have not proved yet who they are, at one listener; beyond it the oldest is broken off. */
const mostUnproved = 128;

async function listen(address: string, options: TransportOptions): Promise<ChannelListener> {
    checkTransportOptions("listen", options);
    checkPortName("listen", address);
    const unproved = new Set<LineStream>();
    let door: Link | undefined;
    const queue = new AcceptQueue(address, options, () => {
        door?.close();
        for (const stream of unproved) {
            stream.destroy();
        }
    });
    const accept = async (slot: number): Promise<void> => {
        const opening = LineStream.open((onEvents) => native().openSharedMemorySlot(address, slot, onEvents));
        door?.forget(String(slot));
        const stream = await opening;
        if (unproved.size >= mostUnproved) {
            const [oldest] = unproved;
            oldest?.destroy();
        }
        unproved.add(stream);
        try {
            const peerPid = await prove(stream, {
                transport: name,
                address,
                role: "server",
                timeout: options.timeout ?? defaultTimeout,
                onExit: () => stream.peerEnds(),
            });
            queue.push({ stream, peerPid, transport: name });
        } finally {
            unproved.delete(stream);
        }
    };
    await new Promise<void>((resolve, reject) => {
        door = native().openSharedMemoryDoor(address, options.sddl ?? "", (events) => {
            if (events.ready) {
                resolve();
            }
            for (const bytes of events.messages) {
                accept(bytes.readUInt32LE()).catch((error: unknown) => options.onError?.(error));
            }
            if (events.ended) {
                reject(toWinsockError(events.error));
                queue.fail(toWinsockError(events.error));
            }
        });
    });
    return queue;
}

/** Connects, again and again while all slots are taken. */
async function openClient(address: string, deadline: number, signal: AbortSignal | undefined): Promise<LineStream> {
    for (let wait = 1; ; wait = Math.min(2 * wait, 20)) {
        signal?.throwIfAborted();
        try {
            return await LineStream.open((onEvents) => native().connectSharedMemory(address, onEvents));
        } catch (error) {
            const code = error instanceof WinsockError ? error.code : undefined;
            if (code === "ERROR_FILE_NOT_FOUND") {
                throw new WinsockError(`Nobody listens at ${address} (${name}).`, {
                    code: "ERR_NO_LISTENER",
                    cause: error,
                });
            }
            if (code !== "ERROR_BUSY") {
                throw error;
            }
        }
        if (performance.now() + wait > deadline) {
            throw new WinsockError(`The listener at ${address} (${name}) took no connection in time.`, {
                code: "ERR_TIMEOUT",
            });
        }
        await pause(wait, undefined, { signal }).catch(() => signal?.throwIfAborted());
    }
}

async function connect(address: string, options: TransportOptions): Promise<Channel> {
    checkTransportOptions("connect", options);
    checkPortName("connect", address);
    const { signal, timeout = defaultTimeout } = options;
    const deadline = performance.now() + timeout;
    const stream = await openClient(address, deadline, signal);
    const peerPid = await prove(stream, {
        transport: name,
        address,
        role: "client",
        signal,
        timeout: Math.max(deadline - performance.now(), 1),
        onExit: () => stream.peerEnds(),
    });
    return { stream, peerPid, transport: name };
}

export const sharedMemory: Transport = {
    name,
    listen: async (address, options = {}) => listen(address, options),
    connect: async (address, options = {}) => connect(address, options),
};
