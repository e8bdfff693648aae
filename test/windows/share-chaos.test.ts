// Connections that change hands all the time, with traffic both ways, while the processes that own them are killed: on
// every connection whose owner lives, every byte arrives, once, in order.
import assert from "node:assert/strict";
import { once } from "node:events";
import * as net from "node:net";
import { randomUUID } from "node:crypto";
import { counts } from "../support/counts.js";
import { nodes } from "../support/windows.js";
import { type End, Ends } from "./share-support.js";

const owners = 5;
const connections = 40;
const inFlightBytes = 16 * 1024;

/** A small generator with a seed, so that a failing run can be had again. */
function random(seed: number): (below: number) => number {
    let state = seed >>> 0;
    return (below) => {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
        return Math.floor((state / 2 ** 32) * below);
    };
}

/** The byte that stands at a position of a connection's stream. */
const byteAt = (id: number, position: number): number => (Math.imul(position ^ (id << 7), 2654435761) >>> 23) & 0xff;

interface Place {
    readonly end: End;
    readonly at: string;
    /** How often it was given each connection. */
    readonly given: Map<number, number>;
    killed: boolean;
}

/** The far end of one connection: sends without end, and checks that exactly that comes back. */
class Far {
    owner: Place;
    /** Where it goes to, as long as it is on its way. */
    target: Place | undefined;
    sent = 0;
    echoed = 0;
    closed = false;
    #stopping = false;
    readonly #progress = new Set<() => void>();

    constructor(
        readonly id: number,
        readonly socket: net.Socket,
        owner: Place,
        readonly pick: (below: number) => number,
        readonly fail: (problem: string) => void,
    ) {
        this.owner = owner;
        socket.setNoDelay(true);
        socket.on("error", () => undefined);
        socket.on("close", () => {
            this.closed = true;
            if (!this.owner.killed && !(this.target?.killed ?? false)) {
                fail(`connection ${id} closed, and neither its owner ${owner.end.pid} nor its target was killed`);
            }
            this.#tell();
        });
        socket.on("data", (data) => {
            for (const byte of data) {
                if (byte !== byteAt(id, this.echoed)) {
                    fail(
                        `connection ${id}: byte ${this.echoed} of ${this.sent} is ${byte}, not ${byteAt(id, this.echoed)}`,
                    );
                    break;
                }
                ++this.echoed;
            }
            this.#tell();
            this.#send();
        });
        this.#send();
    }

    #send(): void {
        while (
            !this.#stopping &&
            !this.closed &&
            this.sent - this.echoed < inFlightBytes &&
            this.socket.writableLength < inFlightBytes
        ) {
            const size = 1 + this.pick(4096);
            const block = Buffer.alloc(size);
            for (let index = 0; index < size; ++index) {
                block[index] = byteAt(this.id, this.sent + index);
            }
            this.sent += size;
            this.socket.write(block);
        }
    }

    #tell(): void {
        for (const wake of this.#progress) {
            wake();
        }
        this.#progress.clear();
    }

    /** Sends nothing new, and resolves when all that was sent came back, or the connection has closed. */
    async finish(): Promise<void> {
        this.#stopping = true;
        while (!this.closed && this.echoed < this.sent) {
            await new Promise<void>((resolve) => this.#progress.add(resolve));
        }
    }

    /**
     * Resolves when the connection has closed, or bytes that are sent from now on came back. Where its owner was killed and
     * it does neither it is closed here: Wine at times keeps a killed process's socket open.
     */
    async settled(ownerIsGone: () => boolean): Promise<void> {
        const goal = this.sent + 1;
        const patience = setTimeout(() => ownerIsGone() && this.socket.destroy(), 5000);
        while (!this.closed && this.echoed < goal) {
            await new Promise<void>((resolve) => this.#progress.add(resolve));
        }
        clearTimeout(patience);
    }
}

describe("share chaos", function () {
    this.timeout(3_600_000);

    it(`${counts.handOvers} hand-overs under traffic, with ${counts.handOverKills} kills`, async () => {
        const seed = Date.now() % 1_000_000;
        console.log(`      seed ${seed}`);
        const pick = random(seed);
        const problems: string[] = [];
        const fail = (problem: string): void => void problems.push(problem);
        await using ends = await Ends.open("share-owner");

        const places: Place[] = [];
        const nodeNames = Object.keys(nodes);
        let started = 0;
        const startOwner = async (): Promise<Place> => {
            const end = await ends.start(nodes[nodeNames[started++ % nodeNames.length]!]!);
            const given = new Map<number, number>();
            end.onReceived = (received) => {
                const { id } = received as unknown as { id: number };
                given.set(id, (given.get(id) ?? 0) + 1);
            };
            const at = await end.do<string>("receive", { at: `share-chaos-${randomUUID()}` });
            return { end, at, given, killed: false };
        };
        const server = net.createServer().listen(0, "127.0.0.1");
        await using _closing = { [Symbol.asyncDispose]: () => Promise.resolve(void server.close()) };
        await once(server, "listening");
        const { port } = server.address() as net.AddressInfo;
        for (let index = 0; index < owners; ++index) {
            places.push(await startOwner());
        }
        const atStart = new Map<Place, number>();
        for (const place of places) {
            atStart.set(place, await place.end.do<number>("sockets"));
        }

        let nextId = 0;
        let opening = Promise.resolve<unknown>(undefined);
        const open = (): Promise<Far> => {
            const opened = opening.then(async () => {
                for (;;) {
                    const owner = places[pick(places.length)]!;
                    const id = nextId++;
                    const arrived = once(server, "connection") as Promise<[net.Socket]>;
                    await owner.end.do("connect", { id, port, host: "127.0.0.1" }).catch(() => undefined);
                    if (!owner.end.ended) {
                        return new Far(id, (await arrived)[0], owner, pick, fail);
                    }
                }
            });
            opening = opened;
            return opened;
        };

        let handOvers = 0;
        let handedOver = (): void => undefined;
        let kills = 0;
        let declined = 0;
        let lostWithOwner = 0;
        const walk = async (): Promise<Far> => {
            let far = await open();
            while ((handOvers < counts.handOvers || kills < counts.handOverKills) && problems.length === 0) {
                if (far.closed) {
                    ++lostWithOwner;
                    far = await open();
                }
                const from = far.owner;
                const others = places.filter((place) => place !== from && !place.killed);
                const to = others[pick(others.length)]!;
                far.target = to;
                const givenBefore = to.given.get(far.id) ?? 0;
                try {
                    await from.end.do("hand", { id: far.id, to: to.at });
                    far.owner = to;
                    ++handOvers;
                    handedOver();
                } catch (error) {
                    if (!from.killed && !to.killed) {
                        fail(`connection ${far.id} from ${from.end.pid} to ${to.end.pid}: ${String(error)}`);
                        break;
                    }
                    ++declined;
                    // One of the two was killed on the way: the connection is closed, or goes on with who lives.
                    const unconfirmed = (error as { code?: string }).code === "ERR_UNCONFIRMED";
                    await far.settled(() =>
                        from.killed
                            ? to.killed || (to.given.get(far.id) ?? 0) === givenBefore
                            : unconfirmed && to.killed,
                    );
                    far.owner = from.killed ? to : from;
                }
                far.target = undefined;
            }
            return far;
        };

        let done = false;
        const killing = (async () => {
            while (!done && kills < counts.handOverKills) {
                const goal = ((kills + 1) * counts.handOvers) / (counts.handOverKills + 1);
                while (!done && handOvers < goal) {
                    await new Promise<void>((resolve) => (handedOver = resolve));
                }
                if (done) {
                    break;
                }
                const index = pick(places.length);
                const victim = places[index]!;
                const replacement = await startOwner();
                atStart.set(replacement, await replacement.end.do<number>("sockets"));
                places[index] = replacement;
                victim.killed = true;
                const gone = once(victim.end.child!, "exit");
                victim.end.child!.kill();
                await gone;
                ++kills;
            }
        })();

        const fars = await Promise.all(Array.from({ length: connections }, walk));
        done = true;
        handedOver();
        await killing;
        assert.deepEqual(problems, []);
        fars.filter(({ owner }) => owner.killed).forEach(({ socket }) => socket.destroy());
        await Promise.all(fars.map((far) => far.finish()));
        assert.deepEqual(problems, []);
        const moved = fars.reduce((sum, far) => sum + far.echoed, 0);
        console.log(
            `      ${handOvers} hand-overs, ${kills} kills, ${declined} hand-overs met a kill, ` +
                `${lostWithOwner} connections ended with their owner; ${(moved / 2 ** 20).toFixed(0)} MB echoed on the last ${connections}`,
        );

        for (const place of places) {
            place.killed = true; // from here on closing is what we ask for
            await place.end.do("closeAll");
        }
        let left = 0;
        for (const place of places) {
            const { sockets, lost } = await place.end.do<{ sockets: number; lost: number }>("counts");
            assert.equal(lost, 0, "no export was lost to a time-out");
            left += sockets - atStart.get(place)!;
        }
        console.log(`      ${left} sockets more than at the start, in ${places.length} processes`);
        // A source that is killed inside WSADuplicateSocketW has put a handle into its target that nobody knows: one at most.
        assert.ok(left >= 0 && left <= kills, `${left} sockets are left over`);
    });
});
