// npm run bench [NAMES] [--quick]: the benchmarks of bench/. They are led from here, on this Node; what is measured runs
// in Windows programs (bench/columns.mjs).
import { onWindows } from "./paths.mjs";
import { setup } from "./setup.mjs";

export async function main(args) {
    const environment = await setup({ nodes: onWindows ? [] : ["node"], tests: true });
    const { bench } = await import("../bench/main.mjs");
    return bench({
        environment,
        names: args.filter((argument) => !argument.startsWith("--")),
        quick: args.includes("--quick"),
    });
}
