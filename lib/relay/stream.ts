/**
 * One relayed connection: from the ticket (the way to the destination is open, or as far as it can be) over the
 * program's own connection to the end of both.
 */
import type * as net from "node:net";
import type { Endpoint, RelayAction } from "../policy/model.js";
import type { HeldCall } from "../policy/controller-model.js";
import type { StreamCapture } from "../hooks/capture.js";
import type { RelayContext } from "./context.js";
import { readName } from "./first-bytes.js";
import { Link } from "./link.js";
import type { Impairment } from "./line.js";
import type { Outcome, Renaming } from "./redecide.js";
import { carry, reset, type Resettable, tie } from "./resets.js";
import { openWay, type Way } from "./way.js";

/** A stream given to `onStream`. */
export interface RelayedCall extends HeldCall {
    /** The host name that the program gave away with its first bytes, if the relay had to look. */
    readonly host?: string;
}

export function impairmentOf({ delay = 0, jitter = 0, rate }: RelayAction): Impairment | undefined {
    return delay === 0 && jitter === 0 && rate === undefined ? undefined : { delay, jitter, rate };
}

/** Bytes and milliseconds within which a stream that is to be reset is reset: log-evenly, and evenly. */
const resetBytes = 64 * 1024;
const resetTime = 1000;

export interface StreamOptions {
    readonly call: HeldCall;
    readonly action: RelayAction;
    readonly remote: Endpoint;
    /** Asked again once the name is known; undefined: no name can change anything. */
    readonly renaming: Renaming | undefined;
    readonly context: RelayContext;
    /** Ends everything. */
    readonly signal: AbortSignal;
    readonly onEnd: () => void;
}

export class RelayedStream {
    readonly #options: StreamOptions;
    readonly #way: Way;
    #server: net.Socket | undefined;
    #ends: Resettable[] = [];
    #resetTimer: NodeJS.Timeout | undefined;
    #over = false;

    private constructor(options: StreamOptions, way: Way, server: net.Socket | undefined) {
        this.#options = options;
        this.#way = way;
        this.#server = server;
    }

    /** Opens the way: to the destination itself, or to the last proxy where the name comes first. */
    static async open(options: StreamOptions, signal: AbortSignal): Promise<RelayedStream> {
        const { action, remote, renaming, context } = options;
        const way = await openWay({ proxies: action.proxy ?? [], signal, timeout: context.dialTimeout });
        const target = { host: remote.address, port: remote.port };
        const server = renaming === undefined ? await way.connect(target) : undefined;
        return new RelayedStream(options, way, server);
    }

    /** The program's connection, unread. */
    accept(client: net.Socket): void {
        this.#ends = [client];
        this.#run(client).catch((error: unknown) => {
            this.#options.context.notice("ERR_RELAY_STREAM", this.#options.call, error);
            this.close();
        });
    }

    /** Resets what is left of it. */
    close(): void {
        clearTimeout(this.#resetTimer);
        for (const end of this.#ends.splice(0)) {
            reset(end);
        }
        if (this.#server !== undefined) {
            reset(this.#server);
        }
        this.#way.close();
        this.#end();
    }

    #end(): void {
        if (!this.#over) {
            this.#over = true;
            this.#options.onEnd();
        }
    }

    async #run(client: net.Socket): Promise<void> {
        const { renaming, context, remote, call } = this.#options;
        if (renaming === undefined) {
            this.#join(client, { server: this.#server!, action: this.#options.action });
            return;
        }
        const first = await readName(client, context.patience);
        if (first.kind === "silent") {
            const server = await this.#dial(this.#way, { host: remote.address, port: remote.port });
            this.#join(client, {
                server,
                action: this.#options.action,
                gate: (name) => name === undefined || this.#passes(renaming.decide(name)),
            });
            return;
        }
        const name = first.kind === "name" ? first.name : undefined;
        const outcome: Outcome =
            name === undefined ? { kind: "relay", action: this.#options.action } : renaming.decide(name);
        if (outcome.kind === "deny") {
            this.close();
            return;
        }
        const server = await this.#connectAs(outcome, name);
        const action = outcome.kind === "relay" ? outcome.action : ({ kind: "relay", otherwise: allow } as const);
        this.#join(client, {
            server,
            action,
            call: name === undefined ? call : { ...call, host: name },
            ...(first.kind === "nameless" && { first: first.all }),
        });
    }

    /** Where a name came too late to go another way: only what this way does already may go on. */
    #passes(outcome: Outcome): boolean {
        return outcome.kind === "direct" || (outcome.kind === "relay" && outcome.action === this.#options.action);
    }

    async #connectAs(outcome: Exclude<Outcome, { kind: "deny" }>, name: string | undefined): Promise<net.Socket> {
        const { remote, context, signal } = this.#options;
        const port = remote.port;
        if (outcome.kind === "relay" && outcome.action === this.#options.action) {
            const proxied = (outcome.action.proxy ?? []).length > 0;
            return this.#dial(this.#way, { host: proxied && name !== undefined ? name : remote.address, port });
        }
        this.#way.close();
        const proxies = outcome.kind === "relay" ? (outcome.action.proxy ?? []) : [];
        const way = await openWay({ proxies, signal, timeout: context.dialTimeout });
        const host = proxies.length > 0 && name !== undefined ? name : remote.address;
        const to = outcome.kind === "redirect" ? outcome.to : { address: host, port };
        try {
            return await this.#dial(way, { host: to.address, port: to.port === 0 ? port : to.port });
        } catch (error) {
            way.close();
            throw error;
        }
    }

    async #dial(way: Way, target: { host: string; port: number }): Promise<net.Socket> {
        const server = await way.connect(target);
        this.#server = server;
        if (this.#over) {
            reset(server);
            throw new Error("the relay was closed");
        }
        return server;
    }

    #join(
        client: net.Socket,
        given: {
            server: net.Socket;
            action: RelayAction;
            call?: RelayedCall;
            gate?: (name: string | undefined) => boolean;
            first?: Buffer | undefined;
        },
    ): void {
        const { context } = this.#options;
        const { server, action, gate, first, call = this.#options.call } = given;
        if (client.destroyed || server.destroyed) {
            this.close();
            return;
        }
        const impairment = impairmentOf(action);
        const capture = action.capture === true ? context.capture?.stream(call, client) : undefined;
        const doomed = (action.reset ?? 0) > 0 && context.random() < action.reset!;
        let near: Resettable = client;
        const rewritten = action.rewrite === true && context.onStream !== undefined;
        if (gate !== undefined || first !== undefined || capture !== undefined || doomed || rewritten) {
            const count = doomed ? this.#doom() : undefined;
            near = new Link(client, { random: context.random, gate, first, ...tapping(capture, count) });
        }
        const far: Resettable =
            impairment === undefined && !rewritten ? server : new Link(server, { impairment, random: context.random });
        this.#ends = [near, far];
        let open = 2;
        for (const end of this.#ends) {
            end.on("close", () => {
                open -= 1;
                if (open === 0) {
                    clearTimeout(this.#resetTimer);
                    this.#end();
                }
            });
        }
        if (rewritten) {
            this.#rewrite(context.onStream, { call, client: near, server: far });
        } else {
            tie(near, far);
            carry(near, far);
            carry(far, near);
        }
    }

    /** Counts what passes, and resets both ends at a moment of chance. */
    #doom(): (bytes: Buffer) => void {
        const { random } = this.#options.context;
        let left = Math.floor(resetBytes ** random());
        this.#resetTimer = setTimeout(() => this.close(), random() * resetTime);
        return (bytes) => {
            left -= bytes.length;
            if (left <= 0) {
                clearTimeout(this.#resetTimer);
                setImmediate(() => this.close());
            }
        };
    }

    #rewrite(
        onStream: NonNullable<RelayContext["onStream"]>,
        { call, client, server }: { call: RelayedCall; client: Resettable; server: Resettable },
    ): void {
        const ends = [
            [client, server],
            [server, client],
        ] as const;
        for (const [one, other] of ends) {
            one.on("error", () => reset(other));
            // Who leads one direction through a transform and leaves the other alone means: as it is.
            one.once("pipe", () =>
                setImmediate(() => {
                    if (one.readableFlowing === null && one.listenerCount("readable") === 0) {
                        carry(one, other);
                    }
                }),
            );
        }
        const failed = (error: unknown): void => {
            this.#options.context.notice("ERR_HOOK_FAILED", this.#options.call, error);
            this.close();
        };
        try {
            const done = onStream({ call, client, server });
            if (done !== undefined) {
                Promise.resolve(done).catch(failed);
            }
        } catch (error) {
            failed(error);
        }
    }
}

const allow = { kind: "allow" } as const;

function tapping(
    capture: StreamCapture | undefined,
    count: ((bytes: Buffer) => void) | undefined,
): Partial<ConstructorParameters<typeof Link>[1]> {
    if (capture === undefined && count === undefined) {
        return {};
    }
    return {
        onRead: (bytes) => {
            capture?.up(bytes);
            count?.(bytes);
        },
        onWrite: (bytes) => {
            capture?.down(bytes);
            count?.(bytes);
        },
        onEnd: (how) => capture?.end(how),
    };
}
