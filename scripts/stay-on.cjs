// Wine's services end when the last program of a prefix does, as if the machine had been turned off. A change that was
// made with `npm run cli -- ... --confirm-within` is to live on to be confirmed, so this program runs in the prefix
// until the change is confirmed or undone. Argument: the folder with the journal.
"use strict";
const fs = require("node:fs");
const path = require("node:path");

const folder = process.argv[2];
/** What is behind the journal takes the guard a moment. */
const tidying = 5000;
const look = setInterval(() => {
    if (!fs.existsSync(path.join(folder, "journal.json"))) {
        clearInterval(look);
        setTimeout(() => process.exit(0), tidying);
    }
}, 1000);
