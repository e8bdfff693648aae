// A proxy's password is known to administrators and the controller, and to no program that the policy is in force for.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import * as fs from "node:fs";
import * as path from "node:path";
import { createInterface } from "node:readline";
import { applyPolicy, clearPolicy, parsePolicy, readPolicy } from "winsock-spi";
import { builds, nodes } from "../support/windows.js";
import { dataFolder, withProvider } from "./watch-support.js";

/** Connects once, says how that ended, and lives on. */
const client = `
    const socket = require("node:net").connect(9, "192.0.2.1");
    const tell = (how) => console.log(how);
    socket.on("error", ({ code }) => tell(code)).on("connect", () => tell("connected"));
    setInterval(() => undefined, 1000);`;

/** Exit code of a search for `text` in a process: 0 not there, 1 found. */
function search(pid: number, text: string): { found: boolean; searched: number } {
    const program = path.join(builds[64], "programs", "memory_search.exe");
    const { status, stdout } = spawnSync(program, [String(pid)], { input: `${text}\n`, encoding: "utf8" });
    assert.ok(status === 0 || status === 1, `memory_search: ${status} ${stdout}`);
    return { found: status === 1, searched: Number(/searched (\d+)/.exec(stdout)![1]) };
}

describe("a proxy's password", function () {
    this.timeout(120_000);
    withProvider();
    afterEach(async () => {
        await clearPolicy();
    });

    it("is neither in the image nor in the memory of a program that the rule decides about", async () => {
        const password = randomBytes(12).toString("hex");
        await applyPolicy(
            parsePolicy(`
version: 1
rules:
  - name: through the proxy
    match: { call: connect, to: 192.0.2.1 }
    then: { proxy: 'socks5://user:${password}@127.0.0.1:1080', otherwise: { deny: WSAEHOSTUNREACH } }
`),
        );
        const child = spawn(nodes["node"]!, ["-e", client], { stdio: ["ignore", "pipe", "inherit"] });
        try {
            const [ended] = (await once(createInterface(child.stdout), "line")) as [string];
            assert.equal(ended, "EHOSTUNREACH", "the rule decided: there is no controller");
            const { found, searched } = search(child.pid!, password);
            assert.ok(searched > 1e6);
            assert.ok(!found, "the program has the password in its memory");
            assert.ok(search(process.pid, password).found, "the search finds what is there");
        } finally {
            child.kill();
        }
        const { generation, policy } = await readPolicy();
        assert.ok(JSON.stringify(policy).includes(password), "administrators can read it");
        const image = fs.readFileSync(path.join(dataFolder(), `policy-${generation}.bin`));
        for (const encoding of ["latin1", "utf16le"] as const) {
            assert.equal(image.indexOf(Buffer.from(password, encoding)), -1);
        }
    });
});
