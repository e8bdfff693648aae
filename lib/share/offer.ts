// `offerSocket` and `takeSocket`: a ticket, which can be passed on by any means, for one socket. Whoever holds it, and
// is who it must be, takes the socket, once. The source listens, the target connects.

import { randomBytes, timingSafeEqual } from "node:crypto";
import { WinsockError, refuseUnknownOptions } from "../errors.js";
import type { PeerCheck } from "./peer.js";
import { type ReceivedOptions, type ReceivedSocket, build } from "./received.js";
import { checkCommon } from "./receive.js";
import { checkSendOptions } from "./sender.js";
import type { Shareable } from "./socket-handle.js";
import type { SendOptions, SentSocket } from "./hand-over.js";
import { SourceLink } from "./source-link.js";
import { TargetLink } from "./target-link.js";
import type { Channel, ChannelListener, TransportName } from "./transports/channel.js";
import { transport as findTransport } from "./transports/index.js";
import { secretSize } from "./wire/messages.js";

/** What {@link offerSocket} may be told. */
export interface OfferOptions extends SendOptions {
    /** Default `pipe`. */
    transport?: TransportName | undefined;
    /** Who may take it. Default: processes of this user. */
    peer?: PeerCheck | undefined;
    /** Who may connect, as SDDL text, where the transport has a security descriptor. Default: this user alone. */
    sddl?: string | undefined;
    /** Hears of those who came without the right to. */
    onError?: ((error: unknown) => void) | undefined;
}

/** A socket that waits to be taken with a ticket. */
export interface SocketOffer extends AsyncDisposable {
    /** Text without spaces. It is a secret: whoever of the admitted processes has it gets the socket. */
    readonly ticket: string;
    /** Settles when the socket was taken, or the offer withdrawn: `ERR_WITHDRAWN`, the signal's reason. */
    readonly taken: Promise<SentSocket>;
    /** Withdraws the offer unless it was taken. May be called again. */
    close(): Promise<void>;
}

export interface TakeOptions extends ReceivedOptions {
    /** From whom it is taken. Default: processes of this user. */
    peer?: PeerCheck | undefined;
    signal?: AbortSignal | undefined;
    /** Milliseconds for all of it. Default 10,000. */
    timeout?: number | undefined;
}

const scheme = "winsock-spi-ticket";
/** Connections that an offer talks to at a time; the oldest goes for the next. */
const mostConnections = 16;

class Offer implements SocketOffer {
    readonly ticket: string;
    readonly taken: Promise<SentSocket>;
    readonly #socket: Shareable;
    readonly #options: OfferOptions;
    readonly #secret: Buffer;
    readonly #listener: ChannelListener;
    readonly #links = new Set<SourceLink>();
    #settled = false;
    #used = false;
    #resolve!: (sent: SentSocket) => void;
    #reject!: (error: unknown) => void;
    readonly #onAbort = (): void => this.#finish({ error: this.#options.signal?.reason });

    constructor(
        socket: Shareable,
        options: OfferOptions,
        transport: TransportName,
        listener: ChannelListener,
        secret: Buffer,
    ) {
        this.#socket = socket;
        this.#options = options;
        this.#listener = listener;
        this.#secret = secret;
        const address = Buffer.from(listener.address).toString("base64url");
        this.ticket = [scheme, transport, secret.toString("base64url"), address].join(":");
        this.taken = new Promise((resolve, reject) => {
            this.#resolve = resolve;
            this.#reject = reject;
        });
        this.taken.catch(() => undefined); // whoever does not ask is not told
        options.signal?.addEventListener("abort", this.#onAbort, { once: true });
        void this.#serve();
    }

    close(): Promise<void> {
        this.#finish({ error: new WinsockError("The offer was withdrawn.", { code: "ERR_WITHDRAWN" }) });
        return this.#listener.close();
    }

    [Symbol.asyncDispose](): Promise<void> {
        return this.close();
    }

    async #serve(): Promise<void> {
        try {
            for await (const channel of this.#listener) {
                try {
                    this.#connect(channel);
                } catch (error) {
                    this.#options.onError?.(error);
                }
            }
        } catch (error) {
            this.#finish({ error });
        }
    }

    #connect(channel: Channel): void {
        const { peer = {}, timeout = 10_000 } = this.#options;
        const link: SourceLink = new SourceLink(channel, {
            check: peer,
            timeout,
            onHello: ({ secret }) => {
                if (secret.length !== secretSize || !timingSafeEqual(secret, this.#secret) || this.#used) {
                    throw new WinsockError("The ticket is not valid, or was used before.", { code: "ERR_BAD_TICKET" });
                }
                void this.#give(link);
            },
        });
        this.#links.add(link);
        void link.closed.then(() => this.#links.delete(link));
        if (this.#links.size > mostConnections) {
            for (const oldest of this.#links) {
                if (oldest.inFlight === 0) {
                    oldest.destroy(new WinsockError("Too many connections.", { code: "ERR_TOO_MANY_CONNECTIONS" }));
                    break;
                }
            }
        }
    }

    async #give(link: SourceLink): Promise<void> {
        this.#used = true;
        const { mode, message, timeout, signal } = this.#options;
        try {
            this.#finish({ sent: await link.send(this.#socket, { mode, message, timeout, signal }) });
        } catch (error) {
            this.#finish({ error });
        }
        await link.close();
    }

    #finish(result: { sent: SentSocket } | { error: unknown }): void {
        if (this.#settled || ("error" in result && this.#used && this.#links.size > 0 && this.#isGiving())) {
            return;
        }
        this.#settled = true;
        this.#used = true;
        this.#options.signal?.removeEventListener("abort", this.#onAbort);
        if ("sent" in result) {
            this.#resolve(result.sent);
        } else {
            this.#reject(result.error);
        }
        void this.#listener.close();
        for (const link of this.#links) {
            if (link.inFlight === 0) {
                link.destroy();
            }
        }
    }

    /** The socket is on its way: how that ends decides. */
    #isGiving(): boolean {
        return [...this.#links].some((link) => link.inFlight > 0);
    }
}

/**
 * Offers a socket to whoever brings the ticket: give the ticket to the target by any means (an argument, an environment
 * variable, a message). The socket works on in this process until it is taken.
 *
 * @throws WinsockError as `sendSocket`, in `taken`; TypeError on misuse
 *
 * @example
 * const offer = await offerSocket(socket);
 * spawn("node", ["worker.js", offer.ticket]);
 * await offer.taken;
 */
export async function offerSocket(socket: Shareable, options: OfferOptions = {}): Promise<SocketOffer> {
    refuseUnknownOptions("offerSocket", options, [
        "mode",
        "message",
        "signal",
        "timeout",
        "transport",
        "peer",
        "sddl",
        "onError",
    ]);
    checkSendOptions("offerSocket", options);
    checkCommon("offerSocket", options);
    const { transport = "pipe", signal, sddl, onError } = options;
    signal?.throwIfAborted();
    const mechanism = await findTransport(transport);
    const secret = randomBytes(secretSize);
    const listener = await mechanism.listen(`offer-${randomBytes(8).toString("hex")}`, { sddl, onError });
    return new Offer(socket, options, transport, listener, secret);
}

interface Ticket {
    transport: TransportName;
    secret: Buffer;
    address: string;
}

/** @throws TypeError if it is no ticket. */
export function parseTicket(ticket: string): Ticket {
    const parts = typeof ticket === "string" && ticket.length <= 4096 ? ticket.split(":") : [];
    const [name, transport, secretText, addressText] = parts;
    const secret = Buffer.from(secretText ?? "", "base64url");
    const address = Buffer.from(addressText ?? "", "base64url").toString();
    if (parts.length !== 4 || name !== scheme || secret.length !== secretSize || address === "") {
        throw new TypeError("this is no ticket of offerSocket");
    }
    return { transport: transport as TransportName, secret, address };
}

/**
 * Takes the socket that a ticket of `offerSocket` is for.
 *
 * @throws WinsockError `ERR_NO_LISTENER` (the offer is over), `ERR_BAD_TICKET`, `ERR_PEER_REFUSED`, `ERR_TIMEOUT`,
 * `ERR_CHANNEL_CLOSED`; the signal's reason; TypeError if it is no ticket
 */
export async function takeSocket(ticket: string, options: TakeOptions = {}): Promise<ReceivedSocket> {
    refuseUnknownOptions("takeSocket", options, [
        "peer",
        "signal",
        "timeout",
        "raw",
        "allowHalfOpen",
        "pauseOnCreate",
        "emulate",
    ]);
    checkCommon("takeSocket", options);
    const { transport, secret, address } = parseTicket(ticket);
    const { peer = {}, signal, timeout = 10_000 } = options;
    const mechanism = await findTransport(transport);
    const channel = await mechanism.connect(address, { signal, timeout });
    return new Promise((resolve, reject) => {
        let failure: unknown;
        let timer: NodeJS.Timeout | undefined = undefined;
        const fail = (error: unknown): void => {
            failure ??= error;
            link.destroy(error);
        };
        const onAbort = (): void => fail(signal?.reason);
        const link: TargetLink = new TargetLink(channel, {
            check: peer,
            timeout,
            window: 1,
            secret,
            accepts: () => true,
            deliver: (arrival) => {
                clearTimeout(timer);
                signal?.removeEventListener("abort", onAbort);
                try {
                    resolve(build(arrival, options));
                } catch (error) {
                    failure = error;
                }
                void link.close();
            },
            onError: (error) => {
                failure ??= error;
            },
            onEnd: () => {
                clearTimeout(timer);
                signal?.removeEventListener("abort", onAbort);
                reject(
                    failure ??
                        new WinsockError("The offering process ended the connection.", {
                            code: "ERR_CHANNEL_CLOSED",
                        }),
                );
            },
        });
        timer = setTimeout(() => {
            fail(new WinsockError(`The socket did not come within ${timeout} ms.`, { code: "ERR_TIMEOUT" }));
        }, timeout);
        signal?.addEventListener("abort", onAbort, { once: true });
    });
}
