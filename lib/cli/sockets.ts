// winsock-spi sockets: which sockets a process has.

import { type Command, InvalidArgumentError } from "commander";
import { listSockets } from "../share/list-sockets.js";
import { run } from "./frame.js";
import { socketsHead, toSocketLine } from "./socket-lines.js";

function parsePid(text: string): number {
    const pid = /^\d{1,10}$/.test(text) ? Number(text) : 0;
    if (pid < 1 || pid > 0xffff_ffff) {
        throw new InvalidArgumentError("a process id is a whole number above 0.");
    }
    return pid;
}

const help = `
The sockets themselves, in the order of their handles: also those that the process got from another one, which netstat
goes on showing under its maker. Needs the right to duplicate the process's handles: it must be of this user and not
more privileged.`;

export function addSocketsCommand(program: Command): void {
    program
        .command("sockets")
        .description("list the sockets that a process has, those it got from other processes included")
        .requiredOption("--pid <pid>", "the process", parsePid)
        .option("--json", "print one JSON value")
        .addHelpText("after", help)
        .action((options: { pid: number; json?: boolean }) =>
            run(options, (output) => {
                const sockets = listSockets(options.pid);
                output.value(sockets);
                output.text([socketsHead, ...sockets.map(toSocketLine)].join("\n"));
            }),
        );
}
