// Where things are: the project, its build output, and the user's cache that clones share.
import { homedir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

export const onWindows = process.platform === "win32";

export const project = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

/** Build output and Wine prefixes of this clone; git ignores it. */
export const local = path.join(project, ".cache");

/** The Debian root, Windows Nodes and the first Wine prefix, shared by all clones of this user. */
export const shared =
    process.env.WINSOCK_SPI_CACHE ||
    (onWindows
        ? path.join(process.env.LOCALAPPDATA || homedir(), "winsock-spi")
        : path.join(process.env.XDG_CACHE_HOME || path.join(homedir(), ".cache"), "winsock-spi"));

/** Every architecture as Node names it, with the CMake preset that builds it here. */
export const allArchitectures = [
    { name: "x64", preset: onWindows ? "msvc-x64" : "mingw-x64" },
    { name: "ia32", preset: onWindows ? "msvc-x86" : "mingw-x86" },
    ...(onWindows ? [{ name: "arm64", preset: "msvc-arm64" }] : []),
];

/** Those that programs of this machine have: the tests and the CLI need them. */
export const architectures = allArchitectures.filter(({ name }) => name !== "arm64" || process.arch === "arm64");

/** Binaries that another machine has built (scripts/binaries.mjs), to be used instead of building. */
export const givenBinaries = process.env.WINSOCK_SPI_BINARIES
    ? path.resolve(process.env.INIT_CWD || process.cwd(), process.env.WINSOCK_SPI_BINARIES)
    : undefined;

export function prebuilds(architecture) {
    return path.join(project, "prebuilds", `win32-${architecture}`);
}

export function buildFolder(preset) {
    return path.join(local, "build", preset);
}

/** A program of Windows itself. A 32-bit process sees the 64-bit System32 as Sysnative; not all programs have two builds. */
export function systemProgram(name) {
    const other = process.env.PROCESSOR_ARCHITEW6432 !== undefined;
    return path.join(process.env.SystemRoot ?? "C:\\Windows", other ? "Sysnative" : "System32", name);
}

/** The folder from which the user called npm. */
export const callersFolder = process.env.INIT_CWD || process.cwd();
