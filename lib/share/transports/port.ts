// A port of the addon (lib/native/transports.ts) as the chunk transports use it.

import { native } from "../../native.js";
import { toWinsockError } from "../../errors.js";
import type { Link, LinkEvents, PortKind } from "../../native/transports.js";

export interface PortHandlers {
    message(bytes: Buffer): void;
    /** After all messages that came at once. */
    settled(): void;
    /** A message to that port did not arrive: nobody has the name any more, or there was no room, or worse. */
    failed(target: string, reason: "gone" | "busy" | "error", error: unknown): void;
    /** The port itself does not work any more. */
    broken(error: unknown): void;
}

/** How long what is on its way may take when a port is closed, in milliseconds. */
const farewell = 500;

export class Port {
    readonly #link: Link;
    readonly #handlers: PortHandlers;
    #unsent = 0;
    #closing = false;
    #timer: NodeJS.Timeout | undefined;

    /** Resolves when others can send to it. */
    static open(kind: PortKind, name: string, sddl: string, handlers: PortHandlers): Promise<Port> {
        return new Promise((resolve, reject) => {
            const port = new Port(kind, name, sddl, handlers, (error) => {
                if (error === undefined) {
                    resolve(port);
                } else {
                    reject(error);
                }
            });
        });
    }

    private constructor(
        kind: PortKind,
        name: string,
        sddl: string,
        handlers: PortHandlers,
        opened: (error?: unknown) => void,
    ) {
        this.#handlers = handlers;
        let told = false;
        this.#link = native().openPort(kind, name, sddl, (events) => {
            if (!told && (events.ready || events.ended)) {
                told = true;
                opened(events.ready ? undefined : toWinsockError(events.error));
            }
            this.#take(events);
        });
    }

    send(target: string, bytes: Buffer): void {
        if (!this.#closing) {
            this.#unsent += 1;
            this.#link.send(target, bytes);
        }
    }

    forget(target: string): void {
        if (!this.#closing) {
            this.#link.forget(target);
        }
    }

    ref(): void {
        this.#link.ref();
    }

    unref(): void {
        this.#link.unref();
    }

    /** Closes it when what was sent has gone out. */
    close(): void {
        if (this.#closing) {
            return;
        }
        this.#closing = true;
        if (this.#unsent === 0) {
            this.#link.close();
            return;
        }
        this.#link.pause();
        this.#timer = setTimeout(() => this.#link.close(), farewell);
    }

    #take(events: LinkEvents): void {
        this.#unsent -= events.sent;
        if (this.#closing) {
            if (this.#unsent === 0) {
                clearTimeout(this.#timer);
                this.#link.close();
            }
            return;
        }
        for (const bytes of events.messages) {
            this.#handlers.message(bytes);
        }
        for (const { target, error } of events.failures) {
            const reason =
                error.code === "ERROR_FILE_NOT_FOUND" ? "gone" : error.code === "ERROR_BUSY" ? "busy" : "error";
            this.#handlers.failed(target, reason, toWinsockError(error));
        }
        this.#handlers.settled();
        if (events.ended) {
            this.#handlers.broken(toWinsockError(events.error));
        }
    }
}
