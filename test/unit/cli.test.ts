import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { describeError, exitCodeOf, exitCodes, inputPath } from "#lib/cli/frame.js";
import { WinsockError } from "#lib/errors.js";
import { packageRoot } from "#lib/native.js";
import { backupOf } from "./backups.js";
import { baseEntries, freshCatalog } from "./catalogs.js";

interface Ended {
    code: number | null;
    stdout: string;
    stderr: string;
}

/** Runs the CLI on this system, without a terminal. */
function cli(args: readonly string[], options: { cwd?: string; env?: NodeJS.ProcessEnv } = {}): Ended {
    const ended = spawnSync(process.execPath, [path.join(packageRoot, "dist", "cli", "main.js"), ...args], {
        encoding: "utf8",
        cwd: options.cwd ?? packageRoot,
        env: { ...process.env, INIT_CWD: undefined, ...options.env },
        stdio: ["ignore", "pipe", "pipe"],
    });
    return { code: ended.status, stdout: ended.stdout, stderr: ended.stderr };
}

function errorOf(ended: Ended): { code: string; message: string } {
    return (JSON.parse(ended.stdout) as { error: { code: string; message: string } }).error;
}

describe("the command line", function () {
    this.timeout(60_000);

    it("refuses unknown commands, options and extra arguments with exit code 64", () => {
        for (const args of [
            ["bogus"],
            ["catalog", "--josn"],
            ["catalog", "extra"],
            ["--bogus"],
            ["diff"],
            ["restore"],
            ["backup", "a", "b"],
        ]) {
            const plain = cli(args);
            assert.equal(plain.code, 64, args.join(" "));
            assert.equal(plain.stdout, "");
            assert.match(plain.stderr, /error: /);
            const json = cli([...args, "--json"]);
            assert.equal(json.code, 64);
            assert.equal(errorOf(json).code, "ERR_USAGE");
            assert.equal(json.stdout.trim().split("\n").length, 1);
            assert.equal(json.stderr, "");
        }
    });

    it("asks on a terminal only, and applies a file or what was before", () => {
        const asked = cli(["ask"]);
        assert.equal(asked.code, 2);
        assert.match(asked.stderr, /ERR_NO_TERMINAL/);
        for (const args of [
            ["policy", "apply"],
            ["policy", "apply", "policy.yaml", "--previous"],
        ]) {
            assert.equal(cli(args).code, 64);
        }
    });

    it("refuses arguments of the wrong kind", () => {
        for (const args of [
            ["--over", "x"],
            ["--over", "-1"],
            ["--over", "1.5"],
            ["--over", "4294967296"],
            ["--name", ""],
            ["--name"],
        ]) {
            assert.equal(cli(["install", "--dry-run", ...args]).code, 64, args.join(" "));
        }
        for (const args of [
            ["restore", "f", "--way", "magic"],
            ["backup", "--list", "f"],
            ["catalog", "--raw"],
        ]) {
            assert.equal(cli(args).code, 64, args.join(" "));
        }
    });

    it("does not take what is behind -- for its own option", () => {
        const ended = cli(["bogus", "--", "--json"]);
        assert.equal(ended.code, 64);
        assert.equal(ended.stdout, "");
    });

    it("shows help and version with exit code 0, and help on stderr with 64 if nothing is asked", () => {
        const help = cli(["--help"]);
        assert.equal(help.code, 0);
        for (const command of [
            "catalog",
            "backup",
            "restore",
            "diff",
            "install",
            "uninstall",
            "recover",
            "watch",
            "hold",
            "sockets",
        ]) {
            assert.match(help.stdout, new RegExp(`^  ${command}\\b`, "m"));
            assert.equal(cli([command, "--help"]).code, 0);
        }
        const manifest = fs.readFileSync(path.join(packageRoot, "package.json"), "utf8");
        const { version } = JSON.parse(manifest) as { version: string };
        assert.equal(cli(["--version"]).stdout.trim(), version);
        const nothing = cli([]);
        assert.equal(nothing.code, 64);
        assert.equal(nothing.stdout, "");
        assert.match(nothing.stderr, /Usage:/);
    });

    it("says off Windows that it needs Windows", function () {
        if (process.platform === "win32") {
            this.skip();
        }
        for (const args of [["catalog"], ["install", "--yes"], ["uninstall", "--yes"], ["backup"], ["recover"]]) {
            const ended = cli([...args, "--json"]);
            assert.equal(ended.code, 2);
            assert.equal(errorOf(ended).code, "ERR_UNSUPPORTED_PLATFORM");
            const plain = cli(args);
            assert.equal(plain.code, 2);
            assert.equal(plain.stdout, "");
            assert.match(plain.stderr, /ERR_UNSUPPORTED_PLATFORM: /);
        }
    });
});

describe("winsock-spi diff A B", function () {
    this.timeout(60_000);

    let folder: string;
    before(() => {
        folder = fs.mkdtempSync(path.join(os.tmpdir(), "winsock-spi-cli-"));
        fs.writeFileSync(path.join(folder, "a.json"), JSON.stringify(backupOf(freshCatalog())));
        const fewer = { ...freshCatalog(), protocols: { "64": baseEntries().slice(1), "32": baseEntries() } };
        fs.writeFileSync(path.join(folder, "b.json"), JSON.stringify(backupOf(fewer)));
        fs.writeFileSync(path.join(folder, "c.json"), "{}");
    });
    after(() => fs.rmSync(folder, { recursive: true }));

    it("prints nothing and ends with 0 for files that hold the same", () => {
        assert.deepEqual(cli(["diff", "a.json", "a.json"], { cwd: folder }), { code: 0, stdout: "", stderr: "" });
    });

    it("prints what differs and ends with 1", () => {
        const ended = cli(["diff", "a.json", "b.json"], { cwd: folder });
        assert.equal(ended.code, 1);
        assert.match(ended.stdout, /- 1001 MSAFD Tcpip \[TCP\/IP\]/);
        const json = cli(["diff", "a.json", "b.json", "--json"], { cwd: folder });
        assert.equal(json.code, 1);
        assert.equal((JSON.parse(json.stdout) as { same: boolean }).same, false);
    });

    it("ends with 2 if a file is missing or no backup", () => {
        assert.equal(
            errorOf(cli(["diff", "a.json", "none.json", "--json"], { cwd: folder })).code,
            "ERR_FILE_NOT_FOUND",
        );
        const foreign = cli(["diff", "a.json", "c.json", "--json"], { cwd: folder });
        assert.equal(foreign.code, 2);
        assert.equal(errorOf(foreign).code, "ERR_BACKUP_FOREIGN");
    });

    it("counts relative files from where npm was called, if npm runs our own script", () => {
        const called = { npm_package_name: "winsock-spi", INIT_CWD: folder };
        assert.equal(cli(["diff", "a.json", "a.json"], { env: called }).code, 0);
        assert.equal(
            cli(["diff", "a.json", "a.json"], { env: { ...called, npm_package_name: "other" }, cwd: folder }).code,
            0,
        );
        assert.equal(cli(["diff", "a.json", "a.json"], { env: { ...called, npm_package_name: "other" } }).code, 2);
    });
});

describe("the frame of the CLI", () => {
    it("resolves files", () => {
        assert.equal(inputPath("x", {}), path.resolve("x"));
        assert.equal(
            inputPath("x", { INIT_CWD: path.resolve("/a"), npm_package_name: "winsock-spi" }),
            path.resolve("/a/x"),
        );
        assert.equal(
            inputPath(path.resolve("/b/x"), { INIT_CWD: path.resolve("/a"), npm_package_name: "winsock-spi" }),
            path.resolve("/b/x"),
        );
    });

    it("tells failures by exit code: usage, nothing changed, catalog needs restore", () => {
        assert.equal(exitCodeOf(new TypeError("wrong")), exitCodes.usage);
        assert.equal(exitCodeOf(new WinsockError("no", { code: "ERR_CONFIRM" })), exitCodes.failed);
        assert.equal(
            exitCodeOf(new WinsockError("half", { code: "WSAEACCES", catalogDamaged: true })),
            exitCodes.needsRestore,
        );
        assert.equal(exitCodeOf(new Error("bug")), exitCodes.failed);
    });

    it("describes errors by the members that apply", () => {
        const error = new WinsockError("no rights", { code: "WSAEACCES", errno: 10013, syscall: "WSCInstallProvider" });
        assert.deepEqual(describeError(error), {
            code: "WSAEACCES",
            errno: 10013,
            syscall: "WSCInstallProvider",
            message: "no rights",
        });
        assert.deepEqual(describeError(new WinsockError("ask", { code: "ERR_CONFIRM" })), {
            code: "ERR_CONFIRM",
            message: "ask",
        });
        assert.equal(describeError(new TypeError("x")).code, "ERR_USAGE");
        assert.equal(describeError("thrown text").code, "ERR_INTERNAL");
    });
});
