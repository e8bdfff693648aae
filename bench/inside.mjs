// Runs one benchmark inside Windows Node: inside.mjs NAME RESULT_FILE [--quick]. bench/main.mjs starts it.
import { writeFileSync } from "node:fs";

const [name, file, mode] = process.argv.slice(2);
const { measure } = await import(new URL(`${name}.mjs`, import.meta.url).href);
writeFileSync(file, JSON.stringify(await measure({ quick: mode === "--quick" })));
process.exit(0); // channels of child processes may still be open
