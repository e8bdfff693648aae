// Mocha's own report, and for the runner the three numbers and what failed, in a file.
"use strict";

const { writeFileSync } = require("node:fs");
const Mocha = require("mocha");

/** What may still end by itself when the last test has ended. */
const grace = 20_000;

module.exports = class Reporter extends Mocha.reporters.Spec {
    constructor(runner, options) {
        super(runner, options);
        const failures = [];
        runner.on("fail", (test, error) =>
            failures.push({
                title: test.fullTitle(),
                message: String(error?.message ?? error),
                timedOut: error?.code === "ERR_MOCHA_TIMEOUT",
            }),
        );
        runner.once("end", () => {
            const { passes, failures: failed, pending } = this.stats;
            const counted = { passed: passes, failed, skipped: pending, failures };
            writeFileSync(process.env.WINSOCK_SPI_REPORT, JSON.stringify(counted));
            setTimeout(() => {
                console.log(
                    `LEFT OPEN, so that the process does not end: ${process.getActiveResourcesInfo().join(", ")}`,
                );
                process.exit();
            }, grace).unref();
        });
    }
};
