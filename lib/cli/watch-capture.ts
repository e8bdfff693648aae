// watch --pcapng FILE: what rules with `capture` send through the relay goes to a file as long as the watch lasts.

import { openCapture } from "../hooks/capture.js";
import { WinsockError } from "../errors.js";
import { startController } from "../policy/controller.js";
import { inputPath, type Output } from "./frame.js";

/** Becomes the machine's controller, whose relay writes what it carries to `file`. */
export async function captureTo(file: string, output: Output): Promise<AsyncDisposable> {
    const capture = await openCapture(inputPath(file));
    try {
        const controller = await startController({
            capture,
            onNotice: ({ message }) => output.note(`relay: ${message}`),
        });
        return {
            [Symbol.asyncDispose]: async () => {
                await controller.close();
                await capture.close();
                if (capture.dropped > 0) {
                    output.note(`watch: ${capture.dropped} packets are not in ${file}: the disk was too slow`);
                }
            },
        };
    } catch (error) {
        await capture.close();
        if (error instanceof WinsockError && error.code === "ERR_CONTROLLER_RUNNING") {
            throw new WinsockError(
                `--pcapng needs the relay in this process, and there is one already: ${error.message}`,
                { code: error.code, cause: error },
            );
        }
        throw error;
    }
}
