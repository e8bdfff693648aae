// What the builds must keep to: one list of sources, no scripts at install, and a provider that drags nothing in.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { fileURLToPath } from "node:url";
import { readPortableExecutable } from "../support/pe.js";

const project = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..", "..", "..");
const read = (...file: string[]): string => fs.readFileSync(path.join(project, ...file), "utf8");
const sources = JSON.parse(read("native", "sources.json")) as Record<string, string[]>;

function filesBelow(folder: string): string[] {
    return fs
        .readdirSync(path.join(project, folder), { recursive: true, encoding: "utf8" })
        .map((name) => path.posix.join(folder, name.replaceAll("\\", "/")));
}

describe("the list of sources", () => {
    const listed = new Set(Object.values(sources).flat());

    it("names every C++ file of native/, and only files that exist", () => {
        const existing = filesBelow("native").filter((name) => name.endsWith(".cpp"));
        assert.deepEqual([...listed].sort(), existing.sort());
    });

    it("is sorted and names no file twice in one list", () => {
        for (const [name, files] of Object.entries(sources)) {
            assert.deepEqual(files, [...new Set(files)].sort(), name);
        }
    });

    it("has the freestanding part of core and spi as a part of them", () => {
        for (const name of ["core", "spi"]) {
            const rest = sources[`${name}_lsp`]?.filter((file) => !sources[name]?.includes(file));
            assert.deepEqual(rest, [], `${name}_lsp`);
        }
    });

    it("is the only one that CMake reads: every list, and no file by name", () => {
        const text = [read("CMakeLists.txt"), ...filesBelow("cmake").map((name) => read(name))].join("\n");
        for (const name of Object.keys(sources)) {
            assert.match(text, new RegExp(`winsock_spi_sources\\(${name} `), name);
        }
        assert.match(text, /file\(READ \$\{WINSOCK_SPI_SOURCES_FILE\}/);
        assert.doesNotMatch(text, /native\/[\w/]+\.cpp/);
    });

    it("is the only one that binding.gyp reads: what addon and provider are made of, and no file by name", () => {
        const text = read("binding.gyp");
        const used = [...text.matchAll(/require\('\.\/native\/sources\.json'\)\.(\w+)/g)].map((match) => match[1]);
        assert.deepEqual(used.sort(), ["addon", "core", "core_lsp", "lsp", "spi", "spi_lsp"]);
        assert.doesNotMatch(text, /\.cpp/);
    });
});

describe("the package", () => {
    const manifest = JSON.parse(read("package.json")) as {
        scripts: Record<string, string>;
        gypfile?: boolean;
        binary?: { napi_versions?: number[] };
        files: string[];
    };

    it("runs nothing when it is installed", () => {
        const atInstall = [
            "preinstall",
            "install",
            "postinstall",
            "preprepare",
            "prepare",
            "postprepare",
            "prepublish",
        ];
        assert.deepEqual(
            Object.keys(manifest.scripts).filter((name) => atInstall.includes(name)),
            [],
        );
        assert.equal(manifest.gypfile, false, "else npm runs node-gyp because of binding.gyp");
    });

    it("passes its version from package.json to both builds", () => {
        assert.match(read("cmake", "version.cmake"), /string\(JSON \w+ GET "\$\{manifest\}" version\)/);
        for (const [index, part] of ["MAJOR", "MINOR", "PATCH"].entries()) {
            const expression = `require('./package.json').version.split(/[.+-]/)[${index}]`;
            const define = `WINSOCK_SPI_VERSION_${part}=<!(node -p \\"${expression}\\")`;
            assert.ok(read("binding.gyp").includes(define), define);
            assert.match(read("native", "core", "version.hpp"), new RegExp(`\\{WINSOCK_SPI_VERSION_${part}\\}`));
        }
    });

    it("is built for Node-API 8, by CMake and by node-gyp", () => {
        assert.deepEqual(manifest.binary?.napi_versions, [8]);
        assert.match(read("cmake", "addon.cmake"), /NAPI_VERSION=8\b/);
        assert.match(read("binding.gyp"), /"NAPI_VERSION=8"/);
    });
});

describe("the built binaries", () => {
    for (const [folder, bits] of [
        ["win32-x64", 64],
        ["win32-ia32", 32],
    ] as const) {
        const binary = (name: string) => readPortableExecutable(path.join(project, "prebuilds", folder, name));

        it(`${folder}: the provider imports kernel32 and ntdll and nothing else, and exports WSPStartup`, () => {
            const provider = binary("winsock_spi_lsp.dll");
            assert.equal(provider.bits, bits);
            assert.ok(provider.imports.length > 0);
            assert.deepEqual(
                provider.imports.filter((name) => !["kernel32.dll", "ntdll.dll"].includes(name)),
                [],
            );
            assert.deepEqual(provider.exports, ["WSPStartup"]);
        });

        it(`${folder}: addon and rescue need no DLL that is not part of Windows, and rescue no Winsock`, () => {
            const system = new Set([
                "advapi32.dll",
                "bcrypt.dll",
                "kernel32.dll",
                "msvcrt.dll",
                "ntdll.dll",
                "ole32.dll",
                "shell32.dll",
                "user32.dll",
            ]);
            const addon = binary("winsock_spi.node");
            const rescue = binary("winsock-spi-rescue.exe");
            assert.deepEqual([addon.bits, rescue.bits], [bits, bits]);
            assert.deepEqual(
                addon.imports.filter((name) => !system.has(name)),
                ["node.exe"],
            );
            assert.deepEqual(
                rescue.imports.filter((name) => !system.has(name)),
                [],
            );
        });
    }
});
