// Shows: a provider DLL that is broken takes programs' sockets away, as on Windows, but never the way back.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import {
    bitnesses,
    cli,
    combinations,
    entriesOf,
    expectCode,
    exportRegistry,
    keepCatalog,
    nodes,
    ours,
    program,
    programFile,
    providerFile,
    readCatalog,
    rescueFile,
    run,
    setup,
    temporaryFolder,
} from "./acceptance-support.js";
import type { Bits } from "./acceptance-support.js";

const failedInit = 10106; // WSAEPROVIDERFAILEDINIT
const invalidTable = 10104; // WSAEINVALIDPROCTABLE

interface Damage {
    readonly name: string;
    readonly error: number;
    /** Makes the damaged file at `file`, where a good provider of that bitness stands. */
    make(file: string, bits: Bits): void;
}

const replaceWith =
    (name: string): Damage["make"] =>
    (file, bits) =>
        fs.copyFileSync(providerFile(bits, name), file);

const damages: readonly Damage[] = [
    { name: "missing", error: failedInit, make: (file) => fs.rmSync(file) },
    { name: "truncated", error: failedInit, make: (file) => fs.truncateSync(file, 600) },
    { name: "empty", error: failedInit, make: (file) => fs.truncateSync(file, 0) },
    {
        name: "of the wrong bitness",
        error: failedInit,
        make: (file, bits) => fs.copyFileSync(providerFile(bits === 64 ? 32 : 64, "second_provider.dll"), file),
    },
    { name: "one whose WSPStartup returns an error", error: failedInit, make: replaceWith("fail_startup.dll") },
    { name: "one with a NULL in its procedure table", error: invalidTable, make: replaceWith("null_entry.dll") },
];

/** The provider DLL in the catalog of a bitness, of those whose GUID begins so. */
async function installedDll(bits: Bits, guidPrefix: string): Promise<string> {
    const entry = entriesOf(await readCatalog(), bits).find(({ providerId }) => providerId.startsWith(guidPrefix));
    assert.ok(entry !== undefined);
    return entry.resolvedPath;
}

async function expectPrograms(result: { error: number } | "work" | "crash"): Promise<void> {
    for (const bits of bitnesses) {
        if (result === "crash") {
            // A crashed program prints no summary; what code it ends with is not the point.
            const { stdout } = await run(programFile(bits, "getsockopt_info"));
            assert.ok(!stdout.includes('"ok"'), `${bits}: the program crashes before it can say anything: ${stdout}`);
            continue;
        }
        const summary = await program(bits, "getsockopt_info");
        if (result === "work") {
            assert.equal(summary["ok"], true, JSON.stringify(summary));
        } else {
            assert.equal(summary["ok"], false);
            assert.equal(summary["error"], `socket: ${result.error}`, `${bits}-bit programs fail as on Windows`);
        }
    }
}

async function rescue(...args: readonly string[]): Promise<void> {
    expectCode(await run(rescueFile(64), args), 0);
}

describe("acceptance: broken providers", function () {
    this.timeout(600_000);
    const keep = keepCatalog({ each: true });
    let before = "";

    beforeEach(async () => {
        before = await exportRegistry();
        expectCode(await cli(["install", "--yes"]), 0);
    });

    async function breakOurs(damage: Damage): Promise<void> {
        const dlls = await Promise.all(bitnesses.map((bits) => installedDll(bits, ours)));
        for (const [index, bits] of bitnesses.entries()) {
            damage.make(dlls[index]!, bits);
        }
    }

    const waysBack = {
        uninstall: async () => expectCode(await cli(["uninstall", "--yes"]), 0),
        "rescue remove": () => rescue("remove"),
        "rescue restore": () => rescue("restore", keep.backup()),
    };

    for (const [damage, way] of combinations(damages, ["uninstall", "rescue remove", "rescue restore"] as const)) {
        it(`ours is ${damage.name}: programs fail with ${damage.error}, and ${way} works`, async () => {
            await breakOurs(damage);
            await expectPrograms(damage);
            await waysBack[way]();
            assert.equal(await exportRegistry(), before);
            await expectPrograms("work");
        });
    }

    for (const way of ["rescue remove", "rescue restore"] as const) {
        it(`ours crashes in WSPStartup, and so does every Node: ${way} works`, async () => {
            await breakOurs({ name: "", error: 0, make: replaceWith("crash_startup.dll") });
            await expectPrograms("crash");
            const source = "require('net').createServer().listen(0, () => process.exit(console.log('works')))";
            const node = await run(nodes["node"]!, ["-e", source], { timeout: 60_000 });
            assert.ok(!node.stdout.includes("works"), "Node cannot make a socket");
            await waysBack[way]();
            assert.equal(await exportRegistry(), before);
            await expectPrograms("work");
        });
    }

    for (const [damage, way] of combinations(damages, ["uninstall", "rescue remove"] as const)) {
        it(`a stranger's above ours is ${damage.name}: ${way} works, and leaves the stranger's entries`, async () => {
            const files: string[] = [];
            for (const bits of bitnesses) {
                const file = path.join(temporaryFolder(), `stranger-${bits}.dll`);
                fs.copyFileSync(providerFile(bits, "second_provider.dll"), file);
                await setup(bits, "install", file);
                files.push(file);
            }
            await expectPrograms("work");
            for (const [index, bits] of bitnesses.entries()) {
                damage.make(files[index]!, bits);
            }
            await expectPrograms(damage);
            await waysBack[way]();
            await expectPrograms(damage);
            for (const bits of bitnesses) {
                await setup(bits, "remove");
            }
            assert.equal(await exportRegistry(), before);
            await expectPrograms("work");
        });
    }
});
