// One process at the controller's pipe: its requests in, their answers out. Bounded in everything that it may make us
// keep; a process that does not speak the protocol is hung up on, which gives its held calls their `otherwise`.

import type { Duplex } from "node:stream";
import type { AnswerDesk, ClientProcess } from "./answers.js";
import { type ControllerRequest, RequestReader, encodeAnswer } from "./controller-messages.js";

/** Calls that one process may have held at a time. */
const mostHeld = 8192;

export class ControllerConnection {
    readonly #stream: Duplex;
    readonly #client: ClientProcess;
    readonly #desk: AnswerDesk;
    readonly #reader = new RequestReader();
    readonly #held = new Map<bigint, AbortController>();

    /** `onClose` is called once. */
    constructor(stream: Duplex, client: ClientProcess, desk: AnswerDesk, onClose: () => void) {
        this.#stream = stream;
        this.#client = client;
        this.#desk = desk;
        stream.allowHalfOpen = true; // its end destroys it: to shut a pipe down first is to wait for who reads it
        stream.on("error", () => undefined); // the process has ended, or was hung up on
        stream.on("close", () => {
            for (const call of this.#held.values()) {
                call.abort(new Error("the process has closed its connection"));
            }
            this.#held.clear();
            onClose();
        });
        stream.on("end", () => this.close());
        stream.on("data", (chunk: Uint8Array) => this.#take(chunk));
    }

    get held(): number {
        return this.#held.size;
    }

    close(): void {
        this.#stream.destroy();
    }

    #take(chunk: Uint8Array): void {
        const requests = this.#reader.read(chunk);
        if (requests === undefined) {
            this.close();
            return;
        }
        for (const request of requests) {
            if (this.#stream.destroyed) {
                return;
            }
            if (request.kind === "withdrawn") {
                this.#held.get(request.id)?.abort(new Error("the call is over"));
            } else if (this.#held.has(request.id) || this.#held.size >= mostHeld) {
                this.close();
            } else {
                void this.#answer(request);
            }
        }
    }

    async #answer(request: ControllerRequest): Promise<void> {
        const call = new AbortController();
        this.#held.set(request.id, call);
        const timer = setTimeout(() => call.abort(new Error("the time is over")), request.timeout);
        const answer = await this.#desk.answer(this.#client, request, call.signal);
        clearTimeout(timer);
        if (this.#held.get(request.id) !== call) {
            return; // hung up
        }
        this.#held.delete(request.id);
        if (answer === undefined) {
            this.close();
            return;
        }
        if (!this.#stream.write(encodeAnswer(request, answer)) && !this.#stream.isPaused()) {
            this.#stream.pause(); // who does not read answers may not ask more
            this.#stream.once("drain", () => this.#stream.resume());
        }
    }
}
