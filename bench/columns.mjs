// The three Winsocks that programs are measured on, side by side in one run:
//   bare      Wine's own ws2_32.dll, without anything of ours (on Windows there is no such column)
//   host      our host side under Wine, or Windows' own Winsock, without our provider
//   provider  the same with our provider installed
// Under Wine each is a prefix of its own. On Windows there is one catalog: there the programs of `host` are copies that
// the provider is kept out of, and `provider` is there only where the catalog may be changed (WINSOCK_SPI_LIVE=1).
import { spawn } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readdirSync } from "node:fs";
import { rm } from "node:fs/promises";
import path from "node:path";
import { exclude, include, install, uninstall } from "winsock-spi";
import { copyPrefix } from "../scripts/copy-prefix.mjs";
import { reasonNotToChange } from "../scripts/live.mjs";
import { nodePath } from "../scripts/nodes.mjs";
import { local, onWindows, project } from "../scripts/paths.mjs";
import { copyTemplate, endPrefix, ensureBase } from "../scripts/prefix.mjs";
import { step } from "../scripts/progress.mjs";
import { native } from "../scripts/run-windows.mjs";
import { relayed } from "../scripts/wine.mjs";
import { Worker } from "./worker.mjs";

const folder = path.join(local, "bench");
const end = (name) => path.join(project, "bench", "ends", name);

/** What both kinds of columns can do. `open`, `command` and `close` are theirs. */
class Column {
    #opened;

    constructor(name) {
        this.name = name;
    }

    /** Makes the column ready, once; `run` and `worker` do it by themselves. */
    ready() {
        this.#opened ??= this.open();
        return this.#opened;
    }

    get used() {
        return this.#opened !== undefined;
    }

    /**
     * Runs a Windows program (`program`: a path of this host) to its end and gives { stdout, stderr }. Rejects for any
     * exit code but 0. show: its output goes to ours instead. variables: added to its environment. timeout: milliseconds.
     */
    async run(program, args = [], { show = false, variables = {}, timeout = 600_000 } = {}) {
        await this.ready();
        const { file, args: words, env } = await this.command(program, args, variables);
        const stdio = ["ignore", show ? "inherit" : "pipe", show ? "inherit" : "pipe"];
        const child = spawn(file, words, { cwd: project, env, stdio, timeout, killSignal: "SIGKILL" });
        const output = { stdout: "", stderr: "" };
        for (const name of ["stdout", "stderr"]) {
            child[name]?.setEncoding("utf8").on("data", (text) => (output[name] += text));
        }
        const code = await new Promise((resolve, reject) => child.on("error", reject).on("close", resolve));
        if (code !== 0) {
            const how = code === null ? `ended after ${timeout / 1000} s` : `exit code ${code}`;
            throw new Error(`${program} (column ${this.name}): ${how}\n${output.stdout}${output.stderr}`);
        }
        return output;
    }

    /** Runs a script of ours in this column's Windows Node. */
    runScript(file, args, options) {
        return this.run(this.node, [native(file), ...args], options);
    }

    #workers = new Map();

    /**
     * A Windows Node in this column that does what it is told (bench/worker.mjs). There is one of each `role`, which lives
     * as long as the columns: starting it takes longer than most of what it measures.
     */
    async worker(role = "work") {
        await this.ready();
        if (!this.#workers.has(role)) {
            this.#workers.set(
                role,
                new Worker(await this.command(this.node, [native(end("worker.mjs"))], {}), this.name),
            );
        }
        return this.#workers.get(role);
    }

    /** Ends its workers, and takes back what `open` did. */
    async end() {
        await Promise.all([...this.#workers.values()].map((worker) => worker.end()));
        await this.close();
    }
}

class WineColumn extends Column {
    node = nodePath("node");
    #environment;
    #prefix;

    constructor(name, environment) {
        super(name);
        this.#environment = environment;
        this.#prefix = path.join(folder, `${name}-${process.pid}`);
    }

    async open() {
        await step(`making the column ${this.name}`, async () => {
            if (this.name === "bare") {
                mkdirSync(folder, { recursive: true });
                copyPrefix(await ensureBase(this.#environment), this.#prefix);
            } else {
                copyTemplate(this.#prefix);
            }
            if (this.name === "provider") {
                await this.#install();
            }
        });
    }

    /** Not by `runScript`, which would wait for the column to be ready. */
    async #install() {
        const { file, args, env } = this.command(this.node, [native(end("install.mjs"))], {});
        const child = spawn(file, args, { cwd: project, env, stdio: ["ignore", "ignore", "inherit"] });
        const code = await new Promise((resolve, reject) => child.on("error", reject).on("close", resolve));
        if (code !== 0) {
            throw new Error(`the provider could not be installed: exit code ${code}`);
        }
    }

    command(program, args, variables) {
        return relayed({
            environment: this.#environment,
            prefix: this.#prefix,
            program: native(program),
            args,
            folder: project,
            variables,
        });
    }

    async close() {
        await endPrefix(this.#environment, this.#prefix);
        await rm(this.#prefix, { recursive: true, force: true, maxRetries: 3 });
    }
}

class WindowsColumn extends Column {
    node = process.execPath;

    async open() {
        if (this.name === "provider") {
            await install();
        }
    }

    async command(program, args, variables) {
        const file = this.name === "host" ? await this.#keptOut(program) : program;
        return { file, args, env: { ...process.env, ...variables } };
    }

    #copies = new Map();

    /** A copy of the program that no layered provider is loaded into. */
    async #keptOut(program) {
        if ((await reasonNotToChange()) !== undefined) {
            return program;
        }
        let copy = this.#copies.get(program);
        if (copy === undefined) {
            copy = path.join(folder, "host", path.basename(program));
            mkdirSync(path.dirname(copy), { recursive: true });
            copyFileSync(program, copy);
            await exclude({ programs: [copy] });
            this.#copies.set(program, copy);
        }
        return copy;
    }

    async close() {
        if (this.#copies.size > 0) {
            await include({ programs: [...this.#copies.values()] });
        }
        if (this.name === "provider") {
            await uninstall();
        }
    }
}

/**
 * The columns of this machine: { bare, host, provider } as far as there are such, `names` in that order, `close()`. A
 * column is made when it is first used.
 */
export async function openColumns(environment) {
    await removeLeft();
    const unchangeable = await reasonNotToChange();
    const names = ["bare", "host", "provider"].filter(
        (name) => (name !== "bare" || !onWindows) && (name !== "provider" || unchangeable === undefined),
    );
    const columns = Object.fromEntries(
        names.map((name) => [name, onWindows ? new WindowsColumn(name) : new WineColumn(name, environment)]),
    );
    return {
        ...columns,
        names,
        async close() {
            for (const column of Object.values(columns).filter(({ used }) => used)) {
                await column.end();
            }
        },
    };
}

/** Prefixes of runs that were killed: their names end with the process id of the run. */
async function removeLeft() {
    for (const name of !onWindows && existsSync(folder) ? readdirSync(folder) : []) {
        if (!existsSync(`/proc/${name.split("-").at(-1)}`)) {
            await rm(path.join(folder, name), { recursive: true, force: true, maxRetries: 3 });
        }
    }
}
