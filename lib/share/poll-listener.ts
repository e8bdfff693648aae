// A listener without a completion port: what stands in a net.Server where Node has a TCP handle.
//
// Node's own handle keeps AcceptEx pending. Connections that those have taken die with the handle that closes, although
// others hold the same listener, and the port cannot be taken off the socket meanwhile. Here connections wait in the
// system's queue, which belongs to the socket, until one of its owners takes one; so whoever closes loses none.

import { AsyncResource } from "node:async_hooks";
import { native } from "../native.js";
import type { PolledSocket, SocketAddress } from "../native/readiness.js";
import { markPolledHandle, openPolled, type PolledHandle } from "./polled-handles.js";
import { registerHandle, type TcpHandle, tcpClass } from "./socket-handle.js";
import { giveAddress, toUvNumber, uvNumber, uvResult } from "./uv-errors.js";

/** Connections that are taken, each in a turn of its own, before the event loop gets to everything else. */
const mostTurns = 16;

/** Milliseconds to the next try where the system lacked memory or handles: the connection goes on waiting. */
const shortagePause = 50;
const shortages = ["EMFILE", "ENFILE", "ENOBUFS", "ENOMEM"];

/**
 * Owns the SOCKET from its construction on. The members are those that net.Server calls on its `_handle`; that they
 * return numbers of libuv is its convention.
 */
export class PollListener implements PolledHandle {
    readonly polled: PolledSocket;
    /** net.Server's, set by it. */
    onconnection: ((status: number, client?: TcpHandle) => void) | undefined;
    readonly #resource = new AsyncResource("WINSOCKSPI_LISTENER");
    #turns = 0;
    #referenced = true;
    #closed = false;
    #retry: NodeJS.Timeout | undefined;

    constructor(socket: bigint) {
        adopt(PollListener.prototype);
        this.polled = openPolled(socket, () => this.#onReady());
        markPolledHandle(this);
        registerHandle(this, socket);
    }

    listen(backlog: number): number {
        return uvResult(() => {
            this.polled.listen(backlog);
            this.start();
        });
    }

    /** Begins to accept on a socket that listens already. */
    start(): void {
        this.polled.arm(true, false);
    }

    close(callback?: () => void): void {
        if (!this.#closed) {
            this.#closed = true;
            clearTimeout(this.#retry);
            this.polled.close();
            this.#resource.emitDestroy();
        }
        if (callback !== undefined) {
            setImmediate(callback);
        }
    }

    ref(): void {
        this.#reference(true);
    }

    unref(): void {
        this.#reference(false);
    }

    hasRef(): boolean {
        return this.#referenced && !this.#closed;
    }

    getAsyncId(): number {
        return this.#resource.asyncId();
    }

    getsockname(out: Partial<SocketAddress>): number {
        return giveAddress(out, () => this.polled.localAddress());
    }

    getpeername(out: Partial<SocketAddress>): number {
        return giveAddress(out, () => this.polled.remoteAddress());
    }

    /** There are no accepts to be made simultaneous. */
    setSimultaneousAccepts(): number {
        return 0;
    }

    get fd(): number {
        return -1;
    }

    #reference(referenced: boolean): void {
        if (!this.#closed) {
            this.#referenced = referenced;
            this.polled.setReferenced(referenced);
        }
    }

    #onReady(): void {
        let socket: bigint | undefined;
        try {
            socket = this.polled.accept();
            // Before anybody is told: what a listener of the user's does, or throws, must not end the accepting.
            this.#next(socket !== undefined);
        } catch (error) {
            this.#failed(error);
        }
        if (socket !== undefined) {
            this.#deliver(socket);
        }
    }

    #next(taken: boolean): void {
        if (taken && ++this.#turns < mostTurns) {
            this.polled.again();
        } else {
            this.#turns = 0;
            this.start();
        }
    }

    #failed(error: unknown): void {
        const number = toUvNumber(error);
        if (!shortages.some((name) => uvNumber(name) === number)) {
            this.#tell(number);
            return;
        }
        // Not referenced: the listener itself keeps the process alive where it shall.
        this.#retry = setTimeout(() => {
            if (!this.#closed) {
                this.#startAgain();
            }
        }, shortagePause).unref();
    }

    #startAgain(): void {
        try {
            this.start();
        } catch (error) {
            this.#failed(error);
        }
    }

    #deliver(socket: bigint): void {
        const Tcp = tcpClass();
        const client = new Tcp(0);
        const status = client.open(Number(socket));
        if (status !== 0) {
            client.close();
            closeSocket(socket);
            this.#tell(status);
            return;
        }
        registerHandle(client, socket);
        this.#tell(0, client);
    }

    #tell(status: number, client?: TcpHandle): void {
        this.#resource.runInAsyncScope(() => this.onconnection?.(status, client));
    }
}

/** Closes an accepted SOCKET that nobody is to get. */
function closeSocket(socket: bigint): void {
    native().closeSocket(socket);
}

/** net.Server.listen takes what is an instance of the TCP class; everything that it calls is overridden above. */
function adopt(prototype: object): void {
    const Tcp = tcpClass();
    if (!(prototype instanceof Tcp)) {
        Object.setPrototypeOf(prototype, Tcp.prototype);
        // Who looks for the TCP class by way of a server's handle finds it.
        Object.defineProperty(prototype, "constructor", { value: Tcp });
    }
}
