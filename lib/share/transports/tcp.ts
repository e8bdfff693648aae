// Transport: TCP over 127.0.0.1. Any user of this machine can connect to such a port; who did is read from the system's
// own table of connections, and `PeerCheck` (lib/share/peer.ts) says who may stay.
// https://learn.microsoft.com/windows/win32/api/iphlpapi/nf-iphlpapi-getextendedtcptable

import * as net from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { WinsockError, toWinsockError } from "../../errors.js";
import { native } from "../../native.js";
import type { TcpOwnerHandle } from "../../native/tcp-owner.js";
import { AcceptQueue } from "./accept-queue.js";
import type { Channel, ChannelListener, Transport, TransportOptions } from "./channel.js";
import { checkTransportOptions, defaultTimeout } from "./transport-options.js";

const name = "tcp";
const loopback = "127.0.0.1";
const loopbackNumber = 0x7f00_0001;

/** `127.0.0.1:PORT` or `PORT`. */
function portOf(caller: string, address: string, lowest: number): number {
    const match = typeof address === "string" ? /^(?:127\.0\.0\.1:)?(\d{1,5})$/.exec(address) : null;
    const port = match === null ? -1 : Number(match[1]);
    if (port < lowest || port > 0xffff) {
        throw new TypeError(`${caller}: the address must be PORT or ${loopback}:PORT (${lowest} to 65535)`);
    }
    return port;
}

/**
 * The process at the other end. It is held until the socket closes, so that its id means no other. A connection that the
 * other end has not accepted yet may have no owner for a moment.
 */
async function ownerOf(socket: net.Socket, deadline: number): Promise<TcpOwnerHandle> {
    for (;;) {
        const { localPort, remotePort } = socket;
        if (localPort === undefined || remotePort === undefined) {
            throw new WinsockError("The other end closed the channel at once.", { code: "ERR_CHANNEL_CLOSED" });
        }
        try {
            const owner = native().openTcpOwner(loopbackNumber, remotePort, loopbackNumber, localPort);
            if (socket.destroyed) {
                owner.close();
                throw new WinsockError("The other end closed the channel at once.", { code: "ERR_CHANNEL_CLOSED" });
            }
            return owner;
        } catch (error) {
            const mayCome = error instanceof WinsockError && error.code === "ERR_NO_OWNER";
            if (!mayCome || performance.now() > deadline) {
                throw error;
            }
        }
        await pause(2);
    }
}

/** How often to look whether the other end's process still runs, in milliseconds. */
const lookInterval = 500;

/**
 * Closes the socket when the other end's process has ended and nothing comes from it any more. The connection itself need
 * not end with it: a child that inherited the socket keeps it open. What waits to be read by a user who has paused is left.
 */
function closeWithOwner(socket: net.Socket, owner: TcpOwnerHandle): void {
    let seen = -1;
    const timer = setInterval(() => {
        if (owner.isAlive() || socket.isPaused() || socket.readableLength > 0 || socket.bytesRead !== seen) {
            seen = socket.bytesRead;
        } else {
            socket.destroy();
        }
    }, lookInterval).unref();
    socket.once("close", () => {
        clearInterval(timer);
        owner.close();
    });
}

async function toChannel(socket: net.Socket, timeout: number): Promise<Channel> {
    const failed = (): void => undefined;
    socket.on("error", failed);
    socket.setNoDelay(true);
    try {
        const owner = await ownerOf(socket, performance.now() + timeout);
        closeWithOwner(socket, owner);
        return {
            stream: socket,
            peerPid: owner.pid,
            transport: name,
            verify: () => {
                if (!owner.isAlive()) {
                    throw new WinsockError(`Process ${owner.pid}, which made the connection, has ended.`, {
                        code: "ERR_PEER_GONE",
                    });
                }
                return owner.pid;
            },
        };
    } catch (error) {
        socket.destroy();
        throw error;
    } finally {
        socket.off("error", failed);
        if (socket.destroyed) {
            socket.on("error", failed);
        }
    }
}

async function listen(address: string, options: TransportOptions): Promise<ChannelListener> {
    checkTransportOptions("listen", options);
    const port = portOf("listen", address, 0);
    const server = net.createServer({ allowHalfOpen: false });
    await new Promise<void>((resolve, reject) => {
        server.once("error", (error: NodeJS.ErrnoException) => {
            reject(
                error.code === "EADDRINUSE"
                    ? new WinsockError(`Somebody listens at ${loopback}:${port} already.`, {
                          code: "ERR_ADDRESS_IN_USE",
                          syscall: error.syscall,
                          cause: error,
                      })
                    : toWinsockError(error),
            );
        });
        server.listen({ host: loopback, port, exclusive: true }, resolve);
    });
    const { port: bound } = server.address() as net.AddressInfo;
    const queue = new AcceptQueue(`${loopback}:${bound}`, options, () => server.close());
    server.on("error", (error) => queue.fail(toWinsockError(error)));
    server.on("connection", (socket) => {
        toChannel(socket, options.timeout ?? defaultTimeout).then(
            (channel) => queue.push(channel),
            (error: unknown) => options.onError?.(error),
        );
    });
    return queue;
}

async function connect(address: string, options: TransportOptions): Promise<Channel> {
    checkTransportOptions("connect", options);
    const port = portOf("connect", address, 1);
    const { signal, timeout = defaultTimeout } = options;
    const deadline = performance.now() + timeout;
    const socket = net.connect({ host: loopback, port, allowHalfOpen: false });
    let timer: NodeJS.Timeout | undefined;
    let onAbort = (): void => undefined;
    try {
        await new Promise<void>((resolve, reject) => {
            timer = setTimeout(() => {
                reject(
                    new WinsockError(`No connection to ${loopback}:${port} within ${timeout} ms.`, {
                        code: "ERR_TIMEOUT",
                    }),
                );
            }, timeout);
            onAbort = () => reject(signal?.reason);
            signal?.addEventListener("abort", onAbort, { once: true });
            socket.once("connect", resolve);
            socket.once("error", (error: NodeJS.ErrnoException) => {
                reject(
                    error.code === "ECONNREFUSED"
                        ? new WinsockError(`Nobody listens at ${loopback}:${port}.`, {
                              code: "ERR_NO_LISTENER",
                              syscall: error.syscall,
                              cause: error,
                          })
                        : toWinsockError(error),
                );
            });
        });
    } catch (error) {
        socket.on("error", () => undefined);
        socket.destroy();
        throw error;
    } finally {
        clearTimeout(timer);
        signal?.removeEventListener("abort", onAbort);
        socket.removeAllListeners("error");
    }
    return toChannel(socket, Math.max(deadline - performance.now(), 1));
}

export const tcp: Transport = {
    name,
    listen: async (address, options = {}) => listen(address, options),
    connect: async (address, options = {}) => connect(address, options),
};
