// What a process may do, tried by itself. Its argument is JSON:
//   { changes: [name...], reads: boolean, files: [to be written...], folders: [to be written into...], key, backup }
// It prints one line of JSON: of everything tried the error code, or what came of it.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import * as net from "node:net";
import * as path from "node:path";
import * as library from "winsock-spi";

const { changes, reads, files, folders, key, backup } = JSON.parse(process.argv[2]);
const { native } = await import(new URL("../../../dist/native.js", import.meta.url).href);

const policy = library.parsePolicy("version: 1\nrules: []\n");
const attempts = {
    install: () => library.install(),
    uninstall: () => library.uninstall(),
    restore: () => library.restore(backup),
    exclude: () => library.exclude({ programs: [process.execPath] }),
    applyPolicy: () => library.applyPolicy(policy),
    clearPolicy: () => library.clearPolicy(),
    onAsk: () => library.onAsk(() => "allow"),
};

/** What came of an action: its result as text, or the code of its error. */
async function outcome(action) {
    try {
        const result = await action();
        return typeof result === "string" ? result : "done";
    } catch (error) {
        return String(error.code ?? error.message);
    }
}

/** A connection over loopback and back. */
async function echo() {
    const server = net.createServer((socket) => socket.pipe(socket)).listen(0, "127.0.0.1");
    await once(server, "listening");
    const client = net.connect(server.address().port, "127.0.0.1");
    client.end("hello");
    let text = "";
    for await (const chunk of client) {
        text += chunk;
    }
    server.close();
    return text;
}

/** Whether the calls of a child of this process are seen from here. */
async function watchChild() {
    const watched = library.watch({ signal: AbortSignal.timeout(20_000) });
    const source = 'require("net").connect(1, "127.0.0.1").on("error", () => 0)';
    const child = spawn(process.execPath, ["-e", source], { stdio: "ignore" });
    for await (const { pid, call } of watched) {
        if (pid === child.pid && call !== "start") {
            return "seen";
        }
    }
    return "ended";
}

/** What is written is what was there: whoever may write does no harm. */
function writeFile(file) {
    const opened = fs.openSync(file, "r+");
    fs.closeSync(opened);
    return "written";
}

function writeInto(folder) {
    const file = path.join(folder, `rights-${process.pid}.txt`);
    fs.writeFileSync(file, "");
    fs.rmSync(file);
    return "written";
}

function writeKey() {
    const value = ["/v", "winsock-spi-rights"];
    const added = spawnSync("reg.exe", ["add", key, ...value, "/d", "", "/f"], { stdio: "ignore" }).status;
    if (added === 0) {
        spawnSync("reg.exe", ["delete", key, ...value, "/f"], { stdio: "ignore" });
    }
    return added === 0 ? "written" : "refused";
}

const { elevated } = native().machine();
const result = { pid: process.pid, elevated, network: await outcome(echo), changes: {}, writes: {} };
for (const name of changes) {
    result.changes[name] = await outcome(attempts[name]);
}
result.catalog = await outcome(async () => {
    const { protocols } = await library.readCatalog();
    return `${protocols["64"]?.length ?? protocols["32"]?.length} entries`;
});
if (reads) {
    result.watch = await outcome(watchChild);
    result.doctor = await outcome(async () => {
        const { findings } = await library.examine();
        const wrong = findings.filter(({ severity }) => severity === "error").map(({ code }) => code);
        return wrong.length === 0 ? "no errors" : wrong.join(" ");
    });
}
for (const file of files) {
    result.writes[file] = await outcome(() => writeFile(file));
}
for (const folder of folders) {
    result.writes[folder] = await outcome(() => writeInto(folder));
}
result.writes[key] = await outcome(writeKey);
console.log(JSON.stringify(result));
process.exit();
