// winsock-spi watch: the Winsock calls of programs as they happen; of all programs, or of one that it starts.

import { once } from "node:events";
import { win32 as path } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Command } from "commander";
import { readCatalog } from "../catalog/read.js";
import { WinsockError } from "../errors.js";
import type { RecordBatch } from "../hooks/decode.js";
import { ProcessTree, type TreeMember } from "../hooks/process-tree.js";
import { type RecordFilter, WantedRecords } from "../hooks/record-filter.js";
import type { WatchNotice } from "../hooks/session.js";
import { type Watch, toRecords, watchBatches } from "../hooks/watch.js";
import { ourEntries } from "../provider/identity.js";
import { replacedEntries } from "../provider/replaced.js";
import { exitCodes, type Output, run } from "./frame.js";
import { showLiveTable } from "./live-table.js";
import { startProgram } from "./start-program.js";
import { captureTo } from "./watch-capture.js";
import { tableHead, toJson, toLine } from "./watch-lines.js";

/**
 * After PROGRAM has ended: how long what it started may take to end too, in milliseconds. What lives longer is named,
 * and its later calls are not shown.
 */
const descendantsPatience = 2000;
const descendantsInterval = 20;

async function requireInstalled(): Promise<void> {
    const { protocols } = await readCatalog();
    if (
        !Object.values(protocols).some(
            (entries) => ourEntries(entries).length > 0 || replacedEntries(entries).length > 0,
        )
    ) {
        throw new WinsockError(
            "There is nothing to watch: the provider is not in the Winsock catalog. Run `winsock-spi install` first.",
            { code: "ERR_NOT_INSTALLED" },
        );
    }
}

/** A table that stands still where there is a terminal; else lines, or JSON. */
function show(batches: Watch<RecordBatch>, output: Output, lines: boolean): Promise<void> {
    const { stdin: input, stdout } = process;
    return !output.json && !lines && input.isTTY && stdout.isTTY
        ? showLiveTable(batches, { input, output: stdout })
        : print(batches, output.json);
}

/** Writes what the watch brings until it ends by itself; a reader that went away ends it. */
async function print(batches: Watch<RecordBatch>, json: boolean): Promise<void> {
    const stream = process.stdout;
    let broken = false;
    stream.on("error", () => {
        broken = true;
        void batches.close();
    });
    if (!json) {
        stream.write(`${tableHead}\n`);
    }
    const format = json ? toJson : toLine;
    for await (const batch of batches) {
        const lines = Array.from(toRecords(batch), (record) => `${format(record)}\n`);
        if (!stream.write(lines.join("")) && !broken) {
            // The watch goes on recording meanwhile; what a slow reader misses is counted as dropped.
            await Promise.race([once(stream, "drain"), once(stream, "close")]).catch(() => undefined);
        }
    }
}

/** The console's own helper process outlives what it serves; it is nobody's descendant worth waiting for. */
function isConsoleHost({ program }: TreeMember): boolean {
    return program !== undefined && path.basename(program).toLowerCase() === "conhost.exe";
}

/** Waits for the descendants, and returns those that will not end. */
async function descendantsEnd(tree: ProcessTree): Promise<TreeMember[]> {
    const deadline = performance.now() + descendantsPatience;
    for (;;) {
        const members = tree.members().filter((member) => !isConsoleHost(member));
        if (members.length === 0 || performance.now() > deadline) {
            return members;
        }
        await delay(descendantsInterval);
    }
}

function toNote(output: Output): (notice: WatchNotice) => void {
    return ({ message }) => output.note(`watch: ${message}`);
}

async function watchProgram(
    output: Output,
    program: string,
    args: readonly string[],
    filter: RecordFilter,
): Promise<number> {
    const tree = new ProcessTree();
    await using batches = watchBatches({ ...filter, processes: tree, onNotice: toNote(output) });
    // Ctrl-C reaches PROGRAM by itself, through the console; the watch ends when PROGRAM has.
    const ignore = (): void => undefined;
    process.on("SIGINT", ignore);
    process.on("SIGBREAK", ignore);
    // Its output goes to stderr, so that stdout holds records alone.
    const { exited } = startProgram(program, args);
    const printed = print(batches, output.json);
    const code = await exited;
    for (const { pid, program: path } of await descendantsEnd(tree)) {
        output.note(`watch: process ${pid} (${path ?? "unknown"}) lives on; its calls from now on are not shown`);
    }
    batches.stop();
    await printed;
    process.off("SIGINT", ignore);
    process.off("SIGBREAK", ignore);
    return code;
}

async function watchEverything(output: Output, { lines, ...filter }: Wanted): Promise<number> {
    await using batches = watchBatches({ ...filter, onNotice: toNote(output) });
    for (const signal of ["SIGINT", "SIGBREAK", "SIGHUP"] as const) {
        process.once(signal, () => batches.stop());
    }
    await show(batches, output, lines);
    return exitCodes.done;
}

/** What is to be shown, and whether as lines. */
interface Wanted extends RecordFilter {
    readonly lines: boolean;
}

interface WatchFlags {
    readonly json?: boolean;
    readonly lines?: boolean;
    readonly pcapng?: string;
    readonly call?: string[];
    readonly program?: string[];
}

function append(value: string, before: string[] | undefined): string[] {
    return [...(before ?? []), ...value.split(",").map((each) => each.trim())];
}

const help = `
Without PROGRAM: the calls of every program that this user may see, until Ctrl-C. On a terminal they are a
table, a line for each program, call, remote end and verdict: keys sort it (l p c b t v), space halts it, / filters it.
With PROGRAM: from before its first instruction. Its output goes to stderr, so that stdout holds records only. When it
has ended, what it started has ${descendantsPatience / 1000} seconds to end too; what lives longer is named.`;

export function addWatchCommand(program: Command): void {
    program
        .command("watch")
        .description("show Winsock calls as they happen, of every program or of one that is started")
        .usage("[--json] [-- PROGRAM ARGS...]")
        .argument("[program...]", "start this program, show its calls and those of what it starts, and exit as it does")
        .option(
            "--call <call>",
            "only these calls, by name or as connect, accept, bind, listen, send, sendto, receive, " +
                "close; may be repeated",
            append,
        )
        .option(
            "--program <pattern>",
            "only these programs: paths with * and ?, or the file's name alone; may be " + "repeated",
            append,
        )
        .option("--lines", "a line for each call, on a terminal too")
        .option("--json", "print one JSON value per line")
        .option("--pcapng <file>", "write what rules with `capture` send through the relay to this file, for Wireshark")
        .addHelpText("after", help)
        .action((words: string[], options: WatchFlags) =>
            run(options, async (output) => {
                const filter: RecordFilter = {
                    ...(options.call && { calls: options.call }),
                    ...(options.program && { program: options.program }),
                };
                new WantedRecords("watch", filter); // refuses what is no call before anything else
                await requireInstalled();
                await using _capture =
                    options.pcapng === undefined ? undefined : await captureTo(options.pcapng, output);
                const [name, ...args] = words;
                return await (name === undefined
                    ? watchEverything(output, { ...filter, lines: options.lines ?? false })
                    : watchProgram(output, name, args, filter));
            }),
        );
}
