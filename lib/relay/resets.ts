/** Ending a connection hard, and carrying a hard end over. */
import type { Duplex } from "node:stream";

/** A socket, or a stream around one. */
export interface Resettable extends Duplex {
    resetAndDestroy(): unknown;
}

const quiet = (): void => undefined;

/** The other end of `stream` gets a reset. What is lost to errors on the way is nobody's any more. */
export function reset(stream: Resettable): void {
    stream.on("error", quiet);
    if (stream.destroyed) {
        return;
    }
    if (stream.writableEnded) {
        // Its end is on its way already: libuv refuses to reset a socket that is shutting down.
        stream.destroy();
    } else {
        stream.resetAndDestroy();
    }
}

/** What `source` brings goes to `sink`, no faster than that takes it; its end as an end. */
export function carry(source: Resettable, sink: Resettable): void {
    source.on("data", (bytes: Buffer) => {
        if (!sink.write(bytes)) {
            source.pause();
        }
    });
    sink.on("drain", () => source.resume());
    if (source.readableEnded) {
        sink.end();
    } else {
        source.on("end", () => sink.end());
    }
    source.resume(); // an accepted connection is paused until now
}

/** Whichever of the two is reset or breaks, the other one is reset. */
export function tie(first: Resettable, second: Resettable): void {
    for (const [one, other] of [
        [first, second],
        [second, first],
    ] as const) {
        one.on("error", () => reset(other));
        one.on("close", () => {
            if (!one.readableEnded || !one.writableFinished) {
                reset(other);
            }
        });
    }
}
