/** Which records a watcher wants, by program and by call. Pure. */
import { matchesFile } from "../policy/decide.js";
import { callName } from "./decode.js";
import { extensionCalls, layout, providerCalls, recordSize } from "./records.js";

/** Which records a watcher wants; what it leaves out is recorded all the same. */
export interface RecordFilter {
    /** Calls by name ("WSPConnect", "ConnectEx"), or by what they do: `connect`, `accept`, `send`... */
    calls?: string | readonly string[];
    /** Programs: full paths with `*` and `?`; without a backslash the file's name alone. */
    program?: string | readonly string[];
}

/** Several functions that do the same, by one word. */
export const callKinds: Readonly<Record<string, readonly string[]>> = {
    connect: ["WSPConnect", "ConnectEx", "WSPJoinLeaf"],
    accept: ["WSPAccept", "AcceptEx"],
    bind: ["WSPBind"],
    listen: ["WSPListen"],
    send: ["WSPSend", "WSPSendTo", "WSASendMsg", "TransmitFile", "TransmitPackets"],
    sendto: ["WSPSendTo", "WSASendMsg"],
    receive: ["WSPRecv", "WSPRecvFrom", "WSARecvMsg"],
    close: ["WSPCloseSocket", "WSPShutdown", "DisconnectEx", "WSPSendDisconnect"],
};
const callNames: readonly string[] = [...providerCalls, ...extensionCalls];

function listOf(caller: string, name: string, value: string | readonly string[]): readonly string[] {
    const list: readonly unknown[] = typeof value === "string" ? [value] : value;
    if (!Array.isArray(list) || list.length === 0 || list.some((each) => typeof each !== "string" || each === "")) {
        throw new TypeError(`${caller}: ${name} must be a text or a list of texts`);
    }
    return list as readonly string[];
}

/** What the options want, checked. */
export class WantedRecords {
    readonly #calls: ReadonlySet<string> | undefined;
    readonly #programs: readonly string[] | undefined;

    constructor(caller: string, { calls, program }: RecordFilter) {
        this.#programs =
            program === undefined
                ? undefined
                : listOf(caller, "program", program).map((pattern) => pattern.replaceAll("/", "\\"));
        this.#calls =
            calls === undefined
                ? undefined
                : new Set(
                      listOf(caller, "calls", calls).flatMap((call) => {
                          const kind = callKinds[call.toLowerCase()];
                          const name = callNames.find((each) => each.toLowerCase() === call.toLowerCase());
                          if (kind === undefined && name === undefined) {
                              const known = [...Object.keys(callKinds), ...callNames].join(", ");
                              throw new TypeError(`${caller}: there is no call "${call}" (there is: ${known})`);
                          }
                          return [...(kind ?? []), ...(name === undefined ? [] : [name])];
                      }),
                  );
    }

    /** Whether this program's calls are wanted. */
    hasProgram(program: string): boolean {
        return this.#programs?.some((pattern) => matchesFile(pattern, program)) ?? true;
    }

    /** The raw records that are wanted, in their order. */
    select(raw: Uint8Array): Uint8Array {
        const calls = this.#calls;
        if (calls === undefined) {
            return raw;
        }
        const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
        const selected = new Uint8Array(raw.length);
        let size = 0;
        for (let at = 0; at + recordSize <= raw.length; at += recordSize) {
            if (calls.has(callName(view.getUint16(at + layout.call, true)))) {
                selected.set(raw.subarray(at, at + recordSize), size);
                size += recordSize;
            }
        }
        return selected.subarray(0, size);
    }
}
