// What the tests of upgrades share: packages of neighbouring versions, and programs with traffic that never pauses.
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import * as fs from "node:fs";
import * as net from "node:net";
import * as path from "node:path";
import { createInterface } from "node:readline";
import { native, packageVersion } from "#lib/native.js";
import type { Plan } from "#lib/plan/plan.js";
import {
    bitnesses,
    builds,
    cli,
    expectCode,
    nodes,
    project,
    scenarioFile,
    temporaryFolder,
} from "./acceptance-support.js";
import type { Bits, Ended } from "./acceptance-support.js";

const prebuilds: Record<Bits, string> = { 64: "win32-x64", 32: "win32-ia32" };

/** A package on disk, and its CLI. */
export class Package {
    constructor(
        readonly folder: string,
        readonly version: string,
    ) {}

    cli(...args: readonly string[]): Promise<Ended> {
        return cli(args, { main: path.join(this.folder, "dist", "cli", "main.js") });
    }

    async json<Value>(...args: readonly string[]): Promise<Value> {
        const ended = await this.cli(...args, "--json");
        expectCode(ended, 0);
        return JSON.parse(ended.stdout) as Value;
    }

    async install(): Promise<string> {
        const ended = await this.cli("install", "--yes");
        expectCode(ended, 0);
        return ended.stdout;
    }

    async plan(): Promise<Plan> {
        return (await this.json<{ plan: Plan }>("install", "--dry-run")).plan;
    }

    /** The folder where it is installed. */
    get installed(): string {
        return path.join(programsFolder(), this.version);
    }

    dll(bits: Bits): string {
        return path.join(this.folder, "prebuilds", prebuilds[bits], "winsock_spi_lsp.dll");
    }

    /** Says anew what its binaries are, as scripts/hashes.mjs does. */
    writeHashes(bits: Bits): void {
        const folder = path.dirname(this.dll(bits));
        const files = fs.readdirSync(folder).filter((name) => name !== "hashes.json");
        const hashes = files.map((name): [string, string] => [
            name,
            createHash("sha256")
                .update(fs.readFileSync(path.join(folder, name)))
                .digest("hex"),
        ]);
        fs.writeFileSync(
            path.join(folder, "hashes.json"),
            JSON.stringify({ version: this.version, commit: null, files: Object.fromEntries(hashes) }),
        );
    }
}

export const programsFolder = (): string => path.join(native().machine().programFiles, "winsock-spi");

/** Names of the folders of versions that are on the disk. */
export function installedVersions(): string[] {
    return fs.existsSync(programsFolder()) ? fs.readdirSync(programsFolder()).sort() : [];
}

/** This clone. */
export const current = new Package(project, packageVersion());

/** A provider built as a neighbouring version would be (cmake/neighbours.cmake). */
export const neighbourDll = (name: string, bits: Bits): string =>
    path.join(builds[bits], "neighbours", name, "winsock_spi_lsp.dll");

/** The version that the builds of the neighbours have: the next minor one. */
export const nextVersion = packageVersion().replace(
    /^(\d+)\.(\d+)/,
    (_, major: string, minor: string) => `${major}.${Number(minor) + 1}`,
);

/**
 * A copy of this package under another version, with other provider DLLs: what npm would unpack, no more. `dlls`: by
 * bitness, what to put into it.
 */
export function makePackage(name: string, version: string, dlls: (bits: Bits) => string): Package {
    const folder = path.join(temporaryFolder(), name);
    const copy = (...parts: string[]): void =>
        fs.cpSync(path.join(project, ...parts), path.join(folder, ...parts), { recursive: true });
    const manifest = JSON.parse(fs.readFileSync(path.join(project, "package.json"), "utf8")) as {
        dependencies: Readonly<Record<string, string>>;
    };
    copy("dist");
    for (const dependency of Object.keys(manifest.dependencies)) {
        copy("node_modules", ...dependency.split("/"));
    }
    const made = new Package(folder, version);
    for (const bits of bitnesses) {
        copy("prebuilds", prebuilds[bits]);
        fs.copyFileSync(dlls(bits), made.dll(bits));
        made.writeHashes(bits);
    }
    fs.writeFileSync(path.join(folder, "package.json"), JSON.stringify({ ...manifest, version }));
    return made;
}

/** What scenarios/steady-traffic.cjs counts, from its beginning. */
export interface Totals {
    readonly pid: number;
    readonly requests: number;
    readonly echoes: number;
    readonly datagrams: number;
    readonly failures: readonly string[];
}

let pipes = 0;
const running = new Set<Traffic>();

/** A Node with a server, a client, and traffic between them from now until it is ended. */
export class Traffic {
    private constructor(
        readonly child: ChildProcess,
        readonly bits: Bits,
        readonly pid: number,
        readonly say: (line: string) => void,
        readonly answers: AsyncIterator<string>,
    ) {}

    static async start(bits: Bits, family: 4 | 6 = 4): Promise<Traffic> {
        // A named pipe, not standard streams: a 32-bit child of a 64-bit Node does not find those. And not a socket:
        // this process shall not load the provider itself.
        const name = `\\\\.\\pipe\\winsock-spi-traffic-${process.pid}-${pipes++}`;
        const server = net.createServer();
        server.listen(name);
        await once(server, "listening");
        const log = fs.openSync(path.join(temporaryFolder(), `traffic-${pipes}.txt`), "a");
        const node = nodes[bits === 64 ? "node" : "node-x86"]!;
        const child = spawn(node, [scenarioFile("steady-traffic"), name, `${family}`], {
            stdio: ["ignore", log, log],
            windowsHide: true,
        });
        fs.closeSync(log);
        const ended = once(child, "exit").then(([code]) => assert.fail(`the program ended at once with code ${code}`));
        const [control] = (await Promise.race([once(server, "connection"), ended])) as [net.Socket];
        ended.catch(() => undefined);
        server.close();
        const answers = createInterface({ input: control })[Symbol.asyncIterator]();
        const say = (line: string): void => void control.write(`${line}\n`);
        const traffic = new Traffic(child, bits, child.pid!, say, answers);
        running.add(traffic);
        await traffic.#answer();
        return traffic;
    }

    async #answer(): Promise<Totals> {
        const { value, done } = await this.answers.next();
        assert.ok(done !== true, `the ${this.bits}-bit program with traffic has ended`);
        const totals = JSON.parse(value) as Totals;
        assert.deepEqual(totals.failures, []);
        return totals;
    }

    /** Resolves when that much more is through; fails if anything has failed since the beginning. */
    more(count: number): Promise<Totals> {
        this.say(`more ${count}`);
        return this.#answer();
    }

    /** Has it use a protocol that it has not used before. */
    udp(): Promise<Totals> {
        this.say("udp");
        return this.#answer();
    }

    async end(): Promise<Totals> {
        running.delete(this);
        const exited = once(this.child, "exit");
        this.say("end");
        const totals = await this.#answer();
        assert.deepEqual(await exited, [0, null]);
        return totals;
    }

    static async endAll(): Promise<void> {
        for (const traffic of [...running]) {
            running.delete(traffic);
            if (traffic.child.exitCode === null && traffic.child.signalCode === null) {
                traffic.child.kill();
                await once(traffic.child, "exit");
            }
        }
    }
}
