/**
 * Which process is at the other end of a stream, where the mechanism does not tell. What the other end says of itself is
 * a claim; it is proved by a secret put where only the claimed process can read it (native/spi/transports/proof.hpp).
 *
 * Both ends do both parts at once, in lines of JSON: `{pid}` (the claim), `{handle}` (where the secret lies), `{answer}`
 * (what only the secret makes), `{ok}`. The answer is over the address and both process ids too, so that somebody between
 * the two cannot pass on what one said to the other at another address.
 */
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import type { Duplex } from "node:stream";
import { WinsockError } from "../../errors.js";
import { native } from "../../native.js";
import type { ProofHandle } from "../../native/transports.js";
import type { TransportName } from "./channel.js";

export interface ProveOptions {
    readonly transport: TransportName;
    /** The listener's address, the same at both ends. */
    readonly address: string;
    readonly role: "client" | "server";
    readonly signal?: AbortSignal | undefined;
    /** Milliseconds for all of it. */
    readonly timeout: number;
    /** The process at the other end has ended; called once, after the proof. */
    readonly onExit: () => void;
}

/** A line is a small object of one member. */
const longestLine = 256;

const badPeer = (what: string): WinsockError =>
    new WinsockError(`The other end of the channel did not prove which process it is: ${what}.`, {
        code: "ERR_BAD_PEER",
    });

/** Reads lines from a stream that is not flowing, and nothing beyond them. */
class LineReader {
    #rest = Buffer.alloc(0);
    readonly #stream: Duplex;

    constructor(stream: Duplex) {
        this.#stream = stream;
    }

    /** The next line, or undefined if it is not there yet. */
    next(): string | undefined {
        for (;;) {
            const end = this.#rest.indexOf(0x0a);
            if (end > longestLine || (end < 0 && this.#rest.length > longestLine)) {
                throw badPeer("it sent something else");
            }
            if (end >= 0) {
                const line = this.#rest.toString("utf8", 0, end);
                this.#rest = this.#rest.subarray(end + 1);
                return line;
            }
            const more = this.#stream.read() as Buffer | null;
            if (more === null) {
                return undefined;
            }
            this.#rest = Buffer.concat([this.#rest, more]);
        }
    }

    /** Gives back what was read beyond the last line. */
    putBack(): void {
        if (this.#rest.length > 0) {
            this.#stream.unshift(this.#rest);
            this.#rest = Buffer.alloc(0);
        }
    }
}

/** A line as `[member, value]`; anything else is an error. */
export function parseProofLine(line: string): [name: string, value: unknown] {
    let parsed: unknown;
    try {
        parsed = JSON.parse(line);
    } catch {
        throw badPeer("it sent something else");
    }
    const entries = typeof parsed === "object" && parsed !== null ? Object.entries(parsed) : [];
    if (entries.length !== 1) {
        throw badPeer("it sent something else");
    }
    return entries[0]!;
}

const isNumber = (value: unknown): value is number =>
    typeof value === "number" && Number.isInteger(value) && value > 0 && value <= 0xffff_ffff;

/** What a proof has got to, and what to do with each line. */
class Proving {
    readonly #options: ProveOptions;
    readonly #send: (message: object) => void;
    readonly #secret = randomBytes(32);
    #hold: ProofHandle | undefined;
    #pid: number | undefined;
    #proved = false;
    #believed = false;
    #answered = false;

    constructor(options: ProveOptions, send: (message: object) => void) {
        this.#options = options;
        this.#send = send;
    }

    begin(): void {
        this.#send({ pid: process.pid });
    }

    get done(): { pid: number; hold: ProofHandle } | undefined {
        const complete = this.#proved && this.#believed && this.#answered;
        return complete && this.#pid !== undefined && this.#hold !== undefined
            ? { pid: this.#pid, hold: this.#hold }
            : undefined;
    }

    close(): void {
        this.#hold?.close();
    }

    take(line: string): void {
        const [name, value] = parseProofLine(line);
        if (name === "pid" && isNumber(value) && this.#pid === undefined) {
            this.#pid = value;
            this.#hold = openProof(value, this.#secret, this.#options.onExit);
            this.#send({ handle: this.#hold.handle });
        } else if (name === "handle" && isNumber(value) && this.#pid !== undefined && !this.#answered) {
            this.#answered = true;
            const secret = native().readSecret(value, this.#pid);
            const { role } = this.#options;
            this.#send({ answer: this.#answer(secret, role, process.pid, this.#pid).toString("hex") });
        } else if (name === "answer" && typeof value === "string" && this.#hold !== undefined && !this.#proved) {
            this.#hold.withdraw();
            const role = this.#options.role === "client" ? "server" : "client";
            const expected = this.#answer(this.#secret, role, this.#pid!, process.pid);
            const given = Buffer.from(value, "hex");
            if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
                throw badPeer(`it is not process ${this.#pid}, or it did not connect to ${this.#options.address}`);
            }
            this.#proved = true;
            this.#send({ ok: true });
        } else if (name === "ok" && value === true && !this.#believed) {
            this.#believed = true;
        } else {
            throw badPeer("it sent something else");
        }
    }

    #answer(secret: Uint8Array, role: string, prover: number, verifier: number): Buffer {
        const { transport, address } = this.#options;
        return createHmac("sha256", secret)
            .update(JSON.stringify([transport, address, role, prover, verifier]))
            .digest();
    }
}

function openProof(pid: number, secret: Uint8Array, onExit: () => void): ProofHandle {
    try {
        return native().openProof(pid, secret, onExit);
    } catch (error) {
        if (error instanceof WinsockError && error.code === "ERROR_INVALID_PARAMETER") {
            throw new WinsockError(`There is no process ${pid}, which the other end claims to be.`, {
                code: "ERR_PEER_GONE",
                errno: error.errno,
                syscall: error.syscall,
                cause: error,
            });
        }
        if (error instanceof WinsockError && error.code === "ERROR_ACCESS_DENIED") {
            throw new WinsockError(
                `This process may not open process ${pid} with PROCESS_DUP_HANDLE, so it cannot tell who is at the other ` +
                    "end. A named pipe needs no such right.",
                { code: "ERR_PEER_RIGHTS", errno: error.errno, syscall: error.syscall, cause: error },
            );
        }
        throw error;
    }
}

/**
 * Proves this process to the other end and has the other end prove itself; the stream then stands at what follows. If it
 * fails, the stream is destroyed. The process is held, so that its id means no other, until the stream closes.
 *
 * @throws WinsockError `ERR_BAD_PEER`, `ERR_PEER_GONE`, `ERR_PEER_RIGHTS`, `ERR_TIMEOUT`, `ERR_CHANNEL_CLOSED`; the
 * signal's reason
 */
export async function prove(stream: Duplex, options: ProveOptions): Promise<number> {
    const reader = new LineReader(stream);
    // Whoever gets the stream has written nothing yet: no write of ours may still fail then.
    let written = Promise.resolve();
    const proving = new Proving(options, (message) => {
        written = new Promise((resolve, reject) => {
            stream.write(`${JSON.stringify(message)}\n`, (error) => (error ? reject(error) : resolve()));
        });
        written.catch(() => undefined); // told by the last one, or by the stream
    });
    const { signal, timeout } = options;
    let timer: NodeJS.Timeout | undefined;
    const listeners: [string, (error?: unknown) => void][] = [];
    let onAbort = (): void => undefined;
    try {
        const { pid, hold } = await new Promise<{ pid: number; hold: ProofHandle }>((resolve, reject) => {
            const on = (event: string, listener: (error?: unknown) => void): void => {
                stream.on(event, listener);
                listeners.push([event, listener]);
            };
            let done = false; // nothing is left to be read; what was written may still be on its way
            const step = (): void => {
                try {
                    for (let line = done ? undefined : reader.next(); line !== undefined; line = reader.next()) {
                        proving.take(line);
                        const proved = proving.done;
                        if (proved !== undefined) {
                            done = true;
                            written.then(() => resolve(proved), reject);
                            return;
                        }
                    }
                } catch (error) {
                    reject(error);
                }
            };
            const closed = (): void => {
                if (!done) {
                    reject(
                        new WinsockError("The other end closed the channel at once.", { code: "ERR_CHANNEL_CLOSED" }),
                    );
                }
            };
            onAbort = () => reject(signal?.reason);
            timer = setTimeout(() => {
                reject(
                    new WinsockError(`The other end did not prove which process it is within ${timeout} ms.`, {
                        code: "ERR_TIMEOUT",
                    }),
                );
            }, timeout);
            signal?.throwIfAborted();
            signal?.addEventListener("abort", onAbort, { once: true });
            on("readable", step);
            on("end", closed);
            on("close", closed);
            on("error", reject);
            proving.begin();
            step();
        });
        stream.once("close", () => hold.close());
        return pid;
    } catch (error) {
        proving.close();
        stream.on("error", () => undefined);
        stream.destroy();
        throw error;
    } finally {
        clearTimeout(timer);
        signal?.removeEventListener("abort", onAbort);
        for (const [event, listener] of listeners) {
            stream.off(event, listener);
        }
        reader.putBack();
    }
}
