// The replace-base method where something is broken: what was written down is gone or wrong, the DLL is gone, a program
// runs on while the provider comes and goes, and the change is killed at any of its writes.
import assert from "node:assert/strict";
import { type ChildProcessByStdio, spawn } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import type { Readable, Writable } from "node:stream";
import { install, recover, uninstall } from "winsock-spi";
import { native, packageVersion } from "#lib/native.js";
import { counts } from "../support/counts.js";
import { skipIfUnchangeable } from "../support/windows.js";
import {
    bitnesses,
    cli,
    expectCode,
    exportRegistry,
    keepCatalog,
    nodes,
    program,
    rescueFile,
    run,
    temporaryFolder,
} from "./acceptance-support.js";
import { type Attempt, killAtEveryPoint } from "./executor-support.js";
import { replaceBase, skipIfNotSigned, withoutUs } from "./replace-base-support.js";

const failedInit = 10106; // WSAEPROVIDERFAILEDINIT
const key = "HKLM\\SYSTEM\\CurrentControlSet\\Services\\WinSock2\\Parameters\\winsock-spi";
const guids = ["{E70F1AA0-AB8B-11CF-8CA3-00805F48A192}", "{F9EAB0C0-26D4-11D0-BBBF-00AA006C34E4}"];

const machine = native().machine();
const folders = ["x64", "x86"].map((name) => path.join(machine.programFiles, "winsock-spi", packageVersion(), name));
const file = (folder: string): string => path.join(folder, "replaced-base.txt");
const dll = (folder: string): string => path.join(folder, "winsock_spi_lsp.dll");

async function reg(...args: readonly string[]): Promise<void> {
    expectCode(await run("reg.exe", [...args, "/f"]), 0);
}

/** Every saved path in the registry becomes this one. */
async function writeRegistry(type: string, dllPath: string): Promise<void> {
    for (const name of ["replaced64", "replaced32"]) {
        for (const guid of guids) {
            await reg("add", `${key}\\${name}`, "/v", guid, "/t", type, "/d", dllPath);
        }
    }
}

async function expectPrograms(expected: "work" | number): Promise<void> {
    for (const bits of bitnesses) {
        const summary = await program(bits, "getsockopt_info");
        if (expected === "work") {
            assert.equal(summary["ok"], true, JSON.stringify(summary));
        } else {
            assert.equal(summary["error"], `socket: ${expected}`, JSON.stringify(summary));
        }
    }
}

const start = (source: string): ChildProcessByStdio<Writable, Readable, null> =>
    spawn(nodes["node"]!, ["-e", source], { stdio: ["pipe", "pipe", "inherit"], windowsHide: true });

describe("replace-base, damaged", function () {
    this.timeout(600_000);
    before(async function () {
        skipIfUnchangeable(this);
        await skipIfNotSigned(this);
    });
    after(withoutUs); // before the catalog is compared
    keepCatalog({ each: false });
    let found = "";
    before(async () => {
        await withoutUs();
        found = await exportRegistry();
    });

    const removeRegistry = (): Promise<void> => reg("delete", key);
    const removeFiles = (): void => folders.forEach((folder) => fs.rmSync(file(folder)));

    describe("what is written down", () => {
        let saved: Buffer[] = [];
        const export_ = path.join(temporaryFolder(), "replaced.reg");
        before(async () => {
            await replaceBase();
            saved = folders.map((folder) => fs.readFileSync(file(folder)));
            expectCode(await run("reg.exe", ["export", key, export_, "/y"]), 0);
        });
        afterEach(async () => {
            expectCode(await run("reg.exe", ["import", export_]), 0);
            folders.forEach((folder, index) => fs.writeFileSync(file(folder), saved[index]!));
        });
        after(withoutUs);

        const damages: Record<string, () => Promise<void> | void> = {
            "is gone from the registry": removeRegistry,
            "is gone beside the DLL": removeFiles,
            "has another type in the registry": () => writeRegistry("REG_SZ", "C:\\nothing.dll"),
            "is a DLL without a folder": () => writeRegistry("REG_EXPAND_SZ", "winsock_wine_base.dll"),
            "is a DLL that is not there": () => writeRegistry("REG_EXPAND_SZ", "C:\\gone\\base.dll"),
            "is our own DLL": () => writeRegistry("REG_EXPAND_SZ", dll(folders[0]!)),
            "is a copy of our DLL": async () => {
                const copy = path.join(temporaryFolder(), "copy.dll");
                fs.copyFileSync(dll(folders[0]!), copy);
                await writeRegistry("REG_EXPAND_SZ", copy);
            },
            "is nonsense beside the DLL": () => {
                folders.forEach((folder) => fs.writeFileSync(file(folder), "\0{E70F1AA0 \uFFFF".repeat(900)));
            },
        };
        for (const [what, damage] of Object.entries(damages)) {
            it(`${what}: programs have their network by the other place`, async () => {
                await damage();
                await expectPrograms("work");
            });
        }
    });

    describe("the way out", () => {
        beforeEach(withoutUs);

        for (const [what, damage] of [
            ["the registry key", removeRegistry],
            ["the file", removeFiles],
        ] as const) {
            it(`${what} is gone: uninstall gives back what was there`, async () => {
                await replaceBase();
                await damage();
                await uninstall();
                assert.equal(await exportRegistry(), found);
            });
        }

        it("nothing says which DLL it was: Windows' own is known, and uninstall asks the backups", async () => {
            await replaceBase();
            await removeRegistry();
            removeFiles();
            await expectPrograms(machine.wine ? failedInit : "work"); // Wine's base provider has another name
            expectCode(await cli(["uninstall", "--yes"]), 0);
            assert.equal(await exportRegistry(), found);
            await expectPrograms("work");
        });

        it("rescue remove says so and changes nothing where it does not know which DLL it was", async () => {
            const backup = await replaceBase();
            await removeRegistry();
            removeFiles();
            const before = await exportRegistry();
            const ended = await run(rescueFile(64), ["remove"]);
            expectCode(ended, 2);
            assert.match(ended.stdout, /ERR_ORIGINAL_UNKNOWN.*restore/);
            assert.equal(await exportRegistry(), before);
            expectCode(await run(rescueFile(64), ["restore", backup]), 0);
            assert.equal(await exportRegistry(), found);
            await withoutUs();
        });

        for (const way of ["uninstall", "rescue remove"] as const) {
            it(`our DLL is gone: programs fail with ${failedInit}, and ${way} cures it`, async () => {
                await replaceBase();
                folders.forEach((folder) => fs.rmSync(dll(folder)));
                await expectPrograms(failedInit);
                const done = way === "uninstall" ? cli(["uninstall", "--yes"]) : run(rescueFile(64), ["remove"]);
                expectCode(await done, 0);
                assert.equal(await exportRegistry(), found);
                await expectPrograms("work");
            });
        }
    });

    describe("a running program", () => {
        beforeEach(withoutUs);

        it("has its network throughout while the provider comes and goes", async () => {
            // Each line of its input is an address to connect to.
            const source = `
                const net = require("node:net");
                const lines = require("node:readline").createInterface({ input: process.stdin });
                lines.on("line", (host) => {
                    const server = net.createServer((socket) => socket.end("hello"));
                    server.listen(0, host, () => {
                        let text = "";
                        net.connect(server.address().port, host)
                            .on("data", (data) => (text += data))
                            .on("close", () => server.close(() => console.log(host + " " + text)));
                    });
                });`;
            const child = start(source);
            const answers = child.stdout.setEncoding("utf8")[Symbol.asyncIterator]();
            const connect = async (host: string): Promise<void> => {
                child.stdin.write(`${host}\n`);
                const { value } = (await answers.next()) as { value: string | undefined };
                assert.equal(value?.trim(), `${host} hello`);
            };
            try {
                await connect("127.0.0.1");
                await replaceBase();
                await connect("::1");
                await connect("127.0.0.1");
                await uninstall();
                await connect("::1");
                await connect("127.0.0.1");
            } finally {
                child.stdin.end();
                child.kill();
            }
            assert.equal(await exportRegistry(), found);
        });

        it("that met the provider over IPv4 only has IPv6 after uninstall", async () => {
            await replaceBase();
            const source = `
                const net = require("node:net");
                process.stdin.once("data", () => {
                    const server = net.createServer((socket) => socket.end("hello")).listen(0, "::1", () =>
                        net.connect(server.address().port, "::1").on("data", (data) => console.log(String(data)))
                            .on("close", () => process.exit(0)));
                });
                const first = net.createServer().listen(0, "127.0.0.1", () => console.log("ready"));`;
            const child = start(source);
            const lines = child.stdout.setEncoding("utf8")[Symbol.asyncIterator]();
            assert.equal(((await lines.next()).value as string).trim(), "ready");
            await uninstall();
            child.stdin.write("go\n");
            assert.equal(((await lines.next()).value as string | undefined)?.trim(), "hello");
            assert.equal(await exportRegistry(), found);
        });
    });

    describe("killed at a write of", () => {
        const tally = { tried: 0, losses: 0 };
        after(() => console.log(`      ${tally.tried} kill points tried, ${tally.losses} losses`));
        const killEverywhere = (attempt: Attempt): Promise<void> =>
            killAtEveryPoint({ most: counts.killPointsOfChains, ...attempt }, tally);

        it("the installation, everything is as before or as after", async () => {
            const { plan } = await install({ method: "replace-base", acceptRisk: true, dryRun: true });
            const { confirm: _, ...operation } = plan; // what becomes of that one is in confirm.test.ts
            await killEverywhere({
                operation,
                onFailure: "undo",
                begin: async () => {
                    await withoutUs();
                },
            });
            await withoutUs();
        });

        it("the uninstallation, everything is as before or as after", async () => {
            await replaceBase();
            const { plan: operation } = await uninstall({ dryRun: true });
            await uninstall();
            await killEverywhere({
                operation,
                onFailure: "finish",
                begin: async () => {
                    await recover();
                    await replaceBase().catch((error: unknown) =>
                        assert.equal((error as { code?: string }).code, "ERR_ALREADY_INSTALLED"),
                    );
                },
            });
            await withoutUs();
        });
    });
});
