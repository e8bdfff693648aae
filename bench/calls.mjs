// What our provider adds to a call of WSPSend or WSPRecv: the program of bench/native/calls.cpp calls through it, and
// straight into a base provider that does nothing, in both bitnesses, without a policy and with one of 1,000 rules that
// are not about these calls.
import { fileURLToPath } from "node:url";
import { native } from "../scripts/run-windows.mjs";
import { formatFigure, leastPairs, printTable, summary } from "./measure.mjs";
import { nativePrograms } from "./native-programs.mjs";

export const title = "what the provider adds to WSPSend and WSPRecv over a base provider that does nothing";

const architectures = ["x64", "ia32"];
const states = { unwatched: { atMost: 5 }, watched: { atMost: 100 } };
const figureName = (architecture, state, threads) =>
    `call added, ${architecture}, ${state}, ${threads === 1 ? "1 thread" : "2 threads"}`;

/** Of all cases of that kind (function, sockets, policy), the one that costs most. */
export const targets = Object.fromEntries(
    architectures.flatMap((architecture) =>
        Object.entries(states).flatMap(([state, target]) =>
            [1, 2].map((threads) => [figureName(architecture, state, threads), target]),
        ),
    ),
);

async function cases(column, architecture, program, policy, quick) {
    const provider = fileURLToPath(new URL(`../prebuilds/win32-${architecture}/winsock_spi_lsp.dll`, import.meta.url));
    const amount = quick ? ["1", "3", "200"] : [String(leastPairs), "9", "2000"];
    const { stdout } = await column.run(program, [native(provider), ...amount]);
    return stdout
        .trim()
        .split(/\r?\n/)
        .map((line) => {
            const { direct, through, noise, ...about } = JSON.parse(line);
            const difference = (to) => summary(to.map((nanoseconds, pair) => nanoseconds - direct[pair]));
            if (about.watched && about.records + about.lost !== about.calls) {
                throw new Error(`${about.records} records and ${about.lost} lost of ${about.calls} calls: ${line}`);
            }
            return {
                architecture,
                policy,
                ...about,
                state: about.watched ? "watched" : "unwatched",
                direct: summary(direct),
                added: { ...difference(through), unit: "ns", noise: difference(noise) },
            };
        });
}

export async function measure({ quick, columns }) {
    const column = columns.provider; // the program is played to by nobody: of the column it needs the control file alone
    if (column === undefined) {
        console.log("not here: the provider may not be installed (WINSOCK_SPI_LIVE=1 and administrator rights)");
        return {};
    }
    const policyScript = fileURLToPath(new URL("ends/long-policy.mjs", import.meta.url));
    const all = [];
    try {
        for (const policy of ["none", "1,000 rules"]) {
            await column.runScript(policyScript, [policy === "none" ? "clear" : "apply"]);
            for (const [architecture, program] of Object.entries(nativePrograms("calls"))) {
                all.push(...(await cases(column, architecture, program, policy, quick)));
            }
        }
    } finally {
        await column.runScript(policyScript, ["clear"]);
    }
    printTable([
        ["", "policy", "function", "sockets", "threads", "", "alone, ns", "added, ns", "A/A", "at once", "lost"],
        ...all.map((each) => [
            each.architecture,
            each.policy,
            each.function,
            each.sockets,
            each.threads,
            each.state,
            each.direct.median.toFixed(1),
            formatFigure(each.added),
            formatFigure(each.added.noise),
            each.threads === 1 ? "" : `${Math.round(100 * each.together)} %`,
            each.watched ? `${((100 * each.lost) / each.calls).toFixed(1)} %` : "",
        ]),
    ]);
    console.log(
        "\nat once: rounds in which the system let both threads run; lost: records, which the watcher was told of",
    );
    const figures = Object.fromEntries(
        architectures.flatMap((architecture) =>
            Object.keys(states).flatMap((state) =>
                [1, 2].flatMap((threads) => {
                    const [worst] = all
                        .filter(
                            (each) =>
                                each.architecture === architecture &&
                                each.state === state &&
                                each.threads === threads &&
                                each.together >= 0.5, // else the machine had no processor for the second thread
                        )
                        .sort((a, b) => b.added.median - a.added.median);
                    return worst === undefined ? [] : [[figureName(architecture, state, threads), worst.added]];
                }),
            ),
        ),
    );
    return { cases: all, figures };
}
