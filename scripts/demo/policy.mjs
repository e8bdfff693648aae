// The demo's policy: what an unmodified program's calls do is decided by a policy file and by a TypeScript hook.
import { spawn } from "node:child_process";
import { once } from "node:events";
import net from "node:net";
import path from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { ProcessTree, applyPolicy, clearPolicy, parsePolicy, startController, startRelay, watch } from "winsock-spi";

const visitor = path.join(path.dirname(fileURLToPath(import.meta.url)), "visitor.cjs");
const delay = 80;

/** A server that greets whoever comes, and then listens. */
async function listen(name) {
    const server = net.createServer((connection) => {
        connection.on("error", () => undefined);
        connection.resume().end(`${name}\n`);
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return { name, port: server.address().port, server };
}

function policyText([denied, production, staging, slow, asked]) {
    return `version: 1
default: allow
rules:
  - name: never there
    match: { program: 'node.exe', call: connect, to: '127.0.0.1:${denied.port}' }
    then: { deny: WSAEACCES }
  - name: staging instead of production
    match: { program: 'node.exe', call: connect, to: '127.0.0.1:${production.port}' }
    then: { redirect: '127.0.0.1:${staging.port}' }
  - name: a bad line
    match: { program: 'node.exe', to: '127.0.0.1:${slow.port}' }
    then: { delay: ${delay}ms }
  - name: ask me
    match: { call: connect, to: '127.0.0.1:${asked.port}' }
    then: { ask: true, timeout: 10s, otherwise: deny }
`;
}

/** Runs the visitor on these ports; what it found, and the records of its connects. */
async function visit(ports) {
    const records = [];
    const watching = watch({ processes: new ProcessTree() });
    const collected = (async () => {
        for await (const record of watching) {
            records.push(record);
        }
    })();
    const child = spawn(process.execPath, [visitor, ...ports.map(String)], { stdio: ["ignore", "pipe", "inherit"] });
    const [lines] = await Promise.all([text(child.stdout), once(child, "exit")]);
    watching.stop();
    await collected;
    const found = lines
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line));
    const connects = records.filter(
        ({ pid, call }) => pid === child.pid && (call === "ConnectEx" || call === "WSPConnect"),
    );
    return { found, connectTo: (port) => connects.find(({ remote }) => remote === `127.0.0.1:${port}`) };
}

export async function showPolicy(checked) {
    const servers = [];
    for (const name of ["denied", "production", "staging", "slow", "asked"]) {
        servers.push(await listen(name));
    }
    const [denied, production, , slow, asked] = servers;
    const ports = [denied, production, slow, asked].map(({ port }) => port);
    const file = policyText(servers);
    console.log(file.replace(/^/gm, "  "));
    const questions = [];
    const relay = await startRelay();
    const controller = await startController({
        relay,
        onAsk: (call) => {
            questions.push(call);
            return { action: questions.length === 1 ? "allow" : "deny" };
        },
    });
    try {
        const before = await visit(ports);
        checked(
            before.found.map(({ text }) => text.trim()).join() === "denied,production,slow,asked",
            "without a policy the program reaches each server",
        );
        await applyPolicy(parsePolicy(file));
        const {
            found: [no, other, late, allowed],
            connectTo,
        } = await visit(ports);
        const refused = connectTo(denied.port);
        checked(
            no.error === "EACCES" && refused?.error === "WSAEACCES",
            `${denied.port}: connect failed with WSAEACCES, which Node calls ${no.error}; rule "${refused?.rule}"`,
        );
        checked(
            other.text === "staging\n" && other.from === production.port,
            `${production.port}: it talked to staging, and believes to be connected to port ${other.from}`,
        );
        const ordinary = before.found[2];
        checked(
            late.text === "slow\n" && late.connected >= delay && late.answered >= late.connected + delay,
            `${slow.port}: connected after ${late.connected.toFixed(0)} ms, answered after ${late.answered.toFixed(0)} ms; ` +
                `without the rule ${ordinary.connected.toFixed(0)} and ${ordinary.answered.toFixed(0)} ms`,
        );
        checked(
            allowed.text === "asked\n" && questions.length === 1,
            `${asked.port}: the hook was asked about process ${questions[0]?.pid} (${path.win32.basename(questions[0]?.program ?? "")}) and allowed it`,
        );
        const again = (await visit([asked.port])).found[0];
        checked(
            again.error !== undefined && questions.length === 2,
            `${asked.port}: the next process was denied by the hook: ${again.error}`,
        );
    } finally {
        await clearPolicy();
        await controller.close();
        await relay.close();
        for (const { server } of servers) {
            server.close();
        }
    }
}
