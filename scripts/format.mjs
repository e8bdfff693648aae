// npm run format: writes every file as the checks `prettier` and `clang-format` want it.
import { clangFormat } from "./checks/clang-format.mjs";
import { prettier } from "./checks/prettier.mjs";
import { ensureDependencies } from "./npm.mjs";
import { onWindows, project } from "./paths.mjs";
import { attempt } from "./processes.mjs";
import { SetupError, say } from "./progress.mjs";
import { environment } from "./root.mjs";

export async function main() {
    await ensureDependencies();
    const { code, output } = await attempt(process.execPath, [prettier, "--write", "--log-level", "warn", "."], {
        cwd: project,
    });
    if (code !== 0) {
        throw new SetupError(output);
    }
    if ((await clangFormat(onWindows ? undefined : await environment(), "-i")) === undefined) {
        say("winsock-spi: no clang-format-19 here: C++ is left as it is.");
    }
    return 0;
}
