// What a policy costs the programs that it is in force for: connects with a policy of 1,000 rules beside connects
// without one, the round trip of an ask, and what a watcher gets meanwhile.
import { fork } from "node:child_process";
import { once } from "node:events";
import net from "node:net";
import { fileURLToPath } from "node:url";
import { applyPolicy, clearPolicy, parsePolicy, startController, watchBatches } from "winsock-spi";
import { compare, formatRatio, leastPairs, median, printTable } from "./measure.mjs";
import { longPolicy } from "./other-rules.mjs";

export const title = "connects with a policy beside connects without";
export const inside = "provider";

async function run(child, port, count) {
    const done = once(child, "message");
    child.send({ port, count });
    const [result] = await done;
    return result;
}

/** Records per second that a watcher gets while `work` runs. */
async function recordsDuring(work) {
    const batches = watchBatches();
    let records = 0;
    const counted = (async () => {
        for await (const batch of batches) {
            records += batch.length;
        }
    })();
    const { seconds } = await work();
    batches.stop();
    await counted;
    return records / seconds;
}

export async function measure({ quick }) {
    const count = quick ? 10 : 200;
    const server = net.createServer((connection) => connection.on("error", () => undefined).resume());
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address();
    const child = fork(fileURLToPath(new URL("ends/connector.mjs", import.meta.url)));
    await once(child, "message");
    let controller;
    try {
        const { ours, theirs, ratio, noise } = await compare(
            async () => {
                await applyPolicy(parsePolicy(longPolicy()));
                return run(child, port, count);
            },
            async () => {
                await clearPolicy();
                return run(child, port, count);
            },
            { pairs: quick ? 1 : leastPairs },
        );
        const each = (runs) => (median(runs.flatMap((one) => one.each)) * 1e6).toFixed(0);
        printTable([
            ["connects", "with 1,000 rules, us", "without, us", "ratio (spread)", "A/A (spread)"],
            [String(count), each(ours), each(theirs), formatRatio(ratio), formatRatio(noise)],
        ]);
        controller = await startController({ onAsk: () => ({ action: "allow" }) });
        await applyPolicy(
            parsePolicy(
                longPolicy(`  - name: ask
    match: { call: connect, to: '127.0.0.1:${port}' }
    then: { ask: true, timeout: 10s, otherwise: deny }`),
            ),
        );
        const asked = await run(child, port, count);
        const perSecond = await recordsDuring(() => run(child, port, count));
        const askMicroseconds = (median(asked.each) - median(theirs.flatMap((one) => one.each))) * 1e6;
        console.log();
        printTable([
            ["ask, round trip (median), us", "records per second to a watcher meanwhile"],
            [askMicroseconds.toFixed(0), perSecond.toFixed(0)],
        ]);
        return { ratio, noise, askMicroseconds, recordsPerSecond: perSecond };
    } finally {
        await clearPolicy();
        await controller?.close();
        child.disconnect();
        server.close();
    }
}
