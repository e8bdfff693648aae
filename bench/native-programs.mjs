// Where the native programs of bench/native are: { x64, ia32 } of those that are built.
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const presets = { x64: ["mingw-x64", "msvc-x64"], ia32: ["mingw-x86", "msvc-x86"] };

export function nativePrograms(name) {
    const built = Object.entries(presets).flatMap(([architecture, names]) => {
        const files = names.map((preset) =>
            fileURLToPath(new URL(`../.cache/build/${preset}/bin/bench/${name}.exe`, import.meta.url)),
        );
        const file = files.find(existsSync);
        return file === undefined ? [] : [[architecture, file]];
    });
    if (built.length === 0) {
        throw new Error(`the program ${name} of bench/native is not built`);
    }
    return Object.fromEntries(built);
}
