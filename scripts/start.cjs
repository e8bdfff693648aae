// The one entry of every npm script: node scripts/start.cjs NAME ARGS...
// Written for the oldest Node there is, so that a too old one gets a sentence and not a syntax error.
"use strict";

var NEEDED = [20, 19];

var have = process.versions.node.split(".").map(Number);
if (have[0] < NEEDED[0] || (have[0] === NEEDED[0] && have[1] < NEEDED[1])) {
    process.stderr.write(
        "winsock-spi needs Node.js " +
            NEEDED.join(".") +
            " or newer; this is " +
            process.versions.node +
            ".\nGet one from https://nodejs.org, then run the same command again.\n",
    );
    process.exit(2);
}

var name = process.argv[2];
var file = require("path").join(__dirname, name + ".mjs");
// npm does not pass every signal on to its scripts. When it is gone, what it was told to end is this.
if (process.env.npm_lifecycle_event && process.platform === "linux") {
    var npm = parents();
    setInterval(function () {
        if (parents() !== npm) {
            process.kill(process.pid, "SIGTERM");
        }
    }, 300).unref();
}

// The process id of our parent and, where that is the shell which npm starts scripts with, of its parent.
function parents() {
    try {
        var fields = /^(\d+) \((.*)\) \S (\d+)/.exec(
            require("fs").readFileSync("/proc/" + process.ppid + "/stat", "latin1"),
        );
        return fields[2] === "sh" ? fields[1] + " " + fields[3] : fields[1];
    } catch (_error) {
        return "none";
    }
}

// Not written as import(), which Node 8 cannot parse.
var load = new Function("address", "return import(address)");
load(require("url").pathToFileURL(file).href)
    .then(function (module) {
        return module.main(process.argv.slice(3));
    })
    .then(
        function (code) {
            process.exitCode = code;
        },
        function (error) {
            process.stderr.write("winsock-spi: " + (error.forPeople ? error.message : error.stack) + "\n");
            process.exitCode = error.exitCode || 1;
        },
    );
