// Shows: bad input gives a distinct clear error with a stable code, and the catalog is untouched.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import {
    bitnesses,
    cli,
    cliFails,
    expectCode,
    exportRegistry,
    keepCatalog,
    providerFile,
    setup,
    temporaryFolder,
} from "./acceptance-support.js";

describe("acceptance: bad input", function () {
    this.timeout(180_000);
    const keep = keepCatalog({ each: true });
    const file = (name: string): string => path.join(temporaryFolder(), name);

    /** Fails with this code, and nothing in the registry is different. */
    async function refused(args: readonly string[], code: string, exitCode?: number): Promise<void> {
        const before = await exportRegistry();
        await cliFails(args, code, exitCode);
        assert.equal(await exportRegistry(), before, "the catalog is untouched");
    }

    /** A copy of the backup, changed. */
    function changedBackup(name: string, change: (backup: Record<string, unknown>) => void): string {
        const backup = JSON.parse(fs.readFileSync(keep.backup(), "utf8")) as Record<string, unknown>;
        change(backup);
        fs.writeFileSync(file(name), JSON.stringify(backup));
        return file(name);
    }

    it("install twice", async () => {
        expectCode(await cli(["install", "--yes"]), 0);
        await refused(["install", "--yes"], "ERR_ALREADY_INSTALLED");
    });

    it("uninstall when absent", () => refused(["uninstall", "--yes"], "ERR_NOT_INSTALLED"));

    it("a change without --yes and without a terminal", async () => {
        await refused(["install"], "ERR_CONFIRM");
        expectCode(await cli(["install", "--yes"]), 0);
        await refused(["uninstall"], "ERR_CONFIRM");
        await refused(["restore", keep.backup()], "ERR_CONFIRM");
    });

    it("an unknown catalog id", () => refused(["install", "--yes", "--over", "4294967295"], "ERR_UNKNOWN_CATALOG_ID"));

    it("a chain that is full already", async () => {
        for (const bits of bitnesses) {
            await setup(bits, "install", providerFile(bits, "second_provider.dll"), "--fill", "yes");
        }
        await refused(["install", "--yes"], "ERR_CHAIN_FULL");
    });

    it("a name of 300 characters", () => refused(["install", "--yes", "--name", "n".repeat(300)], "ERR_NAME_TOO_LONG"));

    it("a path of more than 259 characters", () =>
        refused(["install", "--yes", "--dll", `C:\\${"long\\".repeat(60)}provider.dll`], "ERR_PATH_TOO_LONG"));

    it("a provider DLL that is not there, or is none", async () => {
        await refused(["install", "--yes", "--dll", file("nowhere.dll")], "ERR_FILE_NOT_FOUND");
        fs.writeFileSync(file("text.dll"), "not a DLL");
        await refused(["install", "--yes", "--dll", file("text.dll")], "ERR_WRONG_DLL");
    });

    it("a backup file that is not there, not JSON, cut, altered", async () => {
        await refused(["restore", "--yes", file("nowhere.json")], "ERR_FILE_NOT_FOUND");
        fs.writeFileSync(file("text.json"), "this is no backup");
        await refused(["restore", "--yes", file("text.json")], "ERR_BACKUP_CORRUPT");
        const text = fs.readFileSync(keep.backup(), "utf8");
        fs.writeFileSync(file("cut.json"), text.slice(0, text.length / 2));
        await refused(["restore", "--yes", file("cut.json")], "ERR_BACKUP_CORRUPT");
        const otherSum = changedBackup("sum.json", (backup) => (backup["checksum"] = `sha256:${"0".repeat(64)}`));
        await refused(["restore", "--yes", otherSum], "ERR_BACKUP_CORRUPT");
        const packed = /("data":\s*")([A-Za-z0-9+/]{40})/;
        assert.match(text, packed);
        const otherByte = (_: string, before: string, data: string): string =>
            `${before}${data.startsWith("A") ? "B" : "A"}${data.slice(1)}`;
        fs.writeFileSync(file("byte.json"), text.replace(packed, otherByte));
        await refused(["restore", "--yes", file("byte.json")], "ERR_BACKUP_CORRUPT");
    });

    it("a backup of something else, of a newer version, of other bitness", async () => {
        fs.writeFileSync(file("foreign.json"), JSON.stringify({ name: "package", version: "1.0.0" }));
        await refused(["restore", "--yes", file("foreign.json")], "ERR_BACKUP_FOREIGN");
        const newer = changedBackup("newer.json", (backup) => (backup["version"] = 99));
        await refused(["restore", "--yes", newer], "ERR_BACKUP_NEWER");
        const otherCatalogs = (backup: Record<string, unknown>): void => {
            backup["machine"] = { ...(backup["machine"] as object), catalogs: [32] };
        };
        await refused(["restore", "--yes", changedBackup("bitness.json", otherCatalogs)], "ERR_BACKUP_BITNESS");
    });

    it("a folder that cannot be written", async () => {
        fs.writeFileSync(file("a-file"), "");
        await refused(["backup", path.join(file("a-file"), "backup.json")], "ERR_NOT_WRITABLE");
    });

    it("a command line that makes no sense", async () => {
        await refused(["install", "--yes", "--frobnicate"], "ERR_USAGE", 64);
        await refused(["restore", "--yes"], "ERR_USAGE", 64);
        await refused(["install", "--yes", "--over", "one"], "ERR_USAGE", 64);
        await refused(["frobnicate"], "ERR_USAGE", 64);
    });
});
