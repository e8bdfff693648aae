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

/** Architectures as Node names them, with the CMake preset that builds them here. */
export const architectures = [
    { name: "x64", preset: onWindows ? "msvc-x64" : "mingw-x64" },
    { name: "ia32", preset: onWindows ? "msvc-x86" : "mingw-x86" },
];

export function prebuilds(architecture) {
    return path.join(project, "prebuilds", `win32-${architecture}`);
}

export function buildFolder(preset) {
    return path.join(local, "build", preset);
}

/** The folder from which the user called npm. */
export const callersFolder = process.env.INIT_CWD || process.cwd();
