// A watcher of everything: reads every record, and counts.
import { watchBatches } from "winsock-spi";

let watch;
let counting;

export function start() {
    watch = watchBatches();
    counting = count(watch);
}

async function count(batches) {
    let records = 0;
    let lost = 0;
    for await (const batch of batches) {
        records += batch.length;
        lost += batch.lost;
    }
    return { records, lost };
}

/** Reads what has been recorded until now, and ends. */
export function stop() {
    watch.stop();
    return counting;
}
