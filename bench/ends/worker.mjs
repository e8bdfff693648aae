// Does what bench/worker.mjs tells it: calls functions of the files beside this one.
import { createInterface } from "node:readline";

for await (const line of createInterface({ input: process.stdin })) {
    const { call, given } = JSON.parse(line);
    const [file, name] = call.split(".");
    let answer;
    try {
        const module = await import(new URL(`${file}.mjs`, import.meta.url).href);
        answer = { result: (await module[name](given)) ?? null };
    } catch (error) {
        answer = { error: error.stack };
    }
    process.stdout.write(`${JSON.stringify(answer)}\n`);
}
process.exit(0); // servers may still be open
