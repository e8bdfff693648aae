// Paints a WatchTable on a terminal and takes its keys, until the watch ends.

import type { RecordBatch } from "../hooks/decode.js";
import { type Watch, toRecords } from "../hooks/watch.js";
import { WatchTable } from "./watch-table.js";

/** What of a terminal is used: `process.stdin` and `process.stdout` are one. */
export interface Terminal {
    readonly input: NodeJS.ReadableStream & { setRawMode?: (raw: boolean) => unknown; readonly isRaw?: boolean };
    readonly output: NodeJS.WritableStream & { readonly rows?: number; readonly columns?: number };
}

/** Milliseconds between two pictures. */
const interval = 250;

// Another screen and no cursor; back; to the corner; clear the rest of the line; of the screen.
const [enter, leave] = ["\u001b[?1049h\u001b[?25l", "\u001b[?25h\u001b[?1049l"];
const [home, clearLine, clearRest] = ["\u001b[H", "\u001b[K", "\u001b[J"];

/** Shows the table until the watch ends; a key that quits stops it. The terminal is what it was afterwards. */
export async function showLiveTable(batches: Watch<RecordBatch>, { input, output }: Terminal): Promise<void> {
    const table = new WatchTable();
    const size = () => ({ rows: output.rows ?? 24, columns: output.columns ?? 80 });
    const paint = (): void => {
        output.write(
            `${home}${table
                .lines(size())
                .map((line) => `${line}${clearLine}`)
                .join("\r\n")}${clearRest}`,
        );
    };
    const onKey = (data: Buffer | string): void => {
        if (table.key(data.toString(), size()) === "quit") {
            batches.stop();
        }
        paint();
    };
    const onError = (): void => void batches.close();
    const wasRaw = input.isRaw ?? false;
    input.setRawMode?.(true);
    input.on("data", onKey);
    input.resume();
    output.on("error", onError);
    output.write(enter);
    const timer = setInterval(paint, interval);
    try {
        paint();
        for await (const batch of batches) {
            for (const record of toRecords(batch)) {
                table.add(record);
            }
        }
        paint();
    } finally {
        clearInterval(timer);
        input.off("data", onKey);
        input.setRawMode?.(wasRaw);
        input.pause();
        output.write(leave);
        output.off("error", onError);
    }
}
