// The provider of docs/writing-a-provider.md does what that page says, installed and taken out as it says.
import assert from "node:assert/strict";
import * as path from "node:path";
import {
    bitnesses,
    cli,
    entriesOf,
    expectCode,
    exportRegistry,
    keepCatalog,
    lastJson,
    nodes,
    program,
    providerFile,
    readCatalog,
    run,
    scenarioFile,
} from "./acceptance-support.js";

/** Connects to a port of the loopback address and prints how that ended. */
const attempt = (port: number | "closed"): string => `
    const net = require("node:net");
    const end = (code) => console.log(JSON.stringify({ code }));
    const connect = (port) => net.connect(port, "127.0.0.1", () => end("connected")).on("error", ({ code }) => end(code));
    const closed = () => { const s = net.createServer().listen(0, "127.0.0.1", () => {
        const { port } = s.address(); s.close(() => connect(port)); }); };
    ${port === "closed" ? "closed()" : `connect(${port})`};`;

async function connecting(node: string, port: number | "closed"): Promise<unknown> {
    const ended = await run(node, ["-e", attempt(port)]);
    expectCode(ended, 0);
    return lastJson(ended.stdout)["code"];
}

describe("the sample provider", function () {
    this.timeout(600_000);
    keepCatalog({ each: false });

    it("refuses port 25, passes everything else on, and leaves nothing", async () => {
        const before = await exportRegistry();
        const dlls = bitnesses.map((bits) => providerFile(bits, "port_guard.dll"));
        expectCode(await cli(["install", "--yes", "--name", "port guard", "--dll", ...dlls]), 0);

        const catalog = await readCatalog();
        for (const bits of bitnesses) {
            const [first] = entriesOf(catalog, bits).filter(({ kind }) => kind === "layered");
            assert.match(first!.name, /port guard/);
            assert.equal(path.win32.basename(first!.path), "port_guard.dll");
            const summary = await program(bits, "calls");
            assert.equal(summary["ok"], true, JSON.stringify(summary));
        }
        for (const name of ["node", "node-x86"]) {
            const node = nodes[name];
            if (node !== undefined) {
                assert.equal(await connecting(node, 25), "EACCES", name);
                assert.equal(await connecting(node, "closed"), "ECONNREFUSED", name);
                const served = await run(node, [scenarioFile("server-and-client")]);
                expectCode(served, 0);
                assert.equal(lastJson(served.stdout)["ok"], true, name);
            }
        }

        expectCode(await cli(["uninstall", "--yes"]), 0);
        assert.equal(await exportRegistry(), before, "nothing is left");
        assert.notEqual(await connecting(nodes["node"]!, 25), "EACCES");
    });
});
