// bun http-bun.js FOLDER: an HTTP server for the files of a folder, until its standard input ends.
import { readFile } from "node:fs/promises";

const folder = process.argv[2];
const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: async (request) => new Response(await readFile(`${folder}/${new URL(request.url).pathname.slice(1)}`)),
});
console.log(`http://127.0.0.1:${server.port}`);
process.stdin.on("end", () => process.exit()).resume();
