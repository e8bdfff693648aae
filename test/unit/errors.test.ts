import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { pathToFileURL } from "node:url";
import { errorName } from "#lib/error-names.js";
import { WinsockError, refuseUnknownOptions, toWinsockError } from "#lib/errors.js";
import { addonCandidates, guard, packageRoot } from "#lib/native.js";
import * as library from "winsock-spi";

describe("WinsockError", () => {
    it("is an Error with code, errno and syscall", () => {
        const cause = new Error("below");
        const error = new WinsockError("text", {
            code: "WSAEACCES",
            errno: 10013,
            syscall: "WSCInstallProvider",
            cause,
        });
        assert.ok(error instanceof Error && error instanceof WinsockError);
        assert.deepEqual(
            [error.name, error.message, error.code, error.errno, error.syscall],
            ["WinsockError", "text", "WSAEACCES", 10013, "WSCInstallProvider"],
        );
        assert.equal(error.cause, cause);
        assert.equal(error.catalogDamaged, false);
        assert.ok(!("cause" in new WinsockError("text", { code: "X" })));
    });

    it("is recognised across copies of the package, and nothing else is taken for it", async () => {
        const copy = fs.mkdtempSync(path.join(os.tmpdir(), "winsock-spi-copy-"));
        try {
            for (const name of ["errors.js", "error-names.js"]) {
                fs.copyFileSync(path.join(packageRoot, "dist", name), path.join(copy, name.replace(".js", ".mjs")));
            }
            const text = fs
                .readFileSync(path.join(copy, "errors.mjs"), "utf8")
                .replace("./error-names.js", "./error-names.mjs");
            fs.writeFileSync(path.join(copy, "errors.mjs"), text);
            const other = (await import(pathToFileURL(path.join(copy, "errors.mjs")).href)) as {
                WinsockError: typeof WinsockError;
            };
            assert.notEqual(other.WinsockError, WinsockError);
            assert.ok(new other.WinsockError("x", { code: "X" }) instanceof WinsockError);
            assert.ok(new WinsockError("x", { code: "X" }) instanceof other.WinsockError);
        } finally {
            fs.rmSync(copy, { recursive: true });
        }
        assert.ok(!(new Error("x") instanceof WinsockError));
        assert.ok(!((null as unknown) instanceof WinsockError));
        assert.ok(!(({ code: "X" } as unknown) instanceof WinsockError));
    });

    it("is what a failure of the addon becomes; misuse and bugs stay what they are", () => {
        const thrown = Object.assign(new Error("denied"), {
            code: "WSAEACCES",
            errno: 10013,
            syscall: "WSCInstallProvider",
        });
        const error = toWinsockError(thrown);
        assert.ok(error instanceof WinsockError);
        assert.deepEqual(error.toJSON(), {
            code: "WSAEACCES",
            errno: 10013,
            syscall: "WSCInstallProvider",
            message: "denied",
        });
        assert.equal(error.cause, thrown);
        for (const other of [
            new TypeError("misuse"),
            Object.assign(new TypeError("misuse"), { code: "ERR_X" }),
            new Error("bug"),
            "text",
            error,
        ]) {
            assert.equal(toWinsockError(other), other);
        }
    });
});

describe("error names", () => {
    it("are known wherever the library tells errors apart by them", () => {
        const folder = path.join(packageRoot, "lib");
        const files = fs
            .readdirSync(folder, { recursive: true, encoding: "utf8" })
            .filter((name) => name.endsWith(".ts"));
        const used = files.flatMap((name) =>
            [...fs.readFileSync(path.join(folder, name), "utf8").matchAll(/"((?:ERROR|WSA)_?[A-Z][A-Z_]+)"/g)].map(
                ([, code]) => code!,
            ),
        );
        const known = new Set(Array.from({ length: 12_000 }, (_, number) => errorName(number)));
        assert.ok(used.includes("ERROR_NO_DATA"));
        assert.deepEqual(
            used.filter((code) => !known.has(code)),
            [],
        );
    });
});

describe("options", () => {
    it("that do not exist are misuse, and the message names them", () => {
        refuseUnknownOptions("f", { a: 1 }, ["a", "b"]);
        assert.throws(() => refuseUnknownOptions("f", { c: 1 }, ["a", "b"]), {
            name: "TypeError",
            message: /"c" .*a, b/,
        });
    });

    it("are checked by every function of the library before anything else happens", async () => {
        const wrong = { bogus: 1 } as object;
        await assert.rejects(library.readCatalog(wrong), TypeError);
        await assert.rejects(library.backup(wrong), TypeError);
        await assert.rejects(library.restore("file", wrong), TypeError);
        await assert.rejects(library.install(wrong), TypeError);
        await assert.rejects(library.uninstall(wrong), TypeError);
    });
});

describe("the native part", () => {
    it("is looked for inside the package only", () => {
        const root = path.resolve("/package");
        for (const candidate of addonCandidates(root, "x64")) {
            assert.ok(candidate.startsWith(root + path.sep) && candidate.endsWith("winsock_spi.node"));
        }
    });

    it("throws WinsockErrors from functions, promises and objects; a missing function says so when called", async () => {
        const denied = Object.assign(new Error("denied"), { code: "WSAEACCES", errno: 10013, syscall: "f" });
        class Handle {
            #value = 7;
            get(): number {
                return this.#value;
            }
            fail(): never {
                throw denied;
            }
            reject(): Promise<never> {
                return Promise.reject(denied);
            }
            declare absent: () => void;
        }
        const guarded = guard(new Handle(), ["get", "fail", "reject", "absent"]);
        assert.equal(guarded.get(), 7);
        assert.throws(() => guarded.fail(), WinsockError);
        await assert.rejects(guarded.reject(), WinsockError);
        assert.throws(() => guarded.absent(), { code: "ERR_NATIVE_LOAD", message: /"absent"/ });
    });

    it("off Windows says that it needs Windows when it is called, not when it is imported", async function () {
        if (process.platform === "win32") {
            this.skip();
        }
        await assert.rejects(library.readCatalog(), { name: "WinsockError", code: "ERR_UNSUPPORTED_PLATFORM" });
        await assert.rejects(library.install(), { code: "ERR_UNSUPPORTED_PLATFORM" });
        await assert.rejects(library.uninstall(), { code: "ERR_UNSUPPORTED_PLATFORM" });
        await assert.rejects(library.backup(), { code: "ERR_UNSUPPORTED_PLATFORM" });
        await assert.rejects(library.restore("x.json"), { code: "ERR_UNSUPPORTED_PLATFORM" });
    });

    it("needs no require: the package can be imported from CommonJS too", () => {
        const script = "import('winsock-spi').then((m) => console.log(typeof m.readCatalog, typeof m.planInstall))";
        const ended = spawnSync(process.execPath, ["--input-type=commonjs", "-e", script], {
            cwd: packageRoot,
            encoding: "utf8",
        });
        assert.equal(ended.stdout.trim(), "function function", ended.stderr);
    });
});
