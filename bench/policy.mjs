// Nanoseconds of a decision by the image beside a linear scan over the same rules, in the same run: of 4096 calls in turn,
// which meet memory that no cache has, and of 64, as a program makes them that talks to a few others. The same program
// runs on Linux (`node bench/policy.mjs`) and in Windows (`npm run bench policy`).
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { leastPairs, median, printTable } from "./measure.mjs";
import { makeInput } from "./policy-input.mjs";
import { programFile } from "./programs.mjs";

export const title = "decisions of a policy image beside a linear scan of its rules";
export const inside = "host";

const sizes = [10, 1000, 10_000, 100_000];

function program() {
    if (process.platform === "win32") {
        return programFile("policy_decisions");
    }
    const file = fileURLToPath(new URL("../.cache/build/linux/bin/bench/policy_decisions", import.meta.url));
    if (!existsSync(file)) {
        throw new Error(`policy_decisions is not built (npm test does): ${file}`);
    }
    return file;
}

export async function measure({ quick = false } = {}) {
    const folder = mkdtempSync(path.join(tmpdir(), "winsock-spi-bench-"));
    try {
        const rounds = quick ? 1 : leastPairs;
        const results = (quick ? sizes.slice(0, 2) : sizes).map((rules) => {
            const { bytes, image, compileMs } = makeInput(rules);
            const file = path.join(folder, "input");
            writeFileSync(file, bytes);
            const measured = JSON.parse(execFileSync(program(), [file, String(rounds)], { encoding: "utf8" }));
            return { rules, compileMs, imageBytes: image.length, ...measured };
        });
        const [least] = results;
        const show = (values) =>
            `${median(values).toFixed(1)} (${Math.min(...values).toFixed(1)}-${Math.max(...values).toFixed(1)})`;
        printTable([
            [
                "rules",
                "4096 calls, ns",
                "64 calls, ns",
                "linear, ns",
                "beside 10 rules",
                "per second",
                "compile, ms",
                "image, KiB",
                "check, ms",
                "resolve, us",
            ],
            ...results.map((each) => [
                each.rules,
                show(each.image),
                show(each.warm),
                show(each.linear),
                `${(median(each.image) / median(least.image)).toFixed(2)}, ${(median(each.warm) / median(least.warm)).toFixed(2)}`,
                Math.round(1e9 / median(each.image)).toLocaleString("en"),
                each.compileMs.toFixed(0),
                Math.round(each.imageBytes / 1024),
                each.check.toFixed(2),
                each.resolve.toFixed(1),
            ]),
        ]);
        return { results };
    } finally {
        rmSync(folder, { recursive: true, force: true });
    }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
    await measure();
}
