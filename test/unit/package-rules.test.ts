// The rules of the package (scripts/checks/package.mjs, scripts/sbom.mjs, scripts/hashes.mjs): each is broken once.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { pathToFileURL } from "node:url";
import { packageRoot } from "#lib/native.js";
import { readPortableExecutable } from "../support/pe.js";

interface Listed {
    files: { path: string; size: number }[];
    size: number;
    unpackedSize: number;
}

interface Component {
    "bom-ref": string;
    name: string;
    type?: string;
    scope?: string;
}

interface Bill {
    metadata: { component: Component };
    components: Component[];
    dependencies: { ref: string; dependsOn: string[] }[];
}

interface Rules {
    listProblems(listed: Listed): string[];
    referenceProblems(names: string[], text: (name: string) => string): string[];
    sourceProblems(names: string[], gyp: string, sources: Record<string, string[]>): string[];
}

const load = async <Module>(...file: string[]): Promise<Module> =>
    (await import(pathToFileURL(path.join(packageRoot, "scripts", ...file)).href)) as Module;
const read = (...file: string[]): string => fs.readFileSync(path.join(packageRoot, ...file), "utf8");

describe("the rules for what the package holds", () => {
    let rules: Rules;
    const whole = (): Listed => ({
        files: [
            ...["package.json", "README.md", "LICENSE", "SECURITY.md", "THIRD-PARTY.md", "sbom.cdx.json"],
            ...["policy.schema.json", "binding.gyp", "native/sources.json", "native/core/json.cpp"],
            ...["dist/index.js", "dist/index.d.ts", "dist/cli/main.js"],
            ...["win32-x64", "win32-ia32"].flatMap((folder) =>
                ["winsock_spi.node", "winsock_spi_lsp.dll", "winsock-spi-rescue.exe", "hashes.json"].map(
                    (name) => `prebuilds/${folder}/${name}`,
                ),
            ),
        ].map((name) => ({ path: name, size: 1 })),
        size: 1000,
        unpackedSize: 2000,
    });

    before(async () => {
        rules = await load<Rules>("checks", "package.mjs");
    });

    it("find nothing in a package that has what it needs", () => {
        assert.deepEqual(rules.listProblems(whole()), []);
    });

    it("find each file that is missing, also of a third architecture", () => {
        const listed = whole();
        listed.files = listed.files.filter((file) => file.path !== "prebuilds/win32-ia32/winsock_spi_lsp.dll");
        listed.files.push({ path: "prebuilds/win32-arm64/winsock_spi.node", size: 1 });
        const found = rules.listProblems(listed).map((problem) => problem.split(":")[0]);
        assert.deepEqual(found.sort(), [
            "prebuilds/win32-arm64/hashes.json",
            "prebuilds/win32-arm64/winsock-spi-rescue.exe",
            "prebuilds/win32-arm64/winsock_spi_lsp.dll",
            "prebuilds/win32-ia32/winsock_spi_lsp.dll",
        ]);
    });

    it("find what does not belong there", () => {
        const strangers = [
            "native/wine/host/dispatch.cpp",
            "test/unit/package.test.js",
            "dist/index.js.map",
            "prebuilds/win32-x64/winsock_spi.pdb",
            ".env",
            "scripts/test.mjs",
        ];
        const listed = whole();
        listed.files.push(...strangers.map((name) => ({ path: name, size: 1 })));
        assert.deepEqual(
            rules.listProblems(listed).map((problem) => problem.split(":")[0]),
            strangers,
        );
    });

    it("find a package that has grown out of its budget, packed, unpacked or in files", () => {
        const many = whole();
        many.files.push(...Array.from({ length: 900 }, (_, index) => ({ path: `dist/a${index}.js`, size: 1 })));
        assert.match(rules.listProblems({ ...whole(), size: 1e7 })[0]!, /^packed: 10000000 bytes, more than/);
        assert.match(rules.listProblems({ ...whole(), unpackedSize: 1e8 })[0]!, /^unpacked: 100000000 bytes/);
        assert.match(rules.listProblems(many)[0]!, /^the package: 9\d\d files, more than/);
    });

    it("find a source map that is not there, and an include that leads out of the package", () => {
        const text: Record<string, string> = {
            "dist/index.js": "export {};\n//# sourceMappingURL=index.js.map\n",
            "native/core/json.cpp": '#include "json.hpp"\n#include "core/guid.hpp"\n#include <string>\n',
            "native/core/json.hpp": "",
        };
        const found = rules.referenceProblems(Object.keys(text), (name) => text[name]!);
        assert.equal(found.length, 2, found.join("\n"));
        assert.match(found[0]!, /^dist\/index\.js: names a source map/);
        assert.match(found[1]!, /^native\/core\/json\.cpp: includes core\/guid\.hpp/);
    });

    it("find a source that binding.gyp builds and the package lacks", () => {
        const sources = { core: ["native/core/json.cpp"], rescue: ["native/rescue/main.cpp"] };
        const gyp = "require('./native/sources.json').core require('./native/sources.json').rescue";
        const found = rules.sourceProblems(["native/core/json.cpp"], gyp, sources);
        assert.deepEqual(
            found.map((problem) => problem.split(":")[0]),
            ["native/rescue/main.cpp"],
        );
    });
});

describe("the sidecar of the binaries", () => {
    interface Hashes {
        hashProblems(folder: string): string[];
        writeHashes(folder: string): Promise<{ version: string; files: Record<string, string> }>;
    }

    it("is found untrue when a byte changes, a binary comes or goes, or it is no sidecar; writing it mends that", async () => {
        const { hashProblems, writeHashes } = await load<Hashes>("hashes.mjs");
        const folder = fs.mkdtempSync(path.join(os.tmpdir(), "winsock-spi-hashes-"));
        const file = (name: string): string => path.join(folder, name);
        const problems = (): string[] => hashProblems(folder).map((problem) => path.basename(problem.split(":")[0]!));
        try {
            fs.writeFileSync(file("a.dll"), "a");
            assert.deepEqual(problems(), ["hashes.json"]);
            const { version, files } = await writeHashes(folder);
            assert.equal(version, (JSON.parse(read("package.json")) as { version: string }).version);
            assert.deepEqual(files, { "a.dll": "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb" });
            assert.deepEqual(problems(), []);
            fs.writeFileSync(file("a.dll"), "b");
            fs.writeFileSync(file("b.node"), "");
            assert.deepEqual(problems(), ["a.dll", "b.node"]);
            await writeHashes(folder);
            fs.rmSync(file("b.node"));
            assert.deepEqual(problems(), ["b.node"]);
            await writeHashes(folder);
            assert.deepEqual(problems(), []);
            fs.writeFileSync(file("hashes.json"), "{}");
            assert.deepEqual(problems(), ["hashes.json"]);
        } finally {
            fs.rmSync(folder, { recursive: true });
        }
    });
});

describe("the bill of materials", () => {
    it("has what is installed with the package, what is compiled in and the binaries, and no development tool", async () => {
        const { reduce } = await load<{
            reduce(all: Bill, manifest: object, folders: object[]): Bill;
        }>("sbom.mjs");
        const names = ["needed", "below", "tool", "node-addon-api", "node-api-headers"];
        const all: Bill = {
            metadata: { component: { "bom-ref": "root@1", name: "main" } },
            components: names.map((name) => ({ "bom-ref": `${name}@1`, name })),
            dependencies: [
                { ref: "root@1", dependsOn: ["needed@1", "tool@1", "node-addon-api@1", "node-api-headers@1"] },
                { ref: "needed@1", dependsOn: ["below@1"] },
                { ref: "tool@1", dependsOn: ["needed@1"] },
            ],
        };
        const folders = [{ name: "win32-x64", files: { "winsock_spi.node": "00" } }];
        const bill = reduce(all, { name: "winsock-spi", dependencies: { needed: "1" } }, folders);
        assert.equal(bill.metadata.component.name, "winsock-spi");
        assert.deepEqual(
            bill.components.map(({ name }) => name),
            ["below", "needed", "node-addon-api", "node-api-headers", "prebuilds/win32-x64/winsock_spi.node"],
        );
        const known = new Set(["root@1", ...bill.components.map((component) => component["bom-ref"])]);
        assert.deepEqual(
            bill.dependencies.flatMap(({ ref, dependsOn }) => [ref, ...dependsOn]).filter((ref) => !known.has(ref)),
            [],
        );
        assert.throws(() => reduce(all, { name: "x", dependencies: { missing: "1" } }, []), /npm ci/);
    });

    it("goes with notices that have the licences as they are", () => {
        const squeeze = (text: string): string => text.replace(/\s+/g, " ").trim();
        const notices = squeeze(read("THIRD-PARTY.md"));
        for (const file of ["node-addon-api/LICENSE.md", "node-api-headers/LICENSE"]) {
            assert.ok(notices.includes(squeeze(read("node_modules", file))), file);
        }
    });
});

describe("the two builds of the addon", () => {
    // What node-gyp links into every addon: its addon.gypi.
    const always = ["kernel32", "user32", "advapi32", "shell32", "ole32"];
    const gyp = read("binding.gyp");
    const cmake = read("cmake", "addon.cmake");

    it("define the same", () => {
        const addon = gyp.slice(gyp.indexOf('"winsock_spi"'), gyp.indexOf('"winsock_spi_lsp"'));
        const inGyp = [...addon.matchAll(/"((?:NAPI|NODE)_\w+(?:=\d+)?)"/g)].map(([, name]) => name!);
        const inCmake = /target_compile_definitions\(winsock_spi PRIVATE ([^)]*)\)/.exec(cmake)![1]!.split(/\s+/);
        // These two node-gyp gives by itself; exceptions come with the target node_addon_api_except.
        const own = inCmake.filter((name) => !/^(NODE_GYP_MODULE_NAME|BUILDING_NODE_EXTENSION|NAPI_CPP_EX)/.test(name));
        assert.deepEqual(inGyp.sort(), own.sort());
        assert.match(addon, /node_addon_api_except"/);
        assert.ok(own.includes("NODE_ADDON_API_DISABLE_DEPRECATED"));
    });

    it("link the same libraries of Windows", () => {
        const inCmake = /target_link_libraries\(winsock_spi PRIVATE ([^)]*)\)/.exec(cmake)![1]!;
        const wanted = [...inCmake.matchAll(/\b(\w+32|bcrypt|ntdll)\b/g)].map(([, name]) => name!);
        const linked = [...gyp.matchAll(/"-l(\w+)\.lib"/g)].map(([, name]) => name!);
        assert.ok(wanted.includes("bcrypt"));
        assert.deepEqual(
            wanted.filter((name) => !linked.includes(name) && !always.includes(name)),
            [],
        );
    });

    it("export nothing but what Node looks for", () => {
        for (const folder of ["win32-x64", "win32-ia32"]) {
            const { exports } = readPortableExecutable(path.join(packageRoot, "prebuilds", folder, "winsock_spi.node"));
            const wanted = ["napi_register_module_v1", "node_api_module_get_api_version_v1"];
            assert.deepEqual([...exports].sort(), wanted, folder);
        }
    });
});

describe("the addon's objects", () => {
    it("are plain objects whose methods are closures: nothing is wrapped, so that nothing can be unwrapped wrongly", () => {
        const folder = path.join(packageRoot, "native", "addon");
        for (const name of fs.readdirSync(folder)) {
            // Whoever wraps an object tags it (napi_type_tag_object), checks the tag before the unwrap, and says so here.
            assert.doesNotMatch(
                read("native", "addon", name).replaceAll(/\/\/.*/g, ""),
                /ObjectWrap|napi_(un)?wrap|External|InstanceMethod/,
                name,
            );
        }
    });
});
