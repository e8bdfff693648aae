// What the public types must accept, with the types that must come out of it. Compiled against the packed declarations
// (scripts/checks/types.mjs), never run.
import type * as dgram from "node:dgram";
import type * as http from "node:http";
import type * as net from "node:net";
import {
    type AskVerdict,
    type CallRecord,
    type Catalog,
    type CatalogDiff,
    type ChangeResult,
    type LiveCatalog,
    type Plan,
    type Policy,
    type ProtocolInfo,
    type RecordBatch,
    type ReceivedSocket,
    type SharedSocketInfo,
    type StartRecord,
    type Watch,
    type WatchRecord,
    WinsockError,
    adoptServer,
    adoptSocket,
    applyPolicy,
    backup,
    clearPolicy,
    decide,
    decodeProtocolInfo,
    diff,
    duplicateSocket,
    install,
    onAsk,
    parsePolicy,
    planInstall,
    readCatalog,
    receiveSockets,
    sendSocket,
    serveRestartable,
    socketOf,
    uninstall,
    watch,
    watchBatches,
} from "winsock-spi";

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/** Compiles only where both types are the same. */
export function same<A, B>(..._yes: Same<A, B> extends true ? [] : [never]): void {}

declare const socket: net.Socket;
declare const server: net.Server;
declare const web: http.Server;
declare const udp: dgram.Socket;
declare const signal: AbortSignal;

export async function catalog(): Promise<void> {
    same<typeof readCatalog extends () => Promise<infer Read> ? Read : never, LiveCatalog>();
    const before: Catalog = await readCatalog();
    const after = await readCatalog({ source: "registry" });
    same<ReturnType<typeof diff>, CatalogDiff>();
    diff(before, after);
    const { file } = await backup({ file: "before.json" });
    same<typeof file, string>();
    const name: string | undefined = after.protocols["64"]?.[0]?.name;
    name?.toUpperCase();
}

export async function provider(): Promise<void> {
    same<ReturnType<typeof install>, Promise<ChangeResult>>();
    const { plan, backup: file } = await install({ dryRun: true, name: "mine", over: [1001], confirmWithin: 60_000 });
    same<typeof plan, Plan>();
    same<typeof file, string | undefined>();
    await install({ onStep: (index, count, text) => [index.toFixed(), count.toFixed(), text.trim()] });
    await install({ method: "replace-base", acceptRisk: true });
    await uninstall();
    const files = {
        provider: { path: "C:\\provider.dll" },
        rescue: { from: "C:\\rescue.exe", sha256: "00" },
    };
    planInstall(await readCatalog(), {
        files: { 64: files },
        version: "1.0.0",
        programFiles: "C:\\Program Files",
        programData: "C:\\ProgramData",
    });
}

export async function watching(): Promise<void> {
    const all = watch({ signal });
    same<typeof all, Watch<WatchRecord>>();
    for await (const record of all) {
        // `call` tells the records apart.
        if (record.call === "start") {
            same<typeof record, StartRecord>();
        } else if (record.call !== "dropped") {
            const call: CallRecord = record;
            call.remote?.toString();
        }
    }
    await using batches = watchBatches();
    same<typeof batches, Watch<RecordBatch>>();
}

export async function policies(): Promise<void> {
    const policy: Policy = parsePolicy("version: 1\nrules: []\n");
    decide(policy, { call: "connect", protocol: "tcp", process: { pid: 4711, program: "C:\\game.exe" } });
    await applyPolicy(policy);
    await applyPolicy("policy.yaml");
    await clearPolicy();
    await using controller = await onAsk((call): AskVerdict => (call.remote === undefined ? "allow" : "deny"));
    await using later = await onAsk(async () => "allow" as const);
    void [controller, later];
}

export async function sharing(): Promise<void> {
    const info: SharedSocketInfo = duplicateSocket(socket, 4711);
    duplicateSocket(server, 4711);
    duplicateSocket(udp, 4711);
    same<ReturnType<typeof socketOf>, bigint>();
    const protocol: ProtocolInfo = decodeProtocolInfo(new Uint8Array(628));
    same<ReturnType<typeof adoptSocket>, net.Socket>();
    adoptSocket(protocol);
    same<ReturnType<typeof adoptServer>, net.Server>();
    void info;
    await sendSocket(socket, { to: "my-service" });
    for await (const received of receiveSockets({ at: "my-service", signal })) {
        same<typeof received, ReceivedSocket>();
    }
    const { replaced } = await serveRestartable(web, { name: "my-site", port: 8080 });
    same<typeof replaced, Promise<number>>();
}

export function failures(error: unknown): string | undefined {
    if (error instanceof WinsockError) {
        same<typeof error.code, string>();
        same<typeof error.errno, number | undefined>();
        return error.syscall;
    }
    return undefined;
}
