// The second provider (test/windows/providers) in tests: its installer, its log.
import * as fs from "node:fs";
import * as path from "node:path";
import { bitnesses, providerFile, setup, temporaryFolder } from "./acceptance-support.js";

export interface Design {
    readonly guid: "entry" | "shared";
    readonly chain: "entry" | "hidden";
}

/** Calls that neither provider makes on its own account: what one counts, the other must count. */
export const counted = [
    "WSPAccept",
    "WSPBind",
    "WSPCloseSocket",
    "WSPConnect",
    "WSPEnumNetworkEvents",
    "WSPListen",
    "WSPRecv",
    "WSPRecvFrom",
    "WSPSelect",
    "WSPSend",
    "WSPSendTo",
    "WSPShutdown",
    "WSPSocket",
];

let logs = 0;

/** A file for the second provider's lines, and how often each process called each function according to it. */
export function makeLog(): {
    env: Record<string, string>;
    of(pid: number): Record<string, number>;
    isEmpty(): boolean;
} {
    const file = path.join(temporaryFolder(), `second-${logs++}.log`);
    const lines = (): string[][] => {
        const text = fs.existsSync(file) ? fs.readFileSync(file, "latin1").trimEnd() : "";
        return text === "" ? [] : text.split("\r\n").map((line) => line.split(" "));
    };
    return {
        env: { SECOND_PROVIDER_LOG: file },
        isEmpty: () => lines().length === 0,
        of: (pid) => {
            const totals: Record<string, number> = {};
            for (const [who, , call] of lines()) {
                if (who === `${pid}`) {
                    totals[call!] = (totals[call!] ?? 0) + 1;
                }
            }
            return totals;
        },
    };
}

export async function installSecond({ guid, chain }: Design, ...more: readonly string[]): Promise<void> {
    for (const bits of bitnesses) {
        const dll = providerFile(bits, "second_provider.dll");
        await setup(bits, "install", dll, "--guid", guid, "--chain", chain, ...more);
    }
}

export async function removeSecond(): Promise<void> {
    for (const bits of bitnesses) {
        await setup(bits, "remove");
    }
}
