// The command line of `winsock-spi` as commander knows it: what main.ts runs and docs/cli.md is generated from.

import { Command } from "commander";
import { packageVersion } from "../native.js";

/**
 * The commands, in the order of the help. Each file is loaded only if its command is asked for: with all that they need
 * they are most of what a start of the CLI takes.
 */
const commands: Readonly<Record<string, () => Promise<(program: Command) => void>>> = {
    catalog: async () => (await import("./catalog.js")).addCatalogCommand,
    backup: async () => (await import("./backup.js")).addBackupCommand,
    restore: async () => (await import("./restore.js")).addRestoreCommand,
    diff: async () => (await import("./diff.js")).addDiffCommand,
    doctor: async () => (await import("./doctor.js")).addDoctorCommand,
    order: async () => (await import("./order.js")).addOrderCommand,
    install: async () => (await import("./install.js")).addInstallCommand,
    uninstall: async () => (await import("./uninstall.js")).addUninstallCommand,
    exclude: async () => (await import("./exclude.js")).addExcludeCommand,
    include: async () => (await import("./exclude.js")).addIncludeCommand,
    namespace: async () => (await import("./namespace.js")).addNamespaceCommand,
    policy: async () => (await import("./policy.js")).addPolicyCommand,
    run: async () => (await import("./run.js")).addRunCommand,
    ask: async () => (await import("./ask.js")).addAskCommand,
    confirm: async () => (await import("./confirm.js")).addConfirmCommand,
    recover: async () => (await import("./recover.js")).addRecoverCommand,
    watch: async () => (await import("./watch.js")).addWatchCommand,
    hold: async () => (await import("./hold.js")).addHoldCommand,
    sockets: async () => (await import("./sockets.js")).addSocketsCommand,
};

/** What adds the command that is asked for; all of them where help or an error may list them. */
async function wantedCommands(argv: readonly string[]): Promise<((program: Command) => void)[]> {
    const word = argv.find((argument) => !argument.startsWith("-")) ?? "";
    const wanted = Object.hasOwn(commands, word) ? [commands[word]!] : Object.values(commands);
    return Promise.all(wanted.map((load) => load()));
}

/**
 * The command line as commander wants it: strict everywhere, and telling of its errors through us. `argv` says which
 * command to load; without a known one in it, all are.
 */
export async function makeProgram(argv: readonly string[], json: boolean): Promise<Command> {
    const program = new Command("winsock-spi");
    program
        .description(
            "Read, back up, compare and restore the Winsock catalog; install a layered provider and see Winsock calls; " +
                "hold listeners over restarts of their program.",
        )
        .version(packageVersion())
        .exitOverride()
        .configureOutput({ writeErr: (text) => (json ? undefined : process.stderr.write(text)) })
        .showHelpAfterError("(winsock-spi --help lists the commands)");
    for (const add of await wantedCommands(argv)) {
        add(program);
    }
    return program;
}
