// Visual Studio's C++ tools on Windows: which one builds, and with which CMake. Found here and not by cmake-js, which
// takes only a CMake that is in the PATH; the one that Visual Studio brings with it is not.
import { existsSync } from "node:fs";
import path from "node:path";
import { attempt } from "./processes.mjs";
import { SetupError } from "./progress.mjs";

/** The component of Visual Studio that compiles for an architecture, as Node names it. */
const components = {
    x64: "Microsoft.VisualStudio.Component.VC.Tools.x86.x64",
    ia32: "Microsoft.VisualStudio.Component.VC.Tools.x86.x64",
    arm64: "Microsoft.VisualStudio.Component.VC.Tools.ARM64",
};

/** What CMake calls the architectures. */
export const platforms = { x64: "x64", ia32: "Win32", arm64: "ARM64" };

/** The newest Visual Studio that compiles for these architectures: { cmake: path, generator: name }. */
export async function visualStudio(architectures) {
    const wanted = [...new Set(architectures.map((name) => components[name]))];
    const found = await locate(wanted);
    if (found === undefined) {
        throw new SetupError(
            "Building on Windows needs Visual Studio Build Tools with C++ (or binaries in prebuilds/). Run this, then " +
                "the same command again:\n    winget install Microsoft.VisualStudio.2022.BuildTools --override " +
                '"--quiet --wait --add Microsoft.VisualStudio.Workload.VCTools --includeRecommended' +
                `${wanted.map((name) => ` --add ${name}`).join("")}"`,
            2,
        );
    }
    const candidates = [
        ...(process.env.PATH ?? "").split(path.delimiter).map((folder) => path.join(folder, "cmake.exe")),
        path.join(
            found.installationPath,
            ...["Common7", "IDE", "CommonExtensions", "Microsoft", "CMake", "CMake", "bin", "cmake.exe"],
        ),
    ].filter((file) => existsSync(file));
    for (const cmake of candidates) {
        const { code, output } = await attempt(cmake, ["-E", "capabilities"]);
        const generator = code === 0 ? generatorFor(found.installationVersion, output) : undefined;
        if (generator !== undefined) {
            return { cmake, generator };
        }
    }
    throw new SetupError(
        `No CMake here knows the Visual Studio in ${found.installationPath} (version ${found.installationVersion}). ` +
            "Add the component Microsoft.VisualStudio.Component.VC.CMake.Project in the Visual Studio Installer, or " +
            "put a newer CMake into the PATH.",
        2,
    );
}

/** The newest installation that has all of these components, as Visual Studio's own locator describes it. */
async function locate(wanted) {
    const locator = path.join(
        process.env["ProgramFiles(x86)"] ?? "C:\\Program Files (x86)",
        "Microsoft Visual Studio",
        "Installer",
        "vswhere.exe",
    );
    const { code, output } = await attempt(locator, [
        ...["-products", "*", "-latest", "-format", "json", "-utf8", "-requires"],
        ...wanted,
    ]);
    return code === 0 ? installationIn(output) : undefined;
}

/** The first installation in what the locator has printed; undefined if there is none. */
export function installationIn(output) {
    const [first] = JSON.parse(output.trim() || "[]");
    return first?.installationPath === undefined ? undefined : first;
}

/** The generator for that version of Visual Studio among those that a CMake has; undefined if it has none. */
export function generatorFor(version, capabilities) {
    const major = version.split(".")[0];
    return JSON.parse(capabilities)
        .generators.map(({ name }) => name)
        .find((name) => name.startsWith(`Visual Studio ${major} `));
}
