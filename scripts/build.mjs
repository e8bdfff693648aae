// Builds: the Windows binaries of both architectures, the native tests, and the TypeScript, each only when its inputs
// changed.
import { existsSync, mkdirSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { takeBinaries } from "./given-binaries.mjs";
import { sidecar, writeHashes } from "./hashes.mjs";
import { withLock } from "./lock.mjs";
import { architectures, buildFolder, givenBinaries, local, onWindows, prebuilds, project } from "./paths.mjs";
import { attempt, run } from "./processes.mjs";
import { SetupError, step } from "./progress.mjs";
import { wrapper } from "./root.mjs";
import { fingerprint, isDone, setDone, setUndone } from "./stamp.mjs";
import { platforms, visualStudio } from "./visual-studio.mjs";

const at = (...parts) => path.join(project, ...parts);
const cmakeFiles = [at("CMakeLists.txt"), at("CMakePresets.json"), at("package.json"), at("cmake"), at("native")];
const nativeInputs = [
    ...cmakeFiles,
    at("test", "windows", "programs"),
    at("test", "windows", "providers"),
    at("test", "windows", "conformance"),
    at("test", "windows", "strangers"),
    at("docs", "samples"),
    at("bench", "native"),
];
const shipped = ["winsock_spi.node", "winsock_spi_lsp.dll", "winsock-spi-rescue.exe", sidecar];

/** The Windows binaries: into prebuilds/, and what only Wine and the tests need into .cache/build. */
export async function buildNative(environment, wanted = architectures) {
    for (const architecture of wanted) {
        const inputs = givenBinaries === undefined ? [nativeInputs, environment?.key] : [[givenBinaries], "given"];
        await ifChanged(`native-${architecture.name}`, inputs, shippedFiles(architecture.name), () =>
            givenBinaries === undefined
                ? step(`building the Windows binaries for ${architecture.name}`, () =>
                      buildArchitecture(environment, architecture, wanted),
                  )
                : step(`taking the Windows binaries for ${architecture.name} from ${givenBinaries}`, () =>
                      takeBinaries(givenBinaries, architecture),
                  ),
        );
        // Also after somebody called the compiler by other ways.
        await writeHashes(prebuilds(architecture.name));
    }
}

function shippedFiles(architecture) {
    return shipped.map((file) => path.join(prebuilds(architecture), file));
}

/** True where all shipped binaries are there already (an unpacked package, or a finished build). */
export function prebuildsFilled() {
    return architectures.every(({ name }) => shippedFiles(name).every((file) => existsSync(file)));
}

async function buildArchitecture(environment, { name, preset }, wanted) {
    const folder = buildFolder(preset);
    // cmake-js drives CMake on Linux as on Windows; there it is told which Visual Studio, here the toolchain and a cmake
    // that runs inside the environment.
    const args = [
        at("node_modules", "cmake-js", "bin", "cmake-js"),
        "build",
        "--log-level",
        "warn",
        "--out",
        folder,
        "--arch",
        name,
        `--CDWINSOCK_SPI_OUTPUT=${prebuilds(name).replaceAll("\\", "/")}`,
    ];
    if (!onWindows) {
        const triple = name === "x64" ? "x86_64-w64-mingw32" : "i686-w64-mingw32";
        args.push(
            "--generator",
            "Ninja",
            "--cmake-path",
            wrapper(environment, "cmake"),
            "--cc",
            `${triple}-gcc-posix`,
            "--cxx",
            `${triple}-g++-posix`,
            "--CDWINSOCK_SPI_PRECOMPILE=ON",
            `--CDCMAKE_TOOLCHAIN_FILE=${at("cmake", `toolchain-${preset}.cmake`)}`,
        );
    } else {
        const { cmake, generator } = await visualStudio(wanted.map((architecture) => architecture.name));
        args.push("--generator", generator, "--platform", platforms[name], "--cmake-path", cmake);
        args.push("--parallel", String(os.availableParallelism()));
    }
    dropForeignBuild(folder, environment?.key ?? "windows");
    mkdirSync(folder, { recursive: true });
    await run(process.execPath, args, { cwd: project, what: `building for ${name}` });
}

/** A build folder that another environment configured holds paths and objects of its compilers. */
function dropForeignBuild(folder, key) {
    const name = `configured-${path.basename(folder)}`;
    const print = `${key} ${project} precompiled`;
    if (!isDone(name, print)) {
        rmSync(folder, { recursive: true, force: true });
        setDone(name, print);
    }
}

/** The unit tests and fuzzers of native/core, with sanitizers. */
export async function buildNativeTests(environment) {
    await ifChanged(
        "native-tests",
        [
            [...cmakeFiles, at("test", "native"), at("test", "windows", "programs", "policy_decisions.cpp")],
            environment.key,
        ],
        [],
        () =>
            step("building the native unit tests and fuzzers", async () => {
                const cmake = wrapper(environment, "cmake");
                dropForeignBuild(buildFolder("linux"), environment.key);
                await run(cmake, ["--preset", "linux"], { cwd: project, what: "configuring the native tests" });
                await run(cmake, ["--build", "--preset", "linux"], { cwd: project, what: "building the native tests" });
            }),
    );
}

/** lib/ to dist/. */
export async function buildLibrary() {
    await ifChanged("library", [[at("lib"), at("tsconfig.json"), lockfile()]], [at("dist", "index.js")], () =>
        step("compiling lib", async () => {
            rmSync(at("dist"), { recursive: true, force: true });
            await compile("tsconfig.json");
        }),
    );
}

/** The compiled tests. */
export const compiledTests = path.join(local, "test");

/** test/ to .cache/test. */
export async function buildTests() {
    await ifChanged("tests", [[at("lib"), at("test"), at("tsconfig.json"), lockfile()]], [compiledTests], () =>
        step("compiling test", async () => {
            rmSync(compiledTests, { recursive: true, force: true });
            await compile(path.join("test", "tsconfig.json"));
        }),
    );
}

function lockfile() {
    return at("node_modules", ".package-lock.json");
}

async function compile(configuration) {
    const tsc = at("node_modules", "typescript", "bin", "tsc");
    const { code, output } = await attempt(process.execPath, [tsc, "--project", configuration], { cwd: project });
    if (code !== 0) {
        throw new SetupError(`${configuration} does not compile:\n${output}`);
    }
}

/** Runs work() unless it was done with these inputs and its outputs still exist. */
async function ifChanged(name, [files, ...values], outputs, work) {
    const current = () => {
        const print = fingerprint(files, ...values);
        return { print, done: isDone(name, print) && outputs.every((file) => existsSync(file)) };
    };
    if (current().done) {
        return;
    }
    await withLock(`${local}/${name}`, async () => {
        // Taken before the work: what changes meanwhile is built next time.
        const { print, done } = current();
        if (!done) {
            setUndone(name);
            await work();
            setDone(name, print);
        }
    });
}
