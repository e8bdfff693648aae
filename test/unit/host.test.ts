// The host side of Winsock for Wine: docs/host.md says where every function goes, and nothing in it knows our provider.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { packageRoot } from "#lib/native.js";
import { hiddenEntryGuid } from "#lib/provider/identity.js";
import { readPortableExecutable } from "../support/pe.js";

const file = (...name: string[]): string => path.join(packageRoot, ...name);
const read = (...name: string[]): string => fs.readFileSync(file(...name), "utf8");

/** The names after EXPORTS. */
function exportsOf(definition: string): string[] {
    const lines = definition.split("\n").map((line) => line.replace(/;.*/, "").trim());
    return lines.slice(lines.indexOf("EXPORTS") + 1).flatMap((line) => /^(\w+)/.exec(line)?.[1] ?? []);
}

const common = exportsOf(read("native", "wine", "host", "ws2_32.def"));
const only64 = exportsOf(read("native", "wine", "host", "ws2_32-64.def"));

interface Row {
    readonly functions: readonly string[];
    readonly goTo: string;
    readonly why: string;
}

/** The rows of the table below a heading. */
function tableBelow(heading: string): Row[] {
    const text = read("docs", "host.md");
    const begin = text.indexOf(`## ${heading}\n`);
    assert.ok(begin >= 0, heading);
    const end = text.indexOf("\n## ", begin);
    return text
        .slice(begin, end < 0 ? undefined : end)
        .split("\n")
        .filter((line) => line.startsWith("| `"))
        .map((line) => line.split("|").map((cell) => cell.trim()))
        .map(([, functions = "", goTo = "", why = ""]) => ({
            functions: [...functions.matchAll(/`(\w+)`/g)].map((match) => match[1]!),
            goTo,
            why,
        }));
}

const commonRows = tableBelow("In both bitnesses");
const only64Rows = tableBelow("In the 64-bit DLL only");
const rows = [...commonRows, ...only64Rows];
const hostSources = fs
    .readdirSync(file("native", "wine", "host"))
    .filter((name) => name.endsWith(".cpp"))
    .map((name) => read("native", "wine", "host", name))
    .join("\n");

describe("docs/host.md", () => {
    it("names every function of the .def files, each once, and no other", () => {
        assert.ok(common.length > 130 && only64.length > 15);
        assert.deepEqual(commonRows.flatMap(({ functions }) => functions).sort(), [...common].sort());
        assert.deepEqual(only64Rows.flatMap(({ functions }) => functions).sort(), [...only64].sort());
    });

    it("says of each where it goes and why", () => {
        for (const { functions, goTo, why } of rows) {
            assert.match(goTo, /^(socket: WSP\w+|entry: WSP\w+|composed|own|Wine)$/, functions.join());
            assert.ok(why.length > 5, functions.join());
        }
    });

    it("says Wine of exactly the functions that forward.cpp forwards", () => {
        const forwarded = [...read("native", "wine", "host", "forward.cpp").matchAll(/^FORWARD\([^,]+, (\w+),/gm)];
        const said = rows.filter(({ goTo }) => goTo === "Wine").flatMap(({ functions }) => functions);
        assert.deepEqual(said.sort(), forwarded.map((match) => match[1]!).sort());
    });

    it("names WSP functions that the sources call, and all that providers have", () => {
        const named = new Set(rows.flatMap(({ goTo }) => /(WSP\w+)/.exec(goTo)?.[1] ?? []));
        for (const name of named) {
            assert.match(hostSources, new RegExp(`\\blp${name}\\b`), name);
        }
        // WSPCleanup is called when a provider is let go; WSPCancelBlockingCall by nobody: see WSACancelBlockingCall.
        assert.equal(named.size, 30 - 2);
    });
});

/** Files of a folder and below. */
function filesBelow(folder: string): string[] {
    return fs
        .readdirSync(file(folder), { recursive: true, encoding: "utf8" })
        .map((name) => path.posix.join(folder, name.replaceAll("\\", "/")))
        .filter((name) => fs.statSync(file(name)).isFile());
}

/** What gives our provider away, as text: its file, the name of its entries, the parts of its GUIDs that are fixed. */
const guidParts = hiddenEntryGuid.slice(1, -1).split("-");
const names = ["winsock_spi_lsp", "winsock-spi"];
const texts = [...names, guidParts[0]!, guidParts[4]!, `${guidParts[3]}-${guidParts[4]}`];

/** The same in a binary: the first four bytes of its GUIDs as a number, the last eight as they are. */
const bytes = [Buffer.from(guidParts[0]!, "hex").reverse(), Buffer.from(guidParts[3]! + guidParts[4]!, "hex")];

/** What of that is in a file, whatever case letters have, in ANSI or UTF-16. */
function tracesIn(content: Buffer): string[] {
    const lower = content.toString("latin1").toLowerCase();
    const found = texts.filter((text) =>
        [Buffer.from(text), Buffer.from(text, "utf16le")].some((form) =>
            lower.includes(form.toString("latin1").toLowerCase()),
        ),
    );
    return [...found, ...bytes.filter((part) => content.includes(part)).map((part) => part.toString("hex"))];
}

describe("the host knows nothing of our provider", () => {
    const folders = { x64: "mingw-x64", ia32: "mingw-x86" } as const;
    const hostFile = (architecture: "x64" | "ia32", name: string): string =>
        file(".cache", "build", folders[architecture], "bin", "wine", name);

    it("its sources have no name, GUID or number of it", () => {
        const sources = filesBelow("native/wine");
        assert.ok(sources.length > 50);
        for (const source of sources) {
            assert.deepEqual(tracesIn(fs.readFileSync(file(source))), [], source);
            assert.doesNotMatch(read(source), /0x7C1E5A3D|0xD6, *0xF0, *0x3E|hidden_entry_guid|is_our_guid/i, source);
        }
    });

    for (const [architecture, prebuilt] of [
        ["x64", "win32-x64"],
        ["ia32", "win32-ia32"],
    ] as const) {
        it(`nor have its binaries, ${architecture}; the provider's own has all of it`, function () {
            if (process.platform === "win32" && !fs.existsSync(hostFile(architecture, "ws2_32.dll"))) {
                this.skip(); // the host side is for Wine
            }
            for (const name of ["ws2_32.dll", "winsock_wine_base.dll", "winsock_wine_seed.exe"]) {
                const binary = hostFile(architecture, name);
                if (name.endsWith(".dll") || architecture === "x64") {
                    assert.deepEqual(tracesIn(fs.readFileSync(binary)), [], binary);
                }
            }
            const provider = file("prebuilds", prebuilt, "winsock_spi_lsp.dll");
            const traces = tracesIn(fs.readFileSync(provider));
            for (const trace of [...names, ...bytes.map((part) => part.toString("hex"))]) {
                assert.ok(traces.includes(trace), `${trace} is in ${provider}`);
            }
            // The one function by which every provider is loaded is all there is to know of its exports.
            assert.deepEqual(readPortableExecutable(provider).exports, ["WSPStartup"]);
        });

        it(`and export exactly what the .def files say, ${architecture}`, function () {
            if (process.platform === "win32" && !fs.existsSync(hostFile(architecture, "ws2_32.dll"))) {
                this.skip();
            }
            const expected = architecture === "x64" ? [...common, ...only64] : common;
            const exported = readPortableExecutable(hostFile(architecture, "ws2_32.dll")).exports;
            assert.deepEqual([...exported].sort(), [...expected].sort());
        });
    }

    it("and the search finds each form, wherever it is", () => {
        for (const text of texts) {
            for (const form of [text, text.toLowerCase(), text.toUpperCase()]) {
                for (const encoding of ["latin1", "utf16le"] as const) {
                    const content = Buffer.concat([Buffer.from("AAA"), Buffer.from(form, encoding), Buffer.alloc(3)]);
                    assert.ok(tracesIn(content).includes(text), `${form} in ${encoding}`);
                }
            }
        }
        for (const part of bytes) {
            assert.ok(tracesIn(Buffer.concat([Buffer.alloc(5), part])).includes(part.toString("hex")));
        }
        assert.deepEqual(tracesIn(Buffer.from("WSPStartup ws2_32.dll")), []);
    });
});
