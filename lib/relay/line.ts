/**
 * One direction of a bad line: what goes in comes out later, in the order in which it went in, and no faster than the
 * rate. Times are those of a link with a queue: an item leaves when the link is free, takes its size over the rate, and
 * then travels for the delay.
 */

export interface Impairment {
    /** Milliseconds. */
    readonly delay: number;
    /** Up to so many milliseconds more or less, evenly. */
    readonly jitter: number;
    /** Bytes per second; undefined: no limit. */
    readonly rate: number | undefined;
}

export interface LineOptions<Item> extends Impairment {
    /** Items may overtake each other, as datagrams do where the jitter says so. */
    readonly overtaking?: boolean;
    readonly random: () => number;
    /** False: nothing more for now; `resume()` goes on. */
    readonly deliver: (item: Item) => boolean;
}

interface Queued<Item> {
    readonly item: Item;
    readonly size: number;
    readonly due: number;
}

export class Line<Item> {
    readonly #options: LineOptions<Item>;
    readonly #queue: Queued<Item>[] = [];
    /** When the link is free again. */
    #free = 0;
    #lastDue = 0;
    #timer: NodeJS.Timeout | undefined;
    #held = false;
    #closed = false;
    #bytes = 0;

    constructor(options: LineOptions<Item>) {
        this.#options = options;
    }

    /** Bytes on the line. */
    get bytes(): number {
        return this.#bytes;
    }

    /** How many bytes the line may hold before who feeds it should wait: a quarter of a second's worth, or 4 MiB. */
    get room(): number {
        const { rate } = this.#options;
        return rate === undefined ? 4 * 1024 * 1024 : Math.min(Math.max(rate / 4, 16 * 1024), 4 * 1024 * 1024);
    }

    /** The largest piece that keeps the rate even: 20 ms of it. */
    get piece(): number {
        const { rate } = this.#options;
        return rate === undefined ? Number.POSITIVE_INFINITY : Math.max(1, Math.ceil(rate / 50));
    }

    push(item: Item, size: number): void {
        if (this.#closed) {
            return;
        }
        const { delay, jitter, rate, random, overtaking } = this.#options;
        const now = performance.now();
        this.#free = Math.max(this.#free, now) + (rate === undefined ? 0 : (size / rate) * 1000);
        const travel = Math.max(0, delay + (jitter === 0 ? 0 : (random() * 2 - 1) * jitter));
        let due = this.#free + travel;
        if (overtaking !== true) {
            due = Math.max(due, this.#lastDue);
        }
        this.#lastDue = due;
        this.#bytes += size;
        let place = this.#queue.length;
        while (place > 0 && this.#queue[place - 1]!.due > due) {
            place -= 1;
        }
        this.#queue.splice(place, 0, { item, size, due });
        if (place === 0) {
            this.#run();
        }
    }

    resume(): void {
        if (this.#held) {
            this.#held = false;
            this.#run();
        }
    }

    close(): void {
        this.#closed = true;
        this.#queue.length = 0;
        this.#bytes = 0;
        clearTimeout(this.#timer);
    }

    #run(): void {
        clearTimeout(this.#timer);
        this.#timer = undefined;
        while (!this.#held && !this.#closed) {
            const first = this.#queue[0];
            if (first === undefined) {
                return;
            }
            const wait = first.due - performance.now();
            if (wait > 0) {
                // Never early: the delay that a rule says is the least.
                this.#timer = setTimeout(() => this.#run(), Math.ceil(wait));
                return;
            }
            this.#queue.shift();
            this.#bytes -= first.size;
            this.#held = !this.#options.deliver(first.item);
        }
    }
}
