// A datagram socket without a completion port: what stands in a dgram.Socket where Node has a UDP handle. libuv cannot
// open a UDP socket that belongs to another process's port.

import { AsyncResource } from "node:async_hooks";
import type { PolledSocket, SocketAddress } from "../native/readiness.js";
import { markPolledHandle, openPolled, type PolledHandle } from "./polled-handles.js";
import { giveAddress, toUvNumber, uvNumber, uvResult } from "./uv-errors.js";

/** Datagrams that are taken, each in a turn of its own, before the event loop gets to everything else. */
const mostTurns = 32;

/** Milliseconds to the next try after a failure that may pass. */
const failurePause = 50;

/** More parts than this are put together before they are sent. */
const mostParts = 64;

/** Node's SendWrap: `oncomplete` is there if the sender wants to know. */
interface SendRequest {
    oncomplete?: (error: number, sent: number) => void;
}

/** None where the socket is connected. */
type Destination = { address: string; port: number } | undefined;

interface Waiting {
    request: SendRequest;
    parts: Uint8Array[];
    bytes: number;
    to: Destination;
}

/** What the `ctx` of bufferSize is filled with. */
interface ErrorContext {
    errno?: number;
    code?: string;
    message?: string;
    syscall?: string;
}

type OnMessage = (length: number, handle: PollDatagram, data?: Buffer, from?: SocketAddress) => void;

const bytesOf = (view: ArrayBufferView): Uint8Array => new Uint8Array(view.buffer, view.byteOffset, view.byteLength);

/**
 * Owns the SOCKET from its construction on. The members are those that dgram.Socket calls on its handle; that they
 * return numbers of libuv is its convention.
 */
export class PollDatagram implements PolledHandle {
    readonly polled: PolledSocket;
    /** dgram's, set by it. */
    onmessage: OnMessage | undefined;
    readonly #resource = new AsyncResource("WINSOCKSPI_DATAGRAM");
    readonly #waiting: Waiting[] = [];
    #receiving = false;
    #asked = false; // a turn is coming by itself
    #turns = 0;
    #referenced = true;
    #closed = false;
    #retry: NodeJS.Timeout | undefined;

    constructor(socket: bigint) {
        this.polled = openPolled(socket, () => this.#onReady());
        markPolledHandle(this);
    }

    recvStart(): number {
        return uvResult(() => {
            this.#receiving = true;
            this.#arm();
        });
    }

    recvStop(): number {
        this.#receiving = false;
        return 0;
    }

    // dgram writes its own handle's functions over those of one that it is given: it must not.
    get send(): PollDatagram["sendTo"] {
        return this.sendTo.bind(this);
    }

    set send(_: unknown) {
        // stays what it is
    }

    get bind(): () => number {
        return () => uvNumber("EINVAL");
    }

    set bind(_: unknown) {
        // stays what it is
    }

    /** (request, parts, count, wanted) where connected, (request, parts, count, port, address, wanted) else. */
    sendTo(
        request: SendRequest,
        list: ArrayBufferView[],
        count: number,
        port: number | boolean,
        address?: string,
    ): number {
        const views = list.slice(0, count).map(bytesOf);
        const bytes = views.reduce((sum, { length }) => sum + length, 0);
        const parts = views.length > mostParts ? [Buffer.concat(views)] : views;
        const to: Destination = typeof port === "number" ? { address: address ?? "", port } : undefined;
        try {
            if (this.#waiting.length === 0 && this.#trySend(parts, to)) {
                return bytes + 1; // done already, and this many bytes
            }
            this.#waiting.push({ request, parts, bytes, to });
            this.#arm();
            return 0;
        } catch (error) {
            return toUvNumber(error);
        }
    }

    getSendQueueSize(): number {
        return this.#waiting.reduce((sum, { bytes }) => sum + bytes, 0);
    }

    getSendQueueCount(): number {
        return this.#waiting.length;
    }

    connect(address: string, port: number): number {
        return uvResult(() => this.polled.connect(address, port));
    }

    connect6(address: string, port: number): number {
        return this.connect(address, port);
    }

    disconnect(): number {
        return uvResult(() => this.polled.disconnect());
    }

    getsockname(out: Partial<SocketAddress>): number {
        return giveAddress(out, () => this.polled.localAddress());
    }

    getpeername(out: Partial<SocketAddress>): number {
        return giveAddress(out, () => this.polled.remoteAddress());
    }

    setBroadcast(on: number): number {
        return uvResult(() => this.polled.setOption("broadcast", on === 0 ? 0 : 1));
    }

    setTTL(ttl: number): number {
        return uvResult(() => this.polled.setOption("ttl", wholeNumber(ttl)));
    }

    setMulticastTTL(ttl: number): number {
        return uvResult(() => this.polled.setOption("multicastTtl", wholeNumber(ttl)));
    }

    setMulticastLoopback(on: number): number {
        return uvResult(() => this.polled.setOption("multicastLoopback", on === 0 ? 0 : 1));
    }

    setMulticastInterface(address: string): number {
        return uvResult(() => this.polled.multicastInterface(address));
    }

    addMembership(group: string, networkInterface?: string): number {
        return uvResult(() => this.polled.membership(true, group, "", networkInterface ?? ""));
    }

    dropMembership(group: string, networkInterface?: string): number {
        return uvResult(() => this.polled.membership(false, group, "", networkInterface ?? ""));
    }

    addSourceSpecificMembership(source: string, group: string, networkInterface?: string): number {
        return uvResult(() => this.polled.membership(true, group, source, networkInterface ?? ""));
    }

    dropSourceSpecificMembership(source: string, group: string, networkInterface?: string): number {
        return uvResult(() => this.polled.membership(false, group, source, networkInterface ?? ""));
    }

    /** Bytes, or `undefined` with the error in `context`. */
    bufferSize(size: number, receive: boolean, context: ErrorContext): number | undefined {
        try {
            return this.polled.bufferSize(receive, size);
        } catch (error) {
            const errno = toUvNumber(error);
            Object.assign(context, {
                errno,
                code:
                    error instanceof TypeError ? "EINVAL" : (error as NodeJS.ErrnoException).code?.replace(/^WSA/, ""),
                message: (error as Error).message,
                syscall: receive ? "uv_recv_buffer_size" : "uv_send_buffer_size",
            });
            return undefined;
        }
    }

    close(callback?: () => void): void {
        if (!this.#closed) {
            this.#closed = true;
            clearTimeout(this.#retry);
            this.polled.close();
            const left = this.#waiting.splice(0);
            setImmediate(() => left.forEach(({ request }) => this.#complete(request, uvNumber("ECANCELED"), 0)));
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

    get fd(): number {
        return -1;
    }

    #reference(referenced: boolean): void {
        if (!this.#closed) {
            this.#referenced = referenced;
            this.polled.setReferenced(referenced);
        }
    }

    #arm(): void {
        const writing = this.#waiting.length > 0;
        if (!this.#closed && !this.#asked && (this.#receiving || writing)) {
            this.polled.arm(this.#receiving, writing);
        }
    }

    #onReady(): void {
        this.#asked = false;
        this.#sendWaiting();
        if (!this.#receiving || this.#closed) {
            this.#armAgain();
            return;
        }
        let message: ReturnType<PolledSocket["receive"]>;
        try {
            message = this.polled.receive();
            // Before anybody is told: what a listener of the user's does, or throws, must not end the receiving.
            this.#next(message !== undefined);
        } catch (error) {
            this.#failed(error);
        }
        if (message !== undefined) {
            this.#tell(message.data.length, message.data, message.from);
        }
    }

    #armAgain(): void {
        try {
            this.#arm();
        } catch (error) {
            this.#failed(error);
        }
    }

    /** Not referenced: the socket itself keeps the process alive where it shall. */
    #failed(error: unknown): void {
        this.#retry = setTimeout(() => this.#armAgain(), failurePause).unref();
        this.#tell(toUvNumber(error));
    }

    #next(taken: boolean): void {
        if (taken && ++this.#turns < mostTurns) {
            this.#asked = true;
            this.polled.again();
        } else {
            this.#turns = 0;
            this.#arm();
        }
    }

    #sendWaiting(): void {
        for (let first = this.#waiting[0]; first !== undefined; first = this.#waiting[0]) {
            let error = 0;
            try {
                if (!this.#trySend(first.parts, first.to)) {
                    return;
                }
            } catch (thrown) {
                error = toUvNumber(thrown);
            }
            this.#waiting.shift();
            this.#complete(first.request, error, error === 0 ? first.bytes : 0);
        }
    }

    #trySend(parts: Uint8Array[], to: Destination): boolean {
        return to === undefined ? this.polled.send(parts) : this.polled.send(parts, to.address, to.port);
    }

    #complete(request: SendRequest, error: number, sent: number): void {
        this.#resource.runInAsyncScope(() => request.oncomplete?.(error, sent));
    }

    #tell(length: number, data?: Buffer, from?: SocketAddress): void {
        this.#resource.runInAsyncScope(() => this.onmessage?.(length, this, data, from));
    }
}

/** What libuv's handles make of a number: the part before the point, of 32 bits. Out of range is EINVAL there. */
function wholeNumber(value: number): number {
    return Math.trunc(value) | 0;
}
