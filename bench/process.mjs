// What a process costs that uses Winsock: milliseconds from its start to its end with one socket made, private bytes with
// one socket, and for each further one. A C++ program (bench/native/start.cpp), in each column.
import { interleave, formatFigure, leastPairs, median, printTable, summary } from "./measure.mjs";
import { nativePrograms } from "./native-programs.mjs";

export const title = "start and memory of a process that makes a socket";

const sockets = 1000;
const kibibytes = 1024;

/** Beside the host alone, in both bitnesses. */
export const targets = Object.fromEntries(
    ["x64", "ia32"].flatMap((architecture) => [
        [`process start added, ${architecture}`, { atMost: 2 }],
        [`private bytes added, ${architecture}`, { atMost: 128 }],
    ]),
);

const json = async (column, program, args) => JSON.parse((await column.run(program, args)).stdout);

/** Median milliseconds of a start: with a socket, less what starting any program costs just then. */
async function startTime(column, program, count) {
    const { once, bare } = await json(column, program, ["many", String(count)]);
    return median(once) - median(bare);
}

async function memory(column, program) {
    const { before, first, all } = await json(column, program, ["memory", String(sockets)]);
    return { process: (first - before) / kibibytes, socket: (all - first) / sockets };
}

const differences = (from, to, unit) => ({ ...summary(to.map((value, pair) => value - from[pair])), unit });

export async function measure({ quick, columns }) {
    const figures = {};
    const results = {};
    const rows = [["", "", ...columns.names, "added by the provider", "A/A"]];
    for (const [architecture, program] of Object.entries(nativePrograms("start"))) {
        const sides = Object.fromEntries(
            columns.names.map((name) => [name, () => startTime(columns[name], program, quick ? 2 : 20)]),
        );
        const times = await interleave({ ...sides, noise: sides.host }, quick ? 1 : leastPairs);
        const added =
            times.provider === undefined
                ? undefined
                : {
                      ...differences(times.host, times.provider, "ms"),
                      noise: differences(times.host, times.noise, "ms"),
                  };
        const used = {};
        for (const name of columns.names) {
            used[name] = await memory(columns[name], program);
        }
        const show = (values) => columns.names.map((name) => values(name));
        rows.push([
            architecture,
            "WSAStartup, socket and end, ms",
            ...show((name) => formatFigure(summary(times[name]))),
            added === undefined ? "" : formatFigure(added),
            added === undefined ? "" : formatFigure(added.noise),
        ]);
        const more = (what) => (used.provider === undefined ? undefined : used.provider[what] - used.host[what]);
        const memoryRow = (text, what) => [
            architecture,
            text,
            ...show((name) => used[name][what].toFixed(0)),
            more(what)?.toFixed(0) ?? "",
            "",
        ];
        rows.push(
            memoryRow("private KiB with one socket", "process"),
            memoryRow("bytes of each further socket", "socket"),
        );
        results[architecture] = { milliseconds: times, memory: used };
        if (added !== undefined) {
            figures[`process start added, ${architecture}`] = added;
            // The same in every run: there is nothing to repeat.
            figures[`private bytes added, ${architecture}`] = { ...summary([more("process")]), unit: "KiB" };
        }
    }
    printTable(rows);
    return { ...results, figures };
}
