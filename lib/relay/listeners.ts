/**
 * Where programs come in: a listener on loopback of each family, and on each local address that a program has bound,
 * opened when it is needed. Who is expected is told by a ticket, that is the program's own end of the connection and
 * its process; anything else is reset unread.
 */
import * as net from "node:net";
import type { Endpoint } from "../policy/model.js";
import { canonical, isUnspecified, isLoopback } from "./addresses.js";
import type { OwnersOf } from "./owners.js";
import { reset } from "./resets.js";

/** A connection that was announced. */
export interface Ticket {
    readonly pid: number;
    accept(client: net.Socket): void;
}

export interface ListenersOptions {
    readonly ownersOf: OwnersOf;
    readonly onStranger: (message: string) => void;
}

/** How long the system may take to know who made a connection, in milliseconds. */
const ownerPatience = 1000;
/** Pause after the first look; each later one is twice as long, as a look walks the table of the whole machine. */
const firstPause = 2;

/** A connection is announced by its program's end; several processes may claim the same one. */
type Expected = Map<string, Ticket[]>;

interface Listener {
    readonly server: net.Server;
    readonly ready: Promise<Endpoint>;
    readonly expected: Expected;
    readonly waiting: Set<net.Socket>;
}

/** The address on which the relay meets a socket that is bound to `local`: its own, or loopback. */
export function meetingAddress(local: string, family: "IPv4" | "IPv6"): string {
    const plain = canonical(local);
    if (isUnspecified(plain) || isLoopback(plain)) {
        return family === "IPv4" ? (net.isIPv4(plain) && isLoopback(plain) ? plain : "127.0.0.1") : "::1";
    }
    return plain;
}

export class Listeners {
    readonly #options: ListenersOptions;
    readonly #listeners = new Map<string, Listener>();
    #closed = false;

    constructor(options: ListenersOptions) {
        this.#options = options;
    }

    /**
     * Expects the connection of a socket bound to `local` (a port that is not 0) at a listener on `address`. Gives the
     * listener's endpoint, and how to expect it no more.
     */
    async expect(address: string, local: Endpoint, ticket: Ticket): Promise<{ at: Endpoint; withdraw: () => void }> {
        const listener = this.#listener(address);
        const at = await listener.ready;
        // A socket bound to no address in particular comes from the address that it goes to.
        const from = isUnspecified(local.address) ? address : canonical(local.address);
        const key = `${from}|${local.port}`;
        const list = listener.expected.get(key) ?? [];
        list.push(ticket);
        listener.expected.set(key, list);
        const withdraw = (): void => {
            const index = list.indexOf(ticket);
            if (index >= 0) {
                list.splice(index, 1);
            }
            if (list.length === 0 && listener.expected.get(key) === list) {
                listener.expected.delete(key);
            }
        };
        return { at, withdraw };
    }

    close(): void {
        this.#closed = true;
        for (const { server, waiting } of this.#listeners.values()) {
            server.close();
            for (const socket of waiting) {
                reset(socket);
            }
        }
        this.#listeners.clear();
    }

    #listener(address: string): Listener {
        const found = this.#listeners.get(address);
        if (found !== undefined) {
            return found;
        }
        const server = net.createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true });
        const expected: Expected = new Map();
        const waiting = new Set<net.Socket>();
        const ready = new Promise<Endpoint>((resolve, reject) => {
            server.once("error", reject);
            server.listen({ host: address, port: 0, exclusive: true, backlog: 511 }, () => {
                server.off("error", reject);
                server.on("error", () => undefined); // out of handles for a moment: that connection is lost, no other
                if (this.#closed) {
                    server.close();
                }
                resolve({ address, port: (server.address() as net.AddressInfo).port });
            });
        });
        const listener: Listener = { server, ready, expected, waiting };
        server.on("connection", (socket) => {
            waiting.add(socket);
            void this.#meet(socket, listener).finally(() => waiting.delete(socket));
        });
        this.#listeners.set(address, listener);
        ready.catch(() => {
            if (this.#listeners.get(address) === listener) {
                this.#listeners.delete(address);
            }
        });
        return listener;
    }

    async #meet(socket: net.Socket, { expected }: Listener): Promise<void> {
        // For good: between two readers nobody else would hear it, and it would end the process.
        socket.on("error", () => undefined);
        const { remoteAddress, remotePort, localAddress, localPort } = socket;
        if (
            remoteAddress === undefined ||
            remotePort === undefined ||
            localAddress === undefined ||
            localPort === undefined
        ) {
            reset(socket);
            return;
        }
        const from = { address: canonical(remoteAddress), port: remotePort };
        const list = expected.get(`${from.address}|${from.port}`) ?? [];
        const at = { address: canonical(localAddress), port: localPort };
        const ticket = list.length === 0 ? undefined : await this.#ticketOf(list, { local: from, remote: at });
        if (ticket === undefined || this.#closed || socket.destroyed) {
            if (!this.#closed && !socket.destroyed) {
                const who = list.length === 0 ? "that nobody announced" : "that another process announced";
                this.#options.onStranger(`a connection from ${from.address}:${from.port} ${who} was reset`);
            }
            reset(socket);
            return;
        }
        list.splice(list.indexOf(ticket), 1);
        ticket.accept(socket);
    }

    /** The ticket of the process that made the connection. */
    async #ticketOf(list: Ticket[], end: { local: Endpoint; remote: Endpoint }): Promise<Ticket | undefined> {
        const deadline = performance.now() + ownerPatience;
        for (let pause = firstPause; ; pause *= 2) {
            const owners = this.#options.ownersOf({ protocol: "tcp", ...end });
            const ticket = list.find(({ pid }) => owners.includes(pid));
            if (ticket !== undefined || performance.now() > deadline || this.#closed) {
                return ticket;
            }
            const left = Math.max(1, deadline - performance.now());
            await new Promise((resolve) => setTimeout(resolve, Math.min(pause, left)));
        }
    }
}
