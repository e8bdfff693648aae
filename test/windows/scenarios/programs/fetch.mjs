// fetch.mjs URL COUNT: that many requests with the runtime's own fetch, eight at a time; each wants back what it sent.
// For any runtime that has node:process: Node, Deno, Bun.
import process from "node:process";

const [url, count] = process.argv.slice(2);
let left = Number(count);
let answered = 0;
async function requests() {
    while (left > 0) {
        const body = `request ${left--} `.repeat(left % 500);
        const response = await fetch(url, { method: "POST", body });
        if (response.status !== 200 || (await response.text()) !== body) {
            throw new Error(`status ${response.status}, or not what was sent`);
        }
        answered += 1;
    }
}
await Promise.all(Array.from({ length: 8 }, requests));
console.log(JSON.stringify({ ok: true, answered }));
process.exit(0);
