// The main job, step by step, on real programs: put the provider in, see an unmodified program's Winsock calls, decide
// them by a policy and a hook, take the provider out, prove that the catalog is what it was; then a live connection handed
// from one process to another. Runs in Windows Node; scripts/demo.mjs sets up and starts it.
//
// Every step is checked; the exit code is 0 only if every check held.

import { ok } from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import {
    ProcessTree,
    backup as takeBackup,
    diff,
    formatCatalog,
    formatDiff,
    formatPlan,
    install,
    readBackup,
    readCatalog,
    uninstall,
    watch,
} from "winsock-spi";
import { showHandOver } from "./hand-over.mjs";
import { showPolicy } from "./policy.mjs";

const requests = 3;
const folder = path.dirname(fileURLToPath(import.meta.url));

function heading(number, title) {
    console.log(`\n=== ${number}. ${title}\n`);
}

function checked(condition, statement) {
    ok(condition, `NOT TRUE: ${statement}`);
    console.log(`  [ok] ${statement}`);
}

function count(catalog, bits, kind) {
    return catalog.protocols[bits].filter((entry) => entry.kind === kind).length;
}

function table(rows) {
    const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
    for (const row of rows) {
        console.log(
            `  ${row
                .map((cell, column) => cell.padEnd(widths[column]))
                .join("  ")
                .trimEnd()}`,
        );
    }
}

/** Runs server and client, both unmodified, and gives every record of their Winsock calls. */
async function watchServerAndClient() {
    const records = [];
    const watching = watch({ processes: new ProcessTree() });
    const collected = (async () => {
        for await (const record of watching) {
            records.push(record);
        }
    })();
    const server = spawn(process.execPath, [path.join(folder, "server.cjs")], { stdio: ["pipe", "pipe", "inherit"] });
    const [port] = await once(createInterface(server.stdout), "line");
    const client = spawn(process.execPath, [path.join(folder, "client.cjs"), port, String(requests)], {
        stdio: ["ignore", "pipe", "inherit"],
    });
    const [answers, [clientCode]] = await Promise.all([text(client.stdout), once(client, "exit")]);
    server.stdin.end();
    const [serverCode] = await once(server, "exit");
    watching.stop();
    await collected;
    return { records, answers, clientCode, serverCode, server: server.pid, client: client.pid };
}

function describe(record) {
    const size = record.bytes ?? record.requested;
    return [
        record.call,
        record.remote ?? record.local ?? "",
        size === undefined ? "" : `${size} bytes`,
        record.error ?? (record.pending ? "pending" : "done"),
        `${(record.durationNs / 1000).toFixed(0)} us`,
    ];
}

function showCalls(title, records, shown) {
    console.log(`  ${title}: ${records.length} calls; those of the first connection:`);
    table([["call", "address", "size", "result", "time"], ...shown.map(describe)].map((row) => ["   ", ...row]));
    console.log();
}

const moved = new Set([
    "WSPConnect",
    "ConnectEx",
    "WSPListen",
    "WSPAccept",
    "WSPSend",
    "WSPRecv",
    "WSPShutdown",
    "WSPCloseSocket",
]);

function firstConnection(records, opening) {
    const first = records.find((record) => opening.includes(record.call) && record.error === undefined);
    const calls = records
        .slice(records.indexOf(first))
        .filter((record) => record.socket === first.socket && moved.has(record.call));
    // A closed socket's number is soon given to another one.
    const closed = calls.findIndex((record) => record.call === "WSPCloseSocket");
    return calls.slice(0, closed + 1);
}

async function main() {
    console.log(
        "Windows programs reach the network through Winsock. Winsock has a catalog of providers: base providers, which",
    );
    console.log(
        "are the network, and layered ones, which programs pass through on their way. This puts one of ours in, looks at",
    );
    console.log("two programs through it, and takes it out again.");

    heading(1, "The catalog before");
    const before = await readCatalog();
    console.log(formatCatalog(before));
    checked(Object.keys(before.protocols).length > 0, "the catalog was read");

    if (process.env.WINSOCK_SPI_DEMO === "dry-run") {
        heading(2, "What an install would do (dry run: nothing is touched; set WINSOCK_SPI_LIVE=1 to do it)");
        console.log(formatPlan((await install({ dryRun: true })).plan));
        heading(3, "A live connection, handed from one process to another");
        await showHandOver(checked);
        return;
    }

    heading(2, "Install");
    const { backup } = await install({
        onStep: (index, total, step) => console.log(`  ${index + 1}/${total} ${step}`),
    });
    let installed = true;
    try {
        const during = await readCatalog();
        console.log(`\n  backup: ${backup}`);
        for (const bits of Object.keys(during.protocols)) {
            const added = count(during, bits, "layered") - count(before, bits, "layered");
            checked(added > 0, `the ${bits}-bit catalog has ${added} layered entries more`);
            checked(
                during.protocols[bits][0].kind === "layered",
                `and one of them comes first: "${during.protocols[bits][0].name}"`,
            );
        }

        heading(3, "An HTTP server and a client, both plain Node, through the provider");
        const run = await watchServerAndClient();
        const of = (pid) => run.records.filter((record) => record.pid === pid);
        const calls = (pid) => of(pid).filter((record) => record.call !== "start" && record.call !== "dropped");
        const number = (pid, ...names) =>
            calls(pid).filter((record) => names.includes(record.call) && record.error === undefined).length;
        const sent = (pid) =>
            calls(pid)
                .filter((record) => record.call === "WSPSend" && record.error === undefined)
                .reduce((sum, record) => sum + (record.bytes ?? record.requested), 0);
        const received = (pid) =>
            calls(pid)
                .filter(
                    (record) => record.call === "WSPRecv" && record.bytes !== undefined && record.peek === undefined,
                )
                .reduce((sum, record) => sum + record.bytes, 0);

        showCalls(
            `client.cjs, process ${run.client}`,
            calls(run.client),
            firstConnection(calls(run.client), ["ConnectEx", "WSPConnect"]),
        );
        showCalls(
            `server.cjs, process ${run.server}`,
            calls(run.server),
            firstConnection(calls(run.server), ["WSPAccept"]),
        );

        checked(run.clientCode === 0 && run.serverCode === 0, "both programs ended well");
        checked(
            run.answers.split("\n").filter((line) => line !== "").length === requests,
            `the client got its ${requests} answers`,
        );
        for (const [name, pid] of [
            ["client", run.client],
            ["server", run.server],
        ]) {
            checked(
                of(pid)[0]?.call === "start" && of(pid)[0].mode === "active",
                `the provider was active in the ${name}`,
            );
        }
        checked(!run.records.some((record) => record.call === "dropped"), "no record was lost");
        checked(number(run.client, "ConnectEx", "WSPConnect") === requests, `seen in the client: ${requests} connects`);
        checked(number(run.server, "WSPAccept") === requests, `seen in the server: ${requests} accepts`);
        checked(
            sent(run.client) === received(run.server) && sent(run.server) === received(run.client),
            `what one sent the other received: ${sent(run.client)} bytes there, ${sent(run.server)} back`,
        );

        heading(4, "A policy decides what an unmodified program's calls do");
        await showPolicy(checked);

        heading(5, "Uninstall");
        let steps = 0;
        await uninstall({ onStep: (_index, total) => (steps = total) });
        installed = false;
        console.log(
            `  ${steps} steps: entries removed from each catalog, files and folders deleted (backups are kept)`,
        );
        const gone = await readCatalog();
        for (const bits of Object.keys(gone.protocols)) {
            checked(
                gone.protocols[bits].length === before.protocols[bits].length,
                `the ${bits}-bit catalog has its ${before.protocols[bits].length} entries again`,
            );
        }
    } finally {
        if (installed) {
            await uninstall();
            console.log("  (taken out again after the failure)");
        }
    }

    heading(6, "The catalog after, compared with the backup");
    const after = await takeBackup();
    console.log(`  before: ${backup}\n  after:  ${after.file}`);
    const changes = diff(await readBackup(backup), after.backup);
    console.log(changes.same ? "" : formatDiff(changes));
    checked(changes.same, "identical: every entry, every registry value");

    heading(7, "A live connection, handed from one process to another");
    await showHandOver(checked);
    console.log("\nAll checks passed.");
}

main().catch((error) => {
    console.error(`\nThe demo failed: ${error.stack}`);
    process.exitCode = 1;
});
