// Programs that are excluded really do not load a layered provider, and do when they are included again; what an
// installation does for the programs of WSL, and that it leaves nothing behind.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { exclude, include, install, readCatalog, uninstall, watch } from "winsock-spi";
import type { ApplicationEntry } from "winsock-spi";
import { native } from "#lib/native.js";
import { counts } from "../support/counts.js";
import { skipIfUnchangeable } from "../support/windows.js";
import {
    type Bits,
    bitnesses,
    cli,
    cliFails,
    cliJson,
    cliFile,
    expectCode,
    exportRegistry,
    keepCatalog,
    lastJson,
    nodes,
    programFile,
    rescueFile,
    run,
    temporaryFolder,
} from "./acceptance-support.js";

const system = 0x8000_0000;

/** A program of its own file, so that nothing else is held to its categories. */
function copyProgram(bits: Bits, name: string): string {
    const file = path.join(temporaryFolder(), name);
    fs.copyFileSync(programFile(bits, "getsockopt_info"), file);
    return file;
}

/** Whether our provider is in a program that makes a socket; the program must work either way. */
async function meetsUs(file: string, ...args: readonly string[]): Promise<boolean> {
    const watching = watch();
    let met = false;
    const collecting = (async () => {
        for await (const { call, program } of watching) {
            met ||= call === "start" && program.toLowerCase() === file.toLowerCase();
        }
    })();
    try {
        const done = await run(file, args);
        assert.equal(lastJson(done.stdout)["ok"], true, done.stdout);
    } finally {
        watching.stop();
        await collecting;
        await watching.close();
    }
    return met;
}

const code = (expected: string) => ({ name: "WinsockError", code: expected });

async function applications(): Promise<ApplicationEntry[]> {
    return (await readCatalog()).applications ?? [];
}

describe("programs that layered providers keep out of", function () {
    this.timeout(600_000);
    before(function () {
        skipIfUnchangeable(this);
    });
    keepCatalog({ each: true });
    beforeEach(async () => {
        await uninstall({ leftovers: true }).catch(() => undefined);
    });

    it("excluded ones do not load us, and do when they are included again", async () => {
        await install();
        const before = await exportRegistry();
        for (const bits of bitnesses) {
            const file = copyProgram(bits, `excluded-${bits}.exe`);
            assert.equal(await meetsUs(file), true);
            await exclude({ programs: [file] });
            assert.equal(await meetsUs(file), false);
            assert.equal(await meetsUs(programFile(bits, "getsockopt_info")), true, "another file of the same program");
            assert.deepEqual((await exclude({ programs: [file.toUpperCase()] })).plan.steps, []);
            await include({ programs: [file] });
            assert.equal(await meetsUs(file), true);
        }
        assert.equal(await exportRegistry(), before);
        // Some instances only, and by categories, which an installation over this one gives the provider.
        await install({ categories: 5 });
        const file = copyProgram(64, "instances.exe");
        await exclude({ programs: [file], args: "one" });
        assert.deepEqual([await meetsUs(file, "one"), await meetsUs(file, "two")], [false, true]);
        await include({ programs: [file], args: "one" });
        await exclude({ programs: [file], categories: 1 });
        assert.equal(await meetsUs(file), false, "we are LSP_INSPECTOR and LSP_PROXY, and only one is permitted");
        await exclude({ programs: [file], categories: 4 });
        assert.equal(await meetsUs(file), true, "both are");
        await include({ programs: [file], categories: 5 });
        assert.equal(
            (await applications()).some(({ program }) => program.toLowerCase() === file.toLowerCase()),
            false,
        );
    });

    it("an installation keeps out of WSL, and takes back what it did, not what others did", async () => {
        const { programFiles, systemRoot } = native().machine();
        const service = path.join(programFiles, "WSL", "wslservice.exe");
        const inbox = path.join(systemRoot, "System32", "wsl.exe");
        const wsl = path.dirname(service);
        const had = fs.existsSync(wsl);
        const clean = await exportRegistry();
        try {
            await install();
            const made = (await applications()).filter(({ ours }) => ours === true);
            assert.deepEqual(
                made.map(({ program }) => program.toLowerCase()).sort(),
                [inbox, service, path.join(wsl, "wsl.exe")].map((file) => file.toLowerCase()).sort(),
            );
            assert.ok(made.every(({ categories }) => categories === system));
            if (!had) {
                fs.mkdirSync(wsl);
                fs.copyFileSync(programFile(64, "getsockopt_info"), service);
                assert.equal(await meetsUs(service), false);
            }
            await uninstall();
            assert.equal(await exportRegistry(), clean);
            const theirs = copyProgram(64, "theirs.exe");
            await exclude({ programs: [theirs] });
            const before = await exportRegistry();
            await install();
            expectCode(await run(rescueFile(64), ["remove"]), 0);
            assert.equal(await exportRegistry(), before, "what somebody else made stays");
            await install({ exclude: [] });
            assert.deepEqual(
                (await applications()).filter(({ ours }) => ours === true),
                [],
            );
        } finally {
            if (!had) {
                fs.rmSync(wsl, { recursive: true, force: true });
            }
        }
    });

    it("the CLI finds programs as Windows does, shows plans, asks, lists, and says how to undo it", async () => {
        const before = await exportRegistry();
        const file = copyProgram(64, "by name.exe");
        const env = { PATH: `${path.dirname(file)};${process.env["PATH"] ?? ""}` };
        const dry = await cli(["exclude", "by name", "--dry-run"], { env });
        expectCode(dry, 0);
        assert.ok(dry.stdout.toLowerCase().includes(file.toLowerCase()), dry.stdout);
        assert.equal(await exportRegistry(), before);
        await cliFails(["exclude", "no-such-program", "--yes"], "ERR_FILE_NOT_FOUND");
        const done = await cliJson<{ changed: boolean; undo: string }>("exclude", file, "--yes");
        assert.deepEqual([done.changed, done.undo], [true, `winsock-spi include "${file}" --yes`]);
        const { applications: listed } = await cliJson<{ applications: ApplicationEntry[] }>("exclude", "--list");
        const own = listed.find(({ program }) => program.toLowerCase() === file.toLowerCase());
        assert.deepEqual([own?.categories, own?.categoryNames], [system, ["LSP_SYSTEM"]]);
        fs.rmSync(file);
        assert.equal((await cliJson<{ changed: boolean }>("include", file, "--yes")).changed, true);
        assert.equal(await exportRegistry(), before);
    });

    it("the library refuses what is no program, and works from a 32-bit Node too", async () => {
        await assert.rejects(
            exclude({ programs: [path.join(temporaryFolder(), "gone.exe")] }),
            code("ERR_FILE_NOT_FOUND"),
        );
        await assert.rejects(exclude({ programs: ["wsl.exe"] }), TypeError);
        await assert.rejects(exclude({ programs: [] }), TypeError);
        await assert.rejects(include({ programs: ["C:\\x.exe"], unknown: 1 } as never), TypeError);
        const file = copyProgram(32, "from-32.exe");
        expectCode(await run(nodes["node-x86"]!, [cliFile, "exclude", file, "--yes"]), 0);
        assert.equal(
            (await applications()).find(({ program }) => program.toLowerCase() === file.toLowerCase())?.categories,
            system,
        );
        if (counts.everyCombination === 0) {
            return;
        }
        expectCode(
            await run(nodes["node-x86"]!, [cliFile, "install", "--categories", "inspector", "--no-exclude", "--yes"]),
            0,
        );
        const { categories } = await readCatalog();
        assert.deepEqual(
            bitnesses.map((bits) => Object.values(categories?.[`${bits}`] ?? {})),
            [[1], [1]],
            "in both catalogs",
        );
    });
});
