// The commands policy apply, show, clear, controller and run as a user meets them, with an unmodified Node as program.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import * as path from "node:path";
import { native } from "#lib/native.js";
import { applyPolicy } from "#lib/policy/apply.js";
import { clearPolicy, readPolicy } from "#lib/policy/store.js";
import { cli, cliFile, cliJson, expectCode, nodes, temporaryFolder } from "./acceptance-support.js";
import { dataFolder } from "./watch-support.js";

let files = 0;
function policyFile(text: string): string {
    const file = path.join(temporaryFolder(), `policy-${files++}.yaml`);
    fs.writeFileSync(file, text);
    return file;
}

/** The CLI fails with this code; these commands have words before their options. */
async function fails(args: readonly string[], code: string, exitCode = 2): Promise<void> {
    const end = args.includes("--") ? args.indexOf("--") : args.length;
    const failed = await cli([...args.slice(0, end), "--json", ...args.slice(end)]);
    expectCode(failed, exitCode);
    assert.equal((JSON.parse(failed.stdout) as { error: { code: string } }).error.code, code);
}

const secret = "swordfish-4711";
const withProxy = `
version: 1
default: allow
rules:
  - name: through the proxy
    match: { program: no-such-program.exe }
    then: { proxy: "socks5://me:${secret}@127.0.0.1:1080", otherwise: deny }
`;
/** Connects to a listener of its own, prints the error's code or "connected", and ends with 7. */
const connecting = `
    const net = require("node:net");
    const server = net.createServer((socket) => socket.destroy()).listen(0, "127.0.0.1", () => {
        net.connect(server.address().port, "127.0.0.1")
            .on("connect", () => end("connected"))
            .on("error", (error) => end(error.code));
    });
    function end(text) { process.stdout.write(text + "\\n", () => process.exit(7)); }`;
const denying = `
version: 1
rules:
  - name: no connects
    match: { call: connect, protocol: tcp }
    then: { deny: WSAENETUNREACH }
`;

export function commandTests(): void {
    describe("policy: commands", function () {
        this.timeout(240_000);
        afterEach(() => clearPolicy());

        it("apply, show, apply --previous and clear, without a password anywhere that it does not belong", async () => {
            const file = policyFile(withProxy);
            assert.equal((await applyPolicy(file, { dryRun: true })).policy.rules.length, 1);
            assert.equal((await readPolicy()).generation, 0);
            await fails(["policy", "apply", file], "ERR_CONFIRM");
            const applied = await cliJson<{ generation: number; failClosed: boolean; undo: string }>(
                "policy",
                "apply",
                file,
                "--yes",
            );
            assert.equal(applied.failClosed, true);
            assert.match(applied.undo, /policy clear/);
            const shown = await cli(["policy", "show", "--json"]);
            expectCode(shown, 0);
            assert.equal((JSON.parse(shown.stdout) as { generation: number }).generation, applied.generation);
            assert.match(shown.stdout, /through the proxy/);
            assert.ok(!shown.stdout.includes(secret));
            const image = fs.readFileSync(path.join(dataFolder(), `policy-${applied.generation}.bin`));
            for (const encoding of ["utf8", "utf16le"] as const) {
                assert.equal(image.indexOf(Buffer.from(secret, encoding)), -1, "an image holds no password");
            }
            await applyPolicy(policyFile(denying));
            await cliJson("policy", "apply", "--previous", "--yes");
            assert.equal((await readPolicy()).policy?.rules[0]?.name, "through the proxy");
            assert.match((await cli(["policy", "show"])).stdout, /1\. through the proxy/);
            assert.equal((await cliJson<{ changed: boolean }>("policy", "clear", "--yes")).changed, true);
            assert.equal(native().readPolicyState().registryFailClosed, false);
        });

        it("refuse a file that is wrong before anything is touched", async () => {
            await fails(
                ["policy", "apply", policyFile("version: 1\nrules: [{ name: a, then: { dney: x } }]"), "--yes"],
                "ERR_POLICY_SYNTAX",
            );
            await assert.rejects(applyPolicy(path.join(temporaryFolder(), "none.yaml")), { code: "ERR_FILE" });
            assert.equal(native().hasPolicyTraces() && (await readPolicy()).generation, 0);
        });

        it("run limits a policy to one tree, gives its exit code, and leaves what was there before", async () => {
            await applyPolicy(policyFile(withProxy));
            const script = path.join(temporaryFolder(), "connecting.cjs");
            fs.writeFileSync(script, connecting);
            const parent = path.join(temporaryFolder(), "parent.cjs");
            fs.writeFileSync(
                parent,
                `
                const { spawnSync } = require("node:child_process");
                process.exit(spawnSync(process.execPath, [process.argv[2]], { stdio: "inherit" }).status);`,
            );
            const limited = await cli(["run", "--policy", policyFile(denying), "--", nodes["node"]!, parent, script]);
            assert.deepEqual([limited.stdout.trim(), limited.code], ["ENETUNREACH", 7], limited.stderr);
            const after = await readPolicy();
            assert.deepEqual([after.policy?.rules.length, after.runs, after.controller], [1, [], undefined]);
        });

        it("a run that is killed takes its tree along, and its rules go with the next change", async () => {
            const script = path.join(temporaryFolder(), "waiting.cjs");
            fs.writeFileSync(script, `process.stdout.write(process.pid + "\\n"); setInterval(() => undefined, 1000);`);
            const args = ["run", "--policy", policyFile(denying), "--", nodes["node"]!, script];
            const running = spawn(nodes["node"]!, [cliFile, ...args], { stdio: ["ignore", "pipe", "inherit"] });
            const [line] = (await once(running.stdout, "data")) as [Buffer];
            const program = native().openPeer(Number(line.toString()), false);
            assert.equal((await readPolicy()).runs.length, 1);
            assert.equal((await readPolicy()).controller, running.pid);
            running.kill();
            await once(running, "exit");
            while (program.isAlive()) {
                await new Promise((resolve) => setTimeout(resolve, 10));
            }
            program.close();
            await applyPolicy(policyFile(withProxy));
            assert.equal((await readPolicy()).runs.length, 0);
        });

        it("controller runs until it is ended", async () => {
            const controller = spawn(nodes["node"]!, [cliFile, "policy", "controller", "--json"], {
                stdio: ["ignore", "pipe", "inherit"],
            });
            const [line] = (await once(controller.stdout, "data")) as [Buffer];
            assert.deepEqual(JSON.parse(line.toString()), { controller: controller.pid });
            assert.equal(native().readPolicyState().controllerPid, controller.pid);
            controller.kill();
            await once(controller, "exit");
        });
    });
}
