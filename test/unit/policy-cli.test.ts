// winsock-spi policy check, explain, import, export: exit codes, what is printed where, and that files are not overwritten.

import * as assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { packageRoot } from "#lib/native.js";

let folder: string;

/** Runs `winsock-spi policy` in the folder of the files below. */
function policy(...args: readonly string[]): { code: number | null; stdout: string; stderr: string } {
    const { status, stdout, stderr } = spawnSync(
        process.execPath,
        [path.join(packageRoot, "dist", "cli", "main.js"), "policy", ...args],
        { encoding: "utf8", cwd: folder, env: { ...process.env, INIT_CWD: folder }, stdio: ["ignore", "pipe", "pipe"] },
    );
    return { code: status, stdout, stderr };
}

describe("winsock-spi policy", function () {
    this.timeout(120_000);
    before(() => {
        folder = fs.mkdtempSync(path.join(os.tmpdir(), "winsock-spi-policy-"));
        const write = (name: string, text: string): void => fs.writeFileSync(path.join(folder, name), text);
        write(
            "good.yaml",
            "version: 1\nrules:\n  - name: a\n    match: { to: '10.0.0.0/8:443' }\n    then: { proxy: 'http://u:hunter2@h:1' }\n" +
                "  - name: a\n    match: { to: 10.1.0.0/16:443, call: connect }\n    then: deny\n",
        );
        write("bad.yaml", "version: 1\nrules:\n  - then: dney\n");
        write(
            "p.ppx",
            '<ProxifierProfile><RuleList><Rule enabled="true"><Name>x</Name><Action type="Block"/></Rule><Rule enabled="false"><Name>off</Name></Rule></RuleList></ProxifierProfile>',
        );
    });
    after(() => fs.rmSync(folder, { recursive: true, force: true }));

    it("check: 0 with warnings, each with its place", () => {
        const { code, stdout } = policy("check", "good.yaml");
        assert.equal(code, 0);
        assert.match(stdout, /^good\.yaml:6:5: warning: rule 1 has the name "a" too/m);
        assert.match(stdout, /^good\.yaml:6:5: warning: no call comes to the rule "a"/m);
        assert.match(stdout, /^2 rules, 2 warnings: the policy is right\.$/m);
    });
    it("check: 1 where the file is wrong, under --json too", () => {
        assert.deepEqual(policy("check", "bad.yaml"), {
            code: 1,
            stderr: "",
            stdout: 'bad.yaml:3:11: "dney" is none of allow, deny, observe, ask (did you mean "deny"?)\n',
        });
        const { code, stdout } = policy("check", "bad.yaml", "--json");
        assert.equal(code, 1);
        const { right, problems } = JSON.parse(stdout) as { right: boolean; problems: object[] };
        assert.equal(right, false);
        assert.deepEqual(problems, [
            { line: 3, column: 11, message: '"dney" is none of allow, deny, observe, ask (did you mean "deny"?)' },
        ]);
    });
    it("check --explain and explain tell the rule, and never the password", () => {
        for (const ended of [
            policy("check", "good.yaml", "--explain", "curl.exe connect 10.1.2.3:443"),
            policy("explain", "good.yaml", "curl.exe", "connect", "10.1.2.3:443"),
        ]) {
            assert.equal(ended.code, 0);
            assert.match(ended.stdout, /rule 1 "a" decides: proxy http:\/\/u:\*\*\*@h:1, otherwise/);
            assert.doesNotMatch(ended.stdout, /hunter2/);
        }
        const { stdout } = policy("explain", "good.yaml", "x.exe", "bind", "0.0.0.0:80", "--json");
        assert.deepEqual(JSON.parse(stdout), {
            rule: 0,
            then: { allow: true },
            passed: [
                { rule: 1, name: "a", key: "call", reason: '"relay" does not concern bind' },
                { rule: 2, name: "a", key: "call", reason: "call: bind is not connect" },
            ],
        });
    });
    it("what cannot be read is 2, what is no call 64", () => {
        assert.equal(policy("check", "nowhere.yaml").code, 2);
        assert.equal(policy("explain", "bad.yaml", "x", "bind", "0.0.0.0:1").code, 2);
        assert.equal(policy("explain", "good.yaml", "x", "bidn").code, 64);
        assert.equal(policy("chekc").code, 64);
    });
    it("import and export write policies, and never over a file", () => {
        const printed = policy("import", "p.ppx");
        assert.equal(printed.code, 0);
        assert.match(printed.stdout, /^version: 1\ndefault: allow\nrules:\n {2}- name: x\n/);
        assert.match(printed.stderr, /rule "off" is switched off and left out/);
        assert.equal(policy("import", "p.ppx", "--output", "new.yaml").code, 0);
        assert.equal(policy("check", "new.yaml").code, 0);
        const again = policy("import", "p.ppx", "--output", "good.yaml");
        assert.equal(again.code, 2);
        assert.match(again.stderr, /it must not exist yet/);
        const exported = policy("export", "good.yaml");
        assert.equal((JSON.parse(exported.stdout) as { rules: object[] }).rules.length, 2);
        assert.equal(policy("import", "good.yaml").code, 2);
    });
});
