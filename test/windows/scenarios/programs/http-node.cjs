// node http-node.cjs FOLDER [--stay]: an HTTP server for the files of a folder, until its standard input ends.
// With --stay it runs until it is ended.
"use strict";

const fs = require("node:fs");
const http = require("node:http");
const path = require("node:path");

const folder = process.argv[2];
const server = http.createServer((request, response) => {
    fs.readFile(path.join(folder, path.basename(request.url)), (error, content) => {
        response.statusCode = error ? 404 : 200;
        response.end(content);
    });
});
server.listen(0, "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}`));
if (process.argv[3] !== "--stay") {
    process.stdin.on("end", () => process.exit()).resume();
}
