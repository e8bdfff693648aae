// winsock-spi hold: listeners that stay open while the program that serves them is started again.

import { setTimeout as delay } from "node:timers/promises";
import { type Command, InvalidArgumentError, Option } from "commander";
import { WinsockError } from "../errors.js";
import { native } from "../native.js";
import { openDatagram, openListener, type RawSocket } from "../share/raw-socket.js";
import { serveSystemfd } from "../share/transports/systemfd.js";
import { type Output, run } from "./frame.js";
import { type RestartPolicy, keepRunning, restartPolicies } from "./keep-running.js";
import { type ListenAddress, formatListenAddress, parseListenAddress } from "./listen-address.js";
import { startProgram } from "./start-program.js";

/** What is to be opened, in the order of the command line, which is the order in which PROGRAM gets them. */
interface Wanted extends ListenAddress {
    readonly type: "tcp" | "udp";
}

function parseAddress(type: Wanted["type"], wanted: Wanted[]): (text: string) => Wanted[] {
    return (text) => {
        const address = parseListenAddress(text);
        if (address === undefined) {
            throw new InvalidArgumentError("PORT, ADDRESS:PORT or [IPV6ADDRESS]:PORT, with an IP address.");
        }
        wanted.push({ ...address, type });
        return wanted;
    };
}

/** Opens them all, or none. */
function open(wanted: readonly Wanted[], output: Output): RawSocket[] {
    const sockets: RawSocket[] = [];
    try {
        for (const [index, { type, host, port }] of wanted.entries()) {
            const socket = type === "tcp" ? openListener({ host, port }) : openDatagram({ host, port });
            sockets.push(socket);
            const local = socket.state.local ?? { address: host, port };
            const address = formatListenAddress({ host: local.address, port: local.port });
            output.note(`hold: socket ${index} is ${type} ${address}`);
        }
        return sockets;
    } catch (error) {
        sockets.forEach((socket) => socket.close());
        throw error;
    }
}

function tellRefusal(output: Output, error: unknown): void {
    output.note(`hold: sockets were not given: ${error instanceof Error ? error.message : String(error)}`);
}

interface Held {
    readonly wanted: readonly Wanted[];
    readonly restart: RestartPolicy;
    readonly name: string;
    readonly args: readonly string[];
}

async function hold(output: Output, { wanted, restart, name, args }: Held): Promise<number> {
    const stop = new AbortController();
    let pid: number | undefined;
    // Ctrl-C reaches PROGRAM by itself, through the console. A second one does not wait for it any longer.
    const onInterrupt = (): void => {
        if (stop.signal.aborted && pid !== undefined) {
            process.kill(pid);
        }
        stop.abort();
    };
    const signals = ["SIGINT", "SIGBREAK", "SIGHUP"] as const;
    signals.forEach((signal) => process.on(signal, onInterrupt));
    const sockets = open(wanted, output);
    try {
        await using giver = await serveSystemfd({
            sockets,
            onRefused: (error) => tellRefusal(output, error),
        });
        Object.assign(process.env, giver.environment);
        return await keepRunning({
            restart,
            stop: stop.signal,
            now: () => performance.now(),
            run: async () => {
                // Perhaps the run before has changed that: it belongs to the socket.
                sockets.forEach(({ socket }) => native().setNonBlocking(socket, false));
                const started = startProgram(name, args, { ownOutput: true, endWithUs: true });
                pid = started.pid;
                const code = await started.exited;
                pid = undefined;
                return code;
            },
            pause: (milliseconds, signal) => delay(milliseconds, undefined, { signal }).catch(() => undefined),
            onRestart: (code, pause) =>
                output.note(`hold: ${name} ended with exit code ${code} and is started again in ${pause} ms`),
        });
    } finally {
        signals.forEach((signal) => process.off(signal, onInterrupt));
        sockets.forEach((socket) => socket.close());
    }
}

const help = `
An ADDRESS is PORT (on 127.0.0.1), ADDRESS:PORT or [IPV6ADDRESS]:PORT; port 0 is any free one. --listen and --udp may
be given several times. PROGRAM gets them in that order by the systemfd protocol (SYSTEMFD_SOCKET_SERVER): in Node by
takeSystemfdSockets(), in Rust by the listenfd crate. Connections that come while it is being started again wait.

Ctrl-C ends both; the second one does not wait for PROGRAM. The exit code is PROGRAM's last one. If this program is
killed, Windows ends PROGRAM too.

Example: winsock-spi hold --listen 8080 --restart always -- node server.js`;

export function addHoldCommand(program: Command): void {
    const wanted: Wanted[] = [];
    program
        .command("hold")
        .description("keep listening while PROGRAM, which serves the connections, is ended and started again")
        .usage("--listen ADDRESS [--udp ADDRESS] [--restart WHEN] -- PROGRAM [ARGS...]")
        .argument("<program...>", "start this program, and give it the sockets")
        .option("--listen <address>", "a TCP listener (repeatable)", parseAddress("tcp", wanted))
        .option("--udp <address>", "a UDP socket (repeatable)", parseAddress("udp", wanted))
        .addOption(
            new Option("--restart <when>", "start PROGRAM again when it has ended")
                .choices(restartPolicies)
                .default("on-failure" satisfies RestartPolicy),
        )
        .addHelpText("after", help)
        .action(([name = "", ...args]: string[], { restart }: { restart: RestartPolicy }) =>
            run({}, (output) => {
                if (wanted.length === 0) {
                    throw new WinsockError("Nothing to hold: give --listen or --udp.", { code: "ERR_USAGE" });
                }
                return hold(output, { wanted, restart, name, args });
            }),
        );
}
