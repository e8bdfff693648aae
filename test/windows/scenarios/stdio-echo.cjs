// Answers its standard input in upper case on its standard output, with plain file calls: the child of
// `inherit_parent stdio`, whose standard handles are a socket.
"use strict";

const fs = require("node:fs");

const buffer = Buffer.alloc(4096);
let text = "";
for (;;) {
    const bytes = fs.readSync(0, buffer);
    if (bytes === 0) {
        break;
    }
    text += buffer.toString("latin1", 0, bytes);
}
fs.writeSync(1, text.toUpperCase());
