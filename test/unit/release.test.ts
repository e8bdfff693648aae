// What is looked at before a package is published (scripts/release), and how Visual Studio is chosen
// (scripts/visual-studio.mjs).
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { pathToFileURL } from "node:url";
import { packageRoot, packageVersion } from "#lib/native.js";

interface Release {
    binaries: readonly string[];
    prebuildProblems: (folder: string, version: string) => string[];
}
interface Hashes {
    writeHashes: (folder: string) => Promise<unknown>;
}
interface VisualStudio {
    generatorFor: (version: string, capabilities: string) => string | undefined;
    installationIn: (output: string) => { installationPath: string } | undefined;
}

const script = async (...file: string[]): Promise<unknown> =>
    import(pathToFileURL(path.join(packageRoot, "scripts", ...file)).href);
const { binaries, prebuildProblems } = (await script("release", "prebuilds.mjs")) as Release;
const { writeHashes } = (await script("hashes.mjs")) as Hashes;
const { generatorFor, installationIn } = (await script("visual-studio.mjs")) as VisualStudio;

describe("a package to be published", () => {
    let folder = "";
    const machines = { "win32-x64": 0x8664, "win32-ia32": 0x014c, "win32-arm64": 0xaa64 } as const;
    const place = (name: keyof typeof machines, file: string): string => path.join(folder, name, file);

    /** As much of a PE file as says which machine it is for. */
    function portableExecutable(machine: number): Buffer {
        const bytes = Buffer.alloc(0x80 + 24);
        bytes.write("MZ", 0, "latin1");
        bytes.writeUInt32LE(0x80, 60);
        bytes.write("PE\0\0", 0x80, "latin1");
        bytes.writeUInt16LE(machine, 0x84);
        return bytes;
    }

    beforeEach(async () => {
        folder = fs.mkdtempSync(path.join(os.tmpdir(), "winsock-spi-"));
        for (const [name, machine] of Object.entries(machines)) {
            fs.mkdirSync(path.join(folder, name));
            for (const file of binaries) {
                fs.writeFileSync(path.join(folder, name, file), portableExecutable(machine));
            }
            await writeHashes(path.join(folder, name));
        }
    });
    afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

    it("is complete with every binary of all three architectures", () => {
        assert.deepEqual(prebuildProblems(folder, packageVersion()), []);
    });

    it("lacks what is missing, by name", () => {
        fs.rmSync(place("win32-ia32", "winsock_spi_lsp.dll"));
        fs.rmSync(path.join(folder, "win32-arm64"), { recursive: true });
        assert.deepEqual(
            prebuildProblems(folder, packageVersion()).filter((problem) => problem.endsWith(" is missing")),
            [
                "prebuilds/win32-ia32/winsock_spi_lsp.dll is missing",
                ...[...binaries, "hashes.json"].map((file) => `prebuilds/win32-arm64/${file} is missing`),
            ],
        );
    });

    it("has no file for another processor, and none that is no program", async () => {
        fs.copyFileSync(place("win32-x64", "winsock_spi.node"), place("win32-arm64", "winsock_spi.node"));
        fs.writeFileSync(place("win32-x64", "winsock_spi_lsp.dll"), "version https://git-lfs.github.com/spec/v1\n");
        await writeHashes(path.join(folder, "win32-arm64"));
        await writeHashes(path.join(folder, "win32-x64"));
        assert.deepEqual(prebuildProblems(folder, packageVersion()), [
            "prebuilds/win32-x64/winsock_spi_lsp.dll is no Windows program, not for machine 0x8664",
            "prebuilds/win32-arm64/winsock_spi.node is for machine 0x8664, not for machine 0xaa64",
        ]);
    });

    it("is what its hashes say, signed or not, and of this version", async () => {
        fs.appendFileSync(place("win32-x64", "winsock_spi_lsp.dll"), "a signature");
        const [problem, ...more] = prebuildProblems(folder, packageVersion());
        assert.match(problem ?? "", /winsock_spi_lsp\.dll: is not what hashes\.json says/);
        assert.deepEqual(more, []);
        await writeHashes(path.join(folder, "win32-x64"));
        assert.deepEqual(prebuildProblems(folder, packageVersion()), []);
        assert.equal(prebuildProblems(folder, "9.9.9").length, 3);
    });
});

describe("Visual Studio for the build", () => {
    const capabilities = (...names: string[]): string =>
        JSON.stringify({ generators: names.map((name) => ({ name })), version: { major: 4 } });

    it("is driven by the generator of its own version", () => {
        const both = capabilities("Visual Studio 18 2026", "Visual Studio 17 2022", "Ninja");
        assert.equal(generatorFor("18.8.12023.21", both), "Visual Studio 18 2026");
        assert.equal(generatorFor("17.14.36414.22", both), "Visual Studio 17 2022");
    });

    it("is driven by no CMake that is older than it", () => {
        assert.equal(generatorFor("18.0.1", capabilities("Visual Studio 17 2022", "Ninja")), undefined);
    });

    it("is the first that its locator names, or none", () => {
        const found = [{ installationPath: "C:\\VS", installationVersion: "18.0.1" }, { installationPath: "C:\\Old" }];
        assert.equal(installationIn(JSON.stringify(found))?.installationPath, "C:\\VS");
        assert.equal(installationIn("[]\r\n"), undefined);
        assert.equal(installationIn(""), undefined);
    });
});
