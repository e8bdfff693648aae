// Changes of the catalogs as they happen, made by other processes: watchCatalog() and `catalog --follow`; and the drawn
// catalog from the CLI.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import * as path from "node:path";
import { createInterface } from "node:readline";
import { watchCatalog } from "winsock-spi";
import type { CatalogChange, CatalogName, CatalogWatch } from "winsock-spi";
import {
    bitnesses,
    cli,
    cliFile,
    expectCode,
    exportRegistry,
    keepCatalog,
    nodes,
    parameters,
    providerFile,
    run,
    second,
    setup,
    temporaryFolder,
} from "./acceptance-support.js";

async function reg(...args: readonly string[]): Promise<void> {
    expectCode(await run("reg.exe", args), 0);
}

const setValue = (key: string, name: string, text: string): Promise<void> =>
    reg("add", `${parameters}${key}`, "/v", name, "/d", text, "/f");
const removeValue = (key: string, name: string): Promise<void> =>
    reg("delete", `${parameters}${key}`, "/v", name, "/f");

/** Takes changes until one of them, or all of them together, satisfy; gives them all. */
async function changesUntil(
    watch: AsyncIterator<CatalogChange>,
    enough: (changes: readonly CatalogChange[]) => boolean,
): Promise<CatalogChange[]> {
    const changes: CatalogChange[] = [];
    while (!enough(changes)) {
        const { value, done } = await watch.next();
        assert.ok(
            done !== true,
            `the watch goes on; until then ${JSON.stringify(changes.map(({ difference }) => difference))}`,
        );
        changes.push(value);
    }
    return changes;
}

/** How many entries with GUIDs of the second provider were added (removed: -1 each) by all the changes together. */
function balance(changes: readonly CatalogChange[], bits: CatalogName): number {
    return changes
        .flatMap(({ difference }) => difference.protocols[bits] ?? [])
        .filter(({ entry }) => entry.providerId.startsWith(second))
        .reduce((sum, { change }) => sum + (change === "added" ? 1 : change === "removed" ? -1 : 0), 0);
}

const valuesIn = ({ difference }: CatalogChange): string[] => difference.registry.map((change) => change.path);

describe("changes of the catalog as they happen", function () {
    this.timeout(300_000);
    keepCatalog({ each: true });
    const open: CatalogWatch[] = [];

    function follow(signal?: AbortSignal): AsyncIterator<CatalogChange> & { watch: CatalogWatch } {
        const watch = watchCatalog(signal === undefined ? {} : { signal });
        open.push(watch);
        const iterator = watch[Symbol.asyncIterator]();
        return { next: () => iterator.next(), watch };
    }

    afterEach(async () => {
        for (const watch of open.splice(0)) {
            await watch.close();
        }
    });

    for (const bits of bitnesses) {
        it(`what a ${bits}-bit program installs and removes is told, and the catalog with it`, async () => {
            const watch = follow();
            const begin = Date.now();
            await setup(bits, "install", providerFile(bits, "second_provider.dll"));
            const isComplete = (changes: readonly CatalogChange[]): boolean => {
                const entries = changes.at(-1)?.catalog.protocols[`${bits}`] ?? [];
                const installed = entries.filter(({ providerId }) => providerId.startsWith(second));
                return installed.length > 1 && installed[0] === entries[0];
            };
            const added = await changesUntil(watch, isComplete);
            const count = balance(added, `${bits}`);
            assert.ok(count > 1, "a hidden entry and layered ones");
            assert.equal(balance(added, bits === 64 ? "32" : "64"), 0, "the other catalog is as it was");
            for (const { time, source } of added) {
                assert.ok(time.getTime() >= begin - 1000 && time.getTime() <= Date.now() + 1000, time.toISOString());
                assert.ok(["registry", "winsock"].includes(source), source);
            }
            if (watch.watch.sources.events) {
                // Windows' own, which names the program; not under Wine
                const isInstaller = ({ by }: CatalogChange): boolean =>
                    by?.event === "install" && /second_provider_setup\.exe$/i.test(by.program ?? "");
                if (!added.some(isInstaller)) {
                    await changesUntil(watch, (changes) => changes.some(isInstaller));
                }
            }
            await setup(bits, "remove");
            const removed = await changesUntil(watch, (changes) => balance(changes, `${bits}`) === -count);
            const left = removed.at(-1)!.catalog.protocols[`${bits}`]!;
            assert.ok(left.every(({ providerId }) => !providerId.startsWith(second)));
        });
    }

    it("values that no entry shows, and keys of programs, are changes; what ends as it began is none", async () => {
        const watch = follow();
        await setValue("", "winsock-spi-test", "a");
        const [first] = await changesUntil(watch, (changes) => changes.length === 1);
        assert.deepEqual(valuesIn(first!), ["winsock-spi-test"]);
        await reg("add", `${parameters}\\AppId_Catalog\\0BADCAFE`, "/v", "AppFullPath", "/d", "C:\\a.exe", "/f");
        const made = await changesUntil(watch, (changes) =>
            changes.flatMap(valuesIn).some((name) => name.endsWith("AppFullPath")),
        );
        assert.ok(
            made.flatMap(valuesIn).every((name) => name.startsWith("AppId_Catalog\\")),
            "and nothing twice",
        );
    });

    it("while a writer is at work nothing is told; then everything in one", async () => {
        // The key by which Winsock locks its catalog while it writes.
        const access = `${parameters}\\Protocol_Catalog9\\00BADCAB`;
        const watch = follow();
        await reg("add", access, "/f");
        await setValue("", "winsock-spi-one", "1");
        await setValue("", "winsock-spi-two", "2");
        await reg("delete", access, "/f");
        await setValue("", "winsock-spi-end", "3");
        const changes = await changesUntil(watch, (all) => all.flatMap(valuesIn).includes("winsock-spi-end"));
        const [first] = changes;
        assert.ok(
            ["winsock-spi-one", "winsock-spi-two"].every((name) => valuesIn(first!).includes(name)),
            valuesIn(first!).join(),
        );
        assert.ok(changes.length <= 2, "the lock itself is no change");
    });

    it("goes on when the whole key is deleted and comes again", async function () {
        if (process.env["WINEPREFIX"] === undefined) {
            // reg.exe imports no security descriptors: a real catalog would come back with others.
            console.log("      skipped: this would leave the real catalog without its access rights");
            this.skip();
        }
        const saved = path.join(temporaryFolder(), "parameters.reg");
        await reg("export", parameters, saved, "/y");
        const watch = follow();
        try {
            await reg("delete", parameters, "/f");
            const gone = await changesUntil(
                watch,
                (all) => Object.keys(all.at(-1)?.catalog.protocols ?? { "64": [] }).length === 0,
            );
            assert.ok(
                gone.some(({ difference }) => difference.protocols["64"]?.every(({ change }) => change === "removed")),
            );
        } finally {
            await reg("import", saved);
        }
        const complete = (await exportRegistry()).match(/"PackedCatalogItem"/g)!.length;
        await changesUntil(watch, (all) => {
            const { "64": a = [], "32": b = [] } = all.at(-1)?.catalog.protocols ?? {};
            return a.length + b.length === complete;
        });
    });

    it("ends by close(), at once, as often as it is called; by its signal with the reason; options are checked", async () => {
        const { watch, next } = follow();
        const waiting = next();
        await watch.close();
        await watch.close();
        assert.equal((await waiting).done, true);
        const controller = new AbortController();
        const aborted = follow(controller.signal).next();
        controller.abort(new Error("enough"));
        await assert.rejects(aborted, /enough/);
        assert.throws(() => watchCatalog({ signal: AbortSignal.abort(new Error("before")) }), /before/);
        assert.throws(() => watchCatalog({ interval: 5 } as object), TypeError);
        {
            await using disposed = watchCatalog();
            assert.equal(typeof disposed.sources.winsock, "boolean");
        }
    });

    it("watches that nobody closes end with their thread", async () => {
        const script =
            "const { Worker, isMainThread } = require('node:worker_threads');" +
            "if (isMainThread) { let left = 3; for (let i = 0; i < 3; i++) { const w = new Worker(__filename, { argv: [process.argv[2]] });" +
            "w.on('message', () => w.terminate()); w.on('exit', () => { if (--left === 0) console.log('all ended'); }); } }" +
            "else import(process.argv[2]).then(({ watchCatalog }) => { watchCatalog(); watchCatalog(); require('node:worker_threads').parentPort.postMessage(1); });";
        const file = path.join(temporaryFolder(), "workers.cjs");
        fs.writeFileSync(file, script);
        const url = new URL(`file:///${path.join(path.dirname(cliFile), "..", "index.js").replaceAll("\\", "/")}`);
        const done = await run(nodes["node"]!, [file, url.href]);
        expectCode(done, 0);
        assert.match(done.stdout, /all ended/);
    });
});

/** The CLI with a channel on which "end" is Ctrl-C to it: a signal of Windows' consoles cannot be sent to one process. */
function startFollowing(args: readonly string[]): {
    next(): Promise<string>;
    end(): Promise<{ code: number | null; rest: string[] }>;
} {
    const listen =
        "data:text/javascript,process.on('message',()=>{process.emit('SIGINT');process.disconnect()});process.channel.unref()";
    const child = spawn(nodes["node"]!, ["--import", listen, cliFile, "catalog", "--follow", ...args], {
        stdio: ["ignore", "pipe", "pipe", "ipc"],
        windowsHide: true,
    });
    const exited = once(child, "exit") as Promise<[number | null]>;
    let notes = "";
    const ready = new Promise<void>((resolve, reject) => {
        child.stderr!.setEncoding("utf8").on("data", (text: string) => {
            notes += text;
            if (notes.includes("following")) {
                resolve();
            }
        });
        exited.then(([code]) => reject(new Error(`ended with ${code}: ${notes}`)), reject);
    });
    const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
    return {
        next: async () => {
            await ready;
            const { value, done } = await lines.next();
            assert.ok(done !== true, notes);
            return value;
        },
        end: async () => {
            child.send("end");
            const rest: string[] = [];
            for (let line = await lines.next(); line.done !== true; line = await lines.next()) {
                rest.push(line.value);
            }
            return { code: (await exited)[0], rest };
        },
    };
}

describe("catalog --follow", function () {
    this.timeout(300_000);
    keepCatalog({ each: true });

    it("--json prints one value a line, and Ctrl-C ends it with 0", async () => {
        const following = startFollowing(["--json"]);
        const line = JSON.parse(await removeAfter(following.next())) as {
            time: string;
            source: string;
            difference: { same: boolean; registry: { path: string }[] };
        };
        assert.ok(!Number.isNaN(Date.parse(line.time)) && ["registry", "winsock"].includes(line.source));
        assert.equal(line.difference.same, false);
        assert.deepEqual(
            line.difference.registry.map((change) => change.path),
            ["winsock-spi-follow"],
        );
        const { code, rest } = await following.end();
        assert.equal(code, 0);
        for (const one of rest) {
            JSON.parse(one);
        }
    });

    it("without --json prints what differs, harmless for a terminal", async () => {
        const following = startFollowing([]);
        assert.match(await removeAfter(following.next(), "\u001B[31m"), /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/);
        const { code, rest } = await following.end();
        assert.equal(code, 0);
        assert.ok(rest.some((line) => line.includes("winsock-spi-follow")));
        assert.ok(!rest.join("").includes("\u001B"));
    });

    /** Writes a value again and again until the first line comes: it may be before the follower has begun. */
    async function removeAfter(line: Promise<string>, name = ""): Promise<string> {
        let come = false;
        const printed = line.finally(() => (come = true));
        for (let round = 0; !come && round < 60; round++) {
            await setValue("", `winsock-spi-follow${name}`, String(round));
        }
        const result = await printed;
        await removeValue("", `winsock-spi-follow${name}`);
        return result;
    }
});

describe("catalog --tree and --svg", function () {
    this.timeout(120_000);

    it("--tree draws both catalogs", async () => {
        const drawn = await cli(["catalog", "--tree"]);
        expectCode(drawn, 0);
        assert.match(drawn.stdout, /^64-bit programs: \d+ entries$/m);
        assert.match(drawn.stdout, /^32-bit programs: \d+ entries$/m);
        assert.match(drawn.stdout, /^TCP\/IPv4\n> \d+ /m);
        assert.ok(!drawn.stdout.includes("\u001B"), "no colours for what is no terminal");
    });

    it("--svg writes the picture, whole or not at all", async () => {
        const file = path.join(temporaryFolder(), "catalog.svg");
        const done = await cli(["catalog", "--svg", file, "--json"]);
        expectCode(done, 0);
        assert.equal((JSON.parse(done.stdout) as { file: string }).file, file);
        assert.match(fs.readFileSync(file, "utf8"), /^<svg [^]*TCP\/IPv4[^]*<\/svg>\n$/);
        assert.deepEqual(
            fs.readdirSync(temporaryFolder()).filter((name) => name.includes("catalog.svg")),
            ["catalog.svg"],
        );
        const failed = await cli(["catalog", "--svg", path.join(temporaryFolder(), "missing", "x.svg"), "--json"]);
        expectCode(failed, 2);
        assert.equal((JSON.parse(failed.stdout) as { error: { code: string } }).error.code, "ERR_NOT_WRITABLE");
    });

    it("ways of showing exclude each other", async () => {
        for (const args of [
            ["--tree", "--follow"],
            ["--tree", "--svg", "x.svg"],
            ["--tree", "--json"],
        ]) {
            expectCode(await cli(["catalog", ...args]), 64);
        }
    });
});
