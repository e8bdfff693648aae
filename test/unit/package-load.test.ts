// What the package says when its binaries are missing, blocked, for another processor, or not what they were.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { WinsockError } from "#lib/errors.js";
import { addonCandidates, packageRoot } from "#lib/native.js";
import { type LoadFacts, describeLoadFailure } from "#lib/native/load.js";
import { packagedFile } from "#lib/provider/packaged.js";

const root = path.resolve("/node_modules/winsock-spi");
const [release = "", debug = "", prebuilt = ""] = addonCandidates(root, "x64");
const facts: LoadFacts = {
    attempts: [{ file: release }, { file: debug }, { file: prebuilt }],
    root,
    node: "v22.23.3",
    platform: "win32",
    arch: "x64",
    brought: ["win32-ia32", "win32-x64"],
};

const blocked = { reason: "An Application Control policy has blocked this file.", code: "ERR_DLOPEN_FAILED" };

describe("the message about an addon that does not load", () => {
    it("names each place with its own reason, the architecture and the version of Node", () => {
        const attempts = [
            { file: release, reason: "not a Win32 application" },
            { file: debug },
            { file: prebuilt, ...blocked },
        ];
        const lines = describeLoadFailure({ ...facts, attempts }).split("\n");
        assert.match(lines[0]!, /Node v22\.23\.3 \(win32-x64\)/);
        assert.deepEqual(lines.slice(1, 4), [
            `  ${release}: not a Win32 application`,
            `  ${debug}: no such file`,
            `  ${prebuilt}: ${blocked.reason}`,
        ]);
    });

    it("names Smart App Control and the event that says so, where a file was there and did not load", () => {
        const attempts = [...facts.attempts.slice(0, 2), { file: prebuilt, arch: "x64", ...blocked }];
        assert.match(describeLoadFailure({ ...facts, attempts }), /Smart App Control[^]*CodeIntegrity[^]*event 3077/);
        assert.doesNotMatch(describeLoadFailure(facts), /Smart App Control/);
    });

    it("tells a file for another processor from one that Windows blocked", () => {
        const attempts = [{ file: release, reason: "no", arch: "ia32" }, { file: debug }, { file: prebuilt }];
        const message = describeLoadFailure({ ...facts, attempts });
        assert.ok(message.includes(`${release} (made for ia32): no\n`) && message.includes(`delete it`), message);
        assert.doesNotMatch(message, /Smart App Control/);
    });

    it("says what a packager has to leave in, where prebuilds is missing or in an archive", () => {
        assert.match(
            describeLoadFailure({ ...facts, brought: undefined }),
            /bundler or packager.*external.*asarUnpack/,
        );
        const inArchive = { ...facts, root: path.join("/app", "resources", "app.asar", "node_modules", "winsock-spi") };
        assert.match(describeLoadFailure(inArchive), /asarUnpack/);
    });

    it("says what the package brings, where that is not for this Node", () => {
        const message = describeLoadFailure({ ...facts, arch: "arm64" });
        assert.match(message, /brings win32-ia32, win32-x64, and nothing for win32-arm64.*node-gyp/);
    });

    it("says how to let Node load addons, where it was told not to", () => {
        const attempts = [
            { file: prebuilt, reason: "Cannot load native addon", code: "ERR_DLOPEN_DISABLED", arch: "x64" },
        ];
        assert.match(describeLoadFailure({ ...facts, attempts }), /--allow-addons/);
    });
});

describe("a binary of the package that is to be installed", () => {
    const names = ["winsock_spi_lsp.dll", "winsock-spi-rescue.exe"];
    let folder: string;

    beforeEach(() => {
        folder = fs.mkdtempSync(path.join(os.tmpdir(), "winsock-spi-prebuilds-"));
        for (const name of [...names, "hashes.json"]) {
            fs.copyFileSync(path.join(packageRoot, "prebuilds", "win32-ia32", name), path.join(folder, name));
        }
    });
    afterEach(() => fs.rmSync(folder, { recursive: true }));

    it("is given with the hash that the package was made with", async () => {
        for (const name of names) {
            const from = path.join(folder, name);
            const sha256 = createHash("sha256").update(fs.readFileSync(from)).digest("hex");
            assert.deepEqual(await packagedFile(folder, name), { from, sha256 });
        }
    });

    it("is refused when one byte of it differs: which file, what was expected and found, what to do", async () => {
        for (const name of names) {
            const { sha256: expected } = await packagedFile(folder, name);
            const file = path.join(folder, name);
            const bytes = fs.readFileSync(file);
            bytes[bytes.byteLength >> 1]! ^= 1;
            fs.writeFileSync(file, bytes);
            const found = createHash("sha256").update(bytes).digest("hex");
            await assert.rejects(packagedFile(folder, name), (error: WinsockError) => {
                assert.equal(error.code, "ERR_DLL_DAMAGED");
                for (const part of [file, expected, found, "Nothing was changed", "npm install --force winsock-spi"]) {
                    assert.ok(error.message.includes(part), part);
                }
                return true;
            });
        }
    });

    it("is refused when nothing says what it was, and told missing when it is", async () => {
        const sidecar = path.join(folder, "hashes.json");
        for (const text of [undefined, "{", "{}", '{"files":[]}', '{"files":{"winsock_spi_lsp.dll":7}}']) {
            fs.rmSync(sidecar, { force: true });
            if (text !== undefined) {
                fs.writeFileSync(sidecar, text);
            }
            await assert.rejects(packagedFile(folder, names[0]!), { code: "ERR_DLL_DAMAGED", message: /hashes\.json/ });
        }
        await assert.rejects(packagedFile(folder, "winsock_spi.node"), { code: "ERR_FILE_NOT_FOUND" });
    });
});
