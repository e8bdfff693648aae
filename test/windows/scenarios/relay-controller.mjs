// A controller in a process of its own, which ends with its stdin.
import { writeSync } from "node:fs";
import { startController } from "winsock-spi";

await startController({ onNotice: ({ message }) => console.error(`controller: ${message}`) });
process.stdin.on("end", () => process.exit()).resume();
writeSync(1, "controls\n");
