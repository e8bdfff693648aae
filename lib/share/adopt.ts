// `adoptSocket`: a socket of Node's from what another process has made for this one.

import * as net from "node:net";
import { WinsockError, refuseUnknownOptions } from "../errors.js";
import { type ProtocolInfo, protocolInfoSize } from "../catalog/protocol-info.js";
import { native } from "../native.js";
import { type SharedSocketInfo, bytesToSend, isExport, markTaken } from "./duplicate.js";
import { type ShareMode, type SocketPath, type SocketState } from "./model.js";
import { RawSocket } from "./raw-socket.js";
import { type Shareable, handleIsOpen, registerHandle, tcpClass } from "./socket-handle.js";

/** How a socket is given to libuv. */
export interface PathOptions {
    /**
     * `share` (default): another process works on the socket too, so its completions must not come to libuv: events are
     * used. `move`: this process alone uses it from now on, and it is taken off the former owner's completion port.
     */
    mode?: ShareMode;
    /** Use events even where a completion port would do. Default false. */
    emulate?: boolean;
}

export interface AdoptOptions extends PathOptions {
    /** As for `net.Socket`. Default false. */
    allowHalfOpen?: boolean;
    /** Do not read until `resume()` or `read()` is called. Default false. */
    pauseOnCreate?: boolean;
    /** Bytes that the source had read already: they come first. */
    initialData?: Uint8Array;
}

const adoptOptionNames = ["mode", "emulate", "allowHalfOpen", "pauseOnCreate", "initialData"] as const;
const paths = new WeakMap<object, SocketPath>();

function checkPathOptions(caller: string, { mode, emulate }: PathOptions): void {
    if (mode !== undefined && mode !== "move" && mode !== "share") {
        throw new TypeError(`${caller}: mode must be "move" or "share", not ${String(mode)}`);
    }
    if (emulate !== undefined && typeof emulate !== "boolean") {
        throw new TypeError(`${caller}: emulate must be a boolean`);
    }
}

/**
 * Opens the socket of an info and nothing more. For one that is not ours to judge: any 628 bytes, from anyone.
 *
 * @throws WinsockError `ERR_INFO_SIZE`, `ERR_INFO_DAMAGED`, `ERR_NO_PROVIDER`, `ERR_INFO_USED` (used here before),
 * `ERR_OTHER_PROCESS` (made for another one), `ERR_INFO_SPENT` (nothing of this process belongs to it: one of the two,
 * or revoked).
 */
export function adoptRaw(info: ProtocolInfo | Uint8Array): RawSocket {
    const bytes = bytesOf(info);
    const handle = new DataView(bytes.buffer, bytes.byteOffset).getUint32(reservedOffset, true);
    const earlier = adoptions.get(handle);
    if (usedInfos.has(info) || earlier?.isOpen() === true) {
        throw alreadyUsed();
    }
    const raw = new RawSocket(openInfo(bytes, earlier !== undefined));
    usedInfos.add(info);
    if (isExport(info)) {
        markTaken(info);
    }
    rememberAdoption(handle, raw);
    return raw;
}

/** Where dwProviderReserved lies in a WSAPROTOCOL_INFOW: the number of the handle that waits for it here. */
const reservedOffset = 112;

/** What an info opened: whether that socket is still open, by whichever object of ours has it. */
interface Adoption {
    isOpen(): boolean;
}

const usedInfos = new WeakSet<ProtocolInfo | Uint8Array>();
const adoptions = new Map<number, Adoption>();
const mostAdoptions = 4096;

function alreadyUsed(cause?: unknown): WinsockError {
    return new WinsockError("The info has been used in this process already; each serves once.", {
        code: "ERR_INFO_USED",
        cause,
    });
}

function openInfo(bytes: Uint8Array, seen: boolean): bigint {
    try {
        return native().adoptInfo(bytes);
    } catch (error) {
        throw seen && error instanceof WinsockError && error.code === "ERR_INFO_SPENT" ? alreadyUsed(error) : error;
    }
}

/** Windows may let a used info open the same descriptor again, which two objects would then close. */
function rememberAdoption(handle: number, raw: RawSocket): void {
    if (adoptions.size >= mostAdoptions) {
        for (const [number, adoption] of adoptions) {
            if (!adoption.isOpen()) {
                adoptions.delete(number);
            }
        }
    }
    const { socket } = raw;
    const holder = new WeakRef(raw);
    adoptions.set(handle, {
        isOpen: () => {
            const owner = holder.deref();
            return owner !== undefined && !owner.closed ? true : handleIsOpen(socket);
        },
    });
}

function bytesOf(info: ProtocolInfo | Uint8Array): Uint8Array {
    if (typeof info !== "object" || info === null) {
        throw new TypeError("info must be a ProtocolInfo or its 628 bytes");
    }
    const bytes = info instanceof Uint8Array ? info : isExport(info) ? bytesToSend(info) : info.bytes;
    if (!(bytes instanceof Uint8Array)) {
        throw new TypeError("info must be a ProtocolInfo or its 628 bytes");
    }
    if (bytes.byteLength !== protocolInfoSize) {
        throw new WinsockError(`A WSAPROTOCOL_INFOW has ${protocolInfoSize} bytes, not ${bytes.byteLength}.`, {
            code: "ERR_INFO_SIZE",
        });
    }
    const pid: unknown = info instanceof Uint8Array ? undefined : (info as Partial<SharedSocketInfo>).pid;
    if (typeof pid === "number" && pid !== process.pid) {
        throw new WinsockError(`The info was made for process ${pid}; this one is ${process.pid}.`, {
            code: "ERR_OTHER_PROCESS",
        });
    }
    return bytes;
}

/**
 * A `net.Socket` on the socket that another process has made for this one with WSADuplicateSocketW, whatever program
 * that is. It works like one that Node has made: streams, TLS and HTTP on top of it.
 *
 * https://learn.microsoft.com/windows/win32/api/winsock2/nf-winsock2-wsasocketw
 *
 * @throws WinsockError as {@link adoptRaw}; `ERR_SOCKET_KIND` for a listener or UDP socket (`adoptServer`,
 * `adoptDatagram` take those), `ERR_RUNTIME_UNSUPPORTED`, `ERR_PERMISSION`.
 */
export function adoptSocket(info: ProtocolInfo | Uint8Array, options: AdoptOptions = {}): net.Socket {
    checkAdoptOptions("adoptSocket", options);
    tcpClass(); // before the info is spent
    return socketFromRaw(adoptRaw(info), options);
}

function checkAdoptOptions(caller: string, options: AdoptOptions): void {
    refuseUnknownOptions(caller, options, adoptOptionNames);
    checkPathOptions(caller, options);
    if (options.initialData !== undefined && !(options.initialData instanceof Uint8Array)) {
        throw new TypeError(`${caller}: initialData must be a Uint8Array`);
    }
}

/**
 * A `net.Socket` on a SOCKET of this process. The RawSocket is given away, and closed if that fails.
 *
 * @throws WinsockError `ERR_SOCKET_KIND`, `ERR_SOCKET_CLOSED`, `ERR_RUNTIME_UNSUPPORTED`, `ERR_PERMISSION`.
 */
export function socketFromRaw(raw: RawSocket, options: AdoptOptions = {}): net.Socket {
    checkAdoptOptions("socketFromRaw", options);
    try {
        const { state } = raw;
        refuseOtherKinds(state);
        return streamFromRaw(raw, state.kind === "connected", options);
    } catch (error) {
        raw.close();
        throw error;
    }
}

/**
 * As socketFromRaw, for one that is known to be a TCP socket and whether it is connected: the system is not asked.
 * `startReading` false leaves the first read to whoever wants data, or to `read(0)`.
 */
export function streamFromRaw(
    raw: RawSocket,
    connected: boolean,
    options: AdoptOptions,
    startReading = true,
): net.Socket {
    const { handle, path } = openHandle(raw, 0, options);
    const socket = streamOf(handle, connected, options, startReading);
    paths.set(socket, path);
    return socket;
}

function refuseOtherKinds({ kind, family }: SocketState): void {
    if (kind === "listening" || kind === "datagram" || typeof family === "number") {
        const remedy = kind === "listening" ? "adoptServer" : kind === "datagram" ? "adoptDatagram" : "adoptRaw";
        throw new WinsockError(`This is no TCP connection (kind ${kind}, family ${family}): use ${remedy}().`, {
            code: "ERR_SOCKET_KIND",
        });
    }
}

function streamOf(handle: object, connected: boolean, options: AdoptOptions, startReading: boolean): net.Socket {
    const socket = new net.Socket({
        handle,
        allowHalfOpen: options.allowHalfOpen ?? false,
        pauseOnCreate: options.pauseOnCreate ?? false,
        // One that is not connected yet has nothing to read; connect() makes it so.
        ...(connected ? { readable: true, writable: true } : {}),
        ...(connected && startReading ? {} : { manualStart: true }),
    } as unknown as net.SocketConstructorOpts);
    if (options.initialData !== undefined && options.initialData.byteLength > 0) {
        socket.unshift(Buffer.from(options.initialData));
    }
    return socket;
}

/**
 * A TCP handle of Node's on a socket, which is the handle's from then on. `type`: 0 for a connection, 1 for a listener.
 */
export function openHandle(raw: RawSocket, type: 0 | 1, options: PathOptions): { handle: object; path: SocketPath } {
    const Tcp = tcpClass();
    const { socket } = raw;
    const chosen = choosePath(socket, options);
    const handle = new Tcp(type);
    const result = handle.open(Number(socket));
    if (result < 0) {
        handle.close();
        throw new WinsockError(`libuv does not take the socket (error ${result}).`, {
            code: "ERR_SOCKET_KIND",
            errno: result,
            syscall: "uv_tcp_open",
        });
    }
    raw.detach();
    registerHandle(handle, socket);
    return { handle, path: chosen() };
}

/**
 * Prepares a socket for libuv. The function that is returned says, once libuv has it, which path it took: where nothing
 * was forced, libuv's completion port took it if its completion modes have been set, which libuv does then and only then.
 */
function choosePath(socket: bigint, { mode = "share", emulate = false }: PathOptions): () => SocketPath {
    const binding = native();
    if (emulate || mode === "share") {
        binding.occupyPort(socket);
        return () => "emulated";
    }
    const before = binding.completionModes(socket);
    const detached = binding.detachSocket(socket);
    return () => (detached || (before === 0 && binding.completionModes(socket) !== 0) ? "native" : "emulated");
}

/**
 * How libuv waits for an adopted socket: `native` with its completion port, or `emulated` with events, which is slower
 * (asked for, shared with another process, or the socket could not be taken off the former owner's port: Wine, Windows
 * before 8.1). `undefined` for a socket that was not adopted.
 */
export function adoptedPath(socket: Shareable): SocketPath | undefined {
    return typeof socket === "object" && socket !== null ? paths.get(socket) : undefined;
}

/** Says which path an object has that another part of the library made. */
export function setAdoptedPath(socket: object, path: SocketPath): void {
    paths.set(socket, path);
}
