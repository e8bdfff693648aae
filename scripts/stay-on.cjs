// Wine's services end when the last program of a prefix does, as if the machine had been turned off. A change that is
// made with `npm run cli -- ... --confirm-within` is to live on to be confirmed, so this program runs in the prefix from
// before the CLI until the change is confirmed or undone. Argument: the folder with the journal. It says that it runs;
// its standard input ends when the CLI has ended.
"use strict";
const fs = require("node:fs");
const path = require("node:path");

const journal = path.join(process.argv[2], "journal.json");
/** What is behind the journal takes the guard a moment. */
const tidying = 5000;

function waitForEnd() {
    if (fs.existsSync(journal)) {
        setTimeout(waitForEnd, 1000);
    } else {
        setTimeout(() => process.exit(0), tidying);
    }
}
process.stdin.resume().on("end", waitForEnd);
process.stdout.write("on\n");
