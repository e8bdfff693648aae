// How the ends measure: work for a given time, and how much of it was done per second.

/** Runs `work` (one piece) again and again in `lanes` at once, for that time. Gives pieces per second. */
export async function perSecond({ milliseconds, lanes = 1 }, work) {
    const begin = performance.now();
    let done = 0;
    const lane = async () => {
        while (performance.now() - begin < milliseconds) {
            await work();
            done += 1;
        }
    };
    await Promise.all(Array.from({ length: lanes }, lane));
    return (done * 1000) / (performance.now() - begin);
}
