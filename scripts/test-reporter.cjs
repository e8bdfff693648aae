// Mocha's own report, and the three numbers in a file for the runner.
"use strict";

const { writeFileSync } = require("node:fs");
const Mocha = require("mocha");

module.exports = class Reporter extends Mocha.reporters.Spec {
    constructor(runner, options) {
        super(runner, options);
        runner.once("end", () => {
            const { passes, failures, pending } = this.stats;
            const counted = { passed: passes, failed: failures, skipped: pending };
            writeFileSync(process.env.WINSOCK_SPI_REPORT, JSON.stringify(counted));
        });
    }
};
