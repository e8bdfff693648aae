// The demo's hand-over: the ten steps of Microsoft's scenario of shared sockets, between two processes that are not
// related (https://learn.microsoft.com/windows/win32/winsock/shared-sockets-in-the-spi-2).
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import net from "node:net";
import path from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const folder = path.dirname(fileURLToPath(import.meta.url));

/** Starts one of the two programs; its lines come in order. */
function start(name, ...args) {
    const child = spawn(process.execPath, [path.join(folder, `${name}.mjs`), ...args], {
        stdio: ["ignore", "pipe", "inherit"],
    });
    const said = [];
    const lines = createInterface({ input: child.stdout });
    lines.on("line", (line) => {
        const { step, text } = JSON.parse(line);
        said.push({ step, text });
        if (text !== "ready") {
            console.log(`  ${String(step).padStart(2)}  ${name.padEnd(6)} ${child.pid}  ${text}`);
        }
    });
    return { child, said, lines, ended: once(child, "exit") };
}

export async function showHandOver(checked) {
    const heard = [];
    const farEnd = net.createServer((connection) => {
        const lines = [];
        heard.push(lines);
        createInterface({ input: connection }).on("line", (line) => {
            lines.push(line);
            connection.write(`far end heard ${line}\n`);
        });
        connection.on("error", (error) => lines.push(`error ${error.code}`)).on("end", () => lines.push("end"));
    });
    farEnd.listen(0, "127.0.0.1");
    await once(farEnd, "listening");
    const pipe = `winsock-spi-demo-${randomUUID()}`;
    const target = start("target", pipe);
    await once(target.lines, "line");
    const source = start("source", String(farEnd.address().port), pipe);
    // If one of them fails the other would wait for it for ever.
    source.child.on("exit", (code) => code !== 0 && target.child.kill());
    target.child.on("exit", (code) => code !== 0 && source.child.kill());
    const [[sourceCode], [targetCode]] = await Promise.all([source.ended, target.ended]);
    farEnd.close();

    console.log();
    checked(sourceCode === 0 && targetCode === 0, "both processes ended well");
    const steps = [...source.said, ...target.said]
        .map(({ step }) => step)
        .filter((step) => step !== "")
        .sort((a, b) => a - b);
    checked(steps.join() === "1,2,3,4,5,6,7,8,9,10", "all ten steps were taken");
    const [source1, target1] = [`source ${source.child.pid}`, `target ${target.child.pid}`];
    checked(
        heard[0].join() === [source1, target1, `${target1} alone`, "end"].join(),
        `the far end saw one connection: ${heard[0].map((line) => `"${line}"`).join(", ")}`,
    );
    checked(
        heard[1].join() === [`target ${target.child.pid}, from ${source.child.pid}`, "end"].join(),
        `and another: ${heard[1].map((line) => `"${line}"`).join(", ")}`,
    );
}
