// Trying providers out: what the processes that do it say, who is to blame when they do not end well, and reading a DLL
// without loading it.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import type { CatalogEntry } from "#lib/catalog/model.js";
import { readPortableExecutable } from "#lib/doctor/portable-executable.js";
import { type InspectRequest, type TrialTask, tryProviders } from "#lib/doctor/trial.js";
import { packageRoot } from "#lib/native.js";
import { readPortableExecutable as readIndependently } from "../support/pe.js";
import { Random, baseEntries, cases, entry, newSeed, withStranger } from "./catalogs.js";

const dll = "C:\\Stranger\\s.dll";

function taskOf(entries: readonly CatalogEntry[]): TrialTask {
    const resolved = entries.map((one) => ({
        ...one,
        resolvedPath: one.path.replace("%SystemRoot%\\system32", "C:\\Windows\\System32"),
    }));
    return {
        entries: resolved,
        namespaces: [],
        loadable: new Set(resolved.map(({ resolvedPath }) => resolvedPath)),
        limit: 1000,
    };
}

const stranger = (): TrialTask =>
    taskOf(withStranger(baseEntries(), { firstId: 2001, guid: "{11111111-2222-3333-4444-555555550000}" }));

type Behaviour = "well" | "crash" | "hang" | number;

/** Stands in for `winsock-spi-rescue inspect`: things that a file or an id does. */
function processes({
    library = () => "well",
    socket = () => "well",
    winsock = "well",
    noise = "",
}: {
    library?: (path: string) => Behaviour;
    socket?: (id: number) => Behaviour;
    winsock?: Behaviour;
    noise?: string;
}): {
    run: (request: InspectRequest) => Promise<{ exitCode: number; timedOut: boolean; output: string }>;
    requests: InspectRequest[];
} {
    const requests: InspectRequest[] = [];
    const run = (request: InspectRequest): Promise<{ exitCode: number; timedOut: boolean; output: string }> => {
        requests.push(request);
        const lines: object[] = [];
        const ended = (code: number): Promise<{ exitCode: number; timedOut: boolean; output: string }> =>
            Promise.resolve({
                exitCode: code,
                timedOut: false,
                output: [...lines.map((line) => JSON.stringify(line)), noise].join("\n"),
            });
        const things: [Behaviour, (error: number) => object][] = [
            ...request.libraries.map(({ path: file }, index): [Behaviour, (error: number) => object] => [
                library(file),
                (error) => ({ library: index, error, function: true }),
            ]),
            ...(request.sockets.length === 0
                ? []
                : [[winsock, (error: number) => ({ winsock: error })] as [Behaviour, (error: number) => object]]),
            ...request.sockets.map((id, index): [Behaviour, (error: number) => object] => [
                socket(id),
                (error) => ({ socket: index, error, bind: 0, base: 0, same: true, select: 0, poll: 0 }),
            ]),
        ];
        for (const [index, [behaviour, line]] of things.entries()) {
            lines.push({ begin: index });
            if (behaviour === "crash") {
                return ended(0xc000_0005);
            }
            if (behaviour === "hang") {
                lines.push({ hung: index });
                return ended(258);
            }
            lines.push(line(behaviour === "well" ? 0 : behaviour));
        }
        lines.push({ done: true });
        return ended(0);
    };
    return { run, requests };
}

describe("trying providers out", () => {
    it("takes one process where all is well, those below before those above", async () => {
        const { run, requests } = processes({ noise: 'what a DLL printed\n{"x":' });
        const trial = await tryProviders(stranger(), run);
        assert.equal(requests.length, 1);
        assert.deepEqual(requests[0]!.sockets.slice(0, 6), [1001, 1002, 1003, 1004, 1005, 1006]);
        assert.equal(trial.fault, undefined);
        assert.deepEqual(trial.winsock, { error: 0 });
        assert.equal(Object.keys(trial.sockets).length, 12);
        assert.deepEqual(trial.libraries[dll], { error: 0, function: "WSPStartup", exported: true });
    });

    it("asks nothing more of a DLL that ended a process while it was loaded", async () => {
        const { run, requests } = processes({ library: (file) => (file === dll ? "crash" : "well") });
        const trial = await tryProviders(stranger(), run);
        assert.deepEqual(trial.libraries[dll], { crashed: 0xc000_0005, function: "WSPStartup" });
        assert.deepEqual(trial.sockets["2002"], { skipped: dll });
        assert.deepEqual(trial.sockets["1001"], { error: 0, bind: 0, base: 0, same: true, select: 0, poll: 0 });
        assert.equal(requests.length, 2);
    });

    it("blames the provider whose own socket hangs, and not the one above it", async () => {
        const entries = withStranger(baseEntries(), { firstId: 2001, guid: "{11111111-2222-3333-4444-555555550000}" });
        const above = entry({
            id: 3002,
            name: "Above",
            providerId: "{33333333-2222-3333-4444-555555550001}",
            path: "C:\\Above\\a.dll",
            chain: [3001, 2001, 1001],
        });
        const { run } = processes({ socket: (id) => (id === 2002 || id === 3002 ? "hang" : "well") });
        const trial = await tryProviders(taskOf([above, ...entries]), run);
        assert.deepEqual(trial.sockets["2002"], { hung: 1000 });
        assert.deepEqual(trial.sockets["3002"], { skipped: dll });
        assert.deepEqual(trial.sockets["2003"], { skipped: dll }, "it is not tried a second time");
    });

    it("tells of a Winsock that does not start, and of one that ends the process", async () => {
        const failed = await tryProviders(stranger(), processes({ winsock: 10091 }).run);
        assert.deepEqual(failed.winsock, { error: 10091 });
        const crashed = await tryProviders(stranger(), processes({ winsock: "crash" }).run);
        assert.deepEqual(crashed.winsock, { crashed: 0xc000_0005 });
    });

    it("splits what is too much for one process, and ends with one that says nothing", async () => {
        const many = taskOf([
            ...baseEntries(),
            ...Array.from({ length: 250 }, (_, index) =>
                entry({ id: 5000 + index, path: `C:\\many\\${index}.dll`, family: 40 + index }),
            ),
        ]);
        const { run, requests } = processes({});
        const trial = await tryProviders(many, run);
        assert.equal(Object.keys(trial.sockets).length, 256);
        assert.ok(requests.every(({ libraries, sockets }) => libraries.length + sockets.length <= 200));
        const silent = await tryProviders(many, () => Promise.resolve({ exitCode: 3, timedOut: false, output: "?" }));
        assert.match(silent.fault ?? "", /ended with 3/);
    });

    it("ends whatever the processes print", async () => {
        const random = new Random(newSeed());
        for (let round = 0; round < cases(30); ++round) {
            const words = [
                '{"begin":0}',
                '{"begin":5}',
                '{"done":true}',
                '{"socket":2,"error":0}',
                '{"library":0,"error":126}',
                '{"crashed":1}',
                '{"hung":3}',
                '{"winsock":0}',
                "[]",
                "null",
                '{"socket":-1,"error":1}',
                '{"library":1e9,"error":0}',
            ];
            const trial = await tryProviders(stranger(), () =>
                Promise.resolve({
                    exitCode: random.below(2 ** 31),
                    timedOut: random.chance(30),
                    output: Array.from({ length: random.below(12) }, () => random.pick(words)).join("\n"),
                }),
            );
            assert.ok(Object.keys(trial.sockets).length <= 12);
        }
    });
});

describe("reading a DLL without loading it", () => {
    const file = (arch: string): string => path.join(packageRoot, "prebuilds", arch, "winsock_spi_lsp.dll");

    it("gives processor, kind and the exports of providers", function () {
        for (const [arch, machine] of [
            ["win32-x64", 0x8664],
            ["win32-ia32", 0x14c],
        ] as const) {
            if (!fs.existsSync(file(arch))) {
                this.skip();
            }
            const bytes = fs.readFileSync(file(arch));
            assert.deepEqual(readPortableExecutable(bytes), {
                machine,
                dll: true,
                whole: true,
                exports: ["WSPStartup"],
            });
            assert.ok(readIndependently(file(arch)).exports.includes("WSPStartup"));
            const rescue = readPortableExecutable(
                fs.readFileSync(path.join(path.dirname(file(arch)), "winsock-spi-rescue.exe")),
            );
            assert.deepEqual([rescue?.dll, rescue?.exports ?? []], [false, []]);
            assert.equal(readPortableExecutable(bytes.subarray(0, 1500))?.whole, false);
            assert.equal(readPortableExecutable(bytes.subarray(0, 50)), undefined);
        }
    });

    it("ends with any bytes", function () {
        if (!fs.existsSync(file("win32-x64"))) {
            this.skip();
        }
        const seed = newSeed();
        const random = new Random(seed);
        const whole = fs.readFileSync(file("win32-x64"));
        for (let round = 0; round < cases(1000); ++round) {
            const bytes = Buffer.from(
                whole.subarray(0, random.chance(50) ? whole.byteLength : random.below(whole.byteLength)),
            );
            for (let times = random.below(20); times > 0 && bytes.byteLength > 0; --times) {
                bytes[
                    random.chance(70) ? random.below(Math.min(1024, bytes.byteLength)) : random.below(bytes.byteLength)
                ] = random.below(256);
            }
            try {
                readPortableExecutable(bytes);
            } catch (error) {
                assert.fail(`seed ${seed}, round ${round}: ${String(error)}`);
            }
        }
        assert.equal(readPortableExecutable(random.bytes(4096)), undefined);
    });
});
