// Where Windows programs are built and run on Linux: the host itself if its Wine is new enough, else a Debian 13 root
// built once per user and shared by clones, else the host's older Wine with some suites skipped.
import { existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, renameSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { withLock } from "./lock.mjs";
import { project, shared } from "./paths.mjs";
import { attempt, run } from "./processes.mjs";
import { SetupError, say, step } from "./progress.mjs";
import { contentKey } from "./stamp.mjs";

const scripts = path.join(project, "scripts");
const roots = path.join(shared, "roots");
const mirror = process.env.WINSOCK_SPI_DEBIAN_MIRROR || "http://deb.debian.org/debian";
const systemPath = `${process.env.PATH ?? ""}:/usr/sbin:/usr/bin:/sbin:/bin`;

/** What the host needs for Windows programs to be built on it; Wine comes on top. */
const hostTools = ["cmake", "ninja", "g++", "x86_64-w64-mingw32-g++-posix", "i686-w64-mingw32-g++-posix"];
const hostPackages = "wine wine64 g++ g++-mingw-w64-x86-64-posix g++-mingw-w64-i686-posix cmake ninja-build";

const noHost = `WINSOCK_SPI_ENVIRONMENT=host, but Wine 8 or newer with its build tools is not here: ${hostPackages}`;

/**
 * The environment: {
 *   key: string         differs when Wine or the compilers do
 *   complete: boolean   false: Wine is old; 32-bit programs and newer Nodes are left out
 *   root: its folder, if it is one
 *   enter(argv, folder): argv that runs inside, in that working folder
 * }
 * build: false = a root that is not there is not built; without another environment that is an error.
 */
export async function environment({ build = true } = {}) {
    const wanted = process.env.WINSOCK_SPI_ENVIRONMENT; // "host" or "root", else the better one
    const host = wanted === "root" ? undefined : await hostWine();
    if (host?.complete && (wanted === "host" || missingTools().length === 0)) {
        return onHost(host);
    }
    const why = await (wanted === "host" ? noHost : rootOrReason(build));
    if (typeof why !== "string") {
        return why;
    }
    if (host !== undefined && host.major >= 8 && missingTools().length === 0) {
        say(`winsock-spi: using the host's Wine ${host.version} (${why.split("\n")[0]}).`);
        say("winsock-spi: skipped with it: 32-bit programs, Node 24 and 26. They need Wine 10 with 32-bit support.");
        return onHost(host);
    }
    throw new SetupError(why, 2);
}

async function hostWine() {
    const wine = which("wine");
    if (wine === undefined) {
        return undefined;
    }
    const version = /^wine-(\d+)(\.[\d.]+)?/.exec((await attempt(wine, ["--version"])).output);
    if (version === null) {
        return undefined;
    }
    const major = Number(version[1]);
    return { version: version[0].slice(5), major, complete: major >= 10 && has32Bit(wine) };
}

function has32Bit(wine) {
    const besides = path.join(path.dirname(path.dirname(realpathSync(wine))), "lib", "wine");
    const folders = [
        besides,
        "/usr/lib/wine",
        "/usr/lib32/wine",
        "/usr/lib/i386-linux-gnu/wine",
        "/usr/lib/x86_64-linux-gnu/wine",
    ];
    return folders.some((folder) => existsSync(path.join(folder, "i386-windows", "ntdll.dll")));
}

function missingTools() {
    return hostTools.filter((tool) => which(tool) === undefined);
}

function onHost(host) {
    return {
        key: `host-wine-${host.version}${host.complete ? "" : "-partial"}`,
        complete: host.complete,
        enter: (argv, folder) => ["env", "-C", folder, ...argv],
    };
}

/** The environment in the pinned root, built if it is not there yet; or the reason why it cannot be. */
async function rootOrReason(build) {
    const way = await wayIn();
    if (way.reason !== undefined) {
        return way.reason;
    }
    const recipe = contentKey([path.join(scripts, "root-build.sh")]);
    if (!build && findRoot(recipe) === undefined) {
        return "The root is not built.";
    }
    const name =
        findRoot(recipe) ?? (await withLock(`root-${recipe}`, () => findRoot(recipe) ?? buildRoot(recipe, way)));
    if (typeof name !== "string") {
        return name.reason;
    }
    const root = path.join(roots, name);
    const state = path.join(shared, "run", name);
    mkdirSync(state, { recursive: true });
    return { key: name, root, complete: true, enter: (argv, folder) => way.enter({ root, state, argv, folder }) };
}

function findRoot(recipe) {
    return existsSync(roots)
        ? readdirSync(roots).find((name) => name.startsWith("debian-") && name.endsWith(`-${recipe}`))
        : undefined;
}

/** How this user gets into a root: { enter, build, tool } or { reason }. */
async function wayIn() {
    const join = path.join(scripts, "root-join.sh");
    const enter = ({ root, state, argv, folder }) => ["sh", join, state, root, folder, "", ...argv];
    if (process.getuid() === 0) {
        if ((await attempt("unshare", ["--mount", "true"])).code !== 0) {
            return {
                reason: "Mount namespaces are refused here. In a container, run it with: docker run --privileged ...",
            };
        }
        return { enter, tool: "debootstrap", build: (command) => ["unshare", "--mount", ...command] };
    }
    const sudo = (await attempt("sudo", ["-n", "true"])).code === 0;
    const buildWithSudo = (command) => ["sudo", "-n", "unshare", "--mount", ...command];
    if ((await attempt("unshare", ["--map-root-user", "--mount", "true"])).code === 0) {
        const subordinate = which("mmdebstrap") !== undefined && which("newuidmap") !== undefined;
        return subordinate || !sudo
            ? { enter, tool: "mmdebstrap", build: (command) => command }
            : { enter, tool: "debootstrap", build: buildWithSudo };
    }
    if (sudo) {
        const owner = `${process.getuid()}:${process.getgid()}`;
        return {
            enter: ({ root, state, argv, folder }) => [
                "sudo",
                "-n",
                "-E",
                "sh",
                join,
                state,
                root,
                folder,
                owner,
                ...argv,
            ],
            tool: "debootstrap",
            build: buildWithSudo,
        };
    }
    return {
        reason:
            "User namespaces are not allowed here, and there is no sudo without a password. Allow them, then run the same " +
            "command again:\n    sudo sysctl -w kernel.unprivileged_userns_clone=1 kernel.apparmor_restrict_unprivileged_userns=0",
    };
}

async function buildRoot(recipe, way) {
    const missing = await installBuilder(way);
    if (missing !== undefined) {
        return { reason: missing };
    }
    mkdirSync(roots, { recursive: true });
    const temporary = path.join(roots, `.building-${process.pid}-${recipe}`);
    const elevate = way.build([]).includes("sudo") ? ["sudo", "-n"] : [];
    const remove = async () => {
        const command = [...elevate, "rm", "-rf", "--one-file-system", temporary];
        await attempt(command[0], command.slice(1));
    };
    return step("building the Debian 13 root with Wine 10 and the compilers (once per user, about 3 GB)", async () => {
        try {
            const argv = way.build(["sh", path.join(scripts, "root-build.sh"), temporary, way.tool, mirror]);
            await run(argv[0], argv.slice(1), {
                what: "building the Debian root",
                env: { ...process.env, PATH: systemPath },
            });
            const made = JSON.parse(readFileSync(path.join(temporary, "etc", "winsock-spi-root.json"), "utf8"));
            const name = `debian-${made.debian}-wine-${made.wine}-${recipe}`;
            await renameRoot(temporary, path.join(roots, name), elevate);
            return name;
        } finally {
            await remove();
        }
    });
}

async function renameRoot(from, to, elevate) {
    if (elevate.length === 0) {
        renameSync(from, to);
    } else {
        await run(elevate[0], [...elevate.slice(1), "mv", "-T", from, to]);
    }
}

/** Sees to it that the program which makes roots is there; returns what to do when it is not and cannot be installed. */
async function installBuilder(way) {
    const packages = way.tool === "mmdebstrap" ? "mmdebstrap uidmap" : "debootstrap";
    if (packages.split(" ").every((name) => which(name === "uidmap" ? "newuidmap" : name) !== undefined)) {
        if (way.tool === "mmdebstrap" && !hasSubordinateIds()) {
            return (
                "This user has no subordinate user ids. Run this, then the same command again:\n" +
                `    sudo usermod --add-subuids 200000-265535 --add-subgids 200000-265535 ${os.userInfo().username}`
            );
        }
        return undefined;
    }
    const elevate = process.getuid() === 0 ? [] : ["sudo", "-n"];
    if (way.tool === "debootstrap" && which("apt-get") !== undefined) {
        await step("installing debootstrap", async () => {
            const apt = [
                ...elevate,
                "env",
                "DEBIAN_FRONTEND=noninteractive",
                "apt-get",
                "-q",
                "install",
                "-y",
                packages,
            ];
            const first = await attempt(apt[0], apt.slice(1));
            if (first.code !== 0) {
                const update = [...elevate, "apt-get", "-q", "update"];
                await run(update[0], update.slice(1));
                await run(apt[0], apt.slice(1));
            }
        });
        return undefined;
    }
    const command =
        which("apt-get") !== undefined ? `sudo apt-get install -y ${packages}` : `install the packages: ${packages}`;
    return (
        "Windows programs need Wine 10 with 32-bit support, which this machine does not have. It can be put into a folder of " +
        `yours, without touching the system. Run this, then the same command again:\n    ${command}\n` +
        `(Or install Wine 8 or newer with its build tools: ${hostPackages})`
    );
}

function hasSubordinateIds() {
    const { username, uid } = os.userInfo();
    return (
        existsSync("/etc/subuid") &&
        readFileSync("/etc/subuid", "utf8")
            .split("\n")
            .some((line) => [username, String(uid)].includes(line.split(":")[0]))
    );
}

export function which(name) {
    return systemPath
        .split(":")
        .map((folder) => path.join(folder, name))
        .find((file) => existsSync(file));
}

/** Writes an executable that runs PROGRAM inside the environment, for tools that want the path of a program. */
export function wrapper(environment, program) {
    const file = path.join(project, ".cache", "bin", program);
    const quote = (word) => `'${word.replaceAll("'", "'\\''")}'`;
    const [first, ...rest] = environment.enter([program], "@FOLDER@");
    const words = [first, ...rest].map((word) => (word === "@FOLDER@" ? '"$PWD"' : quote(word)));
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, `#!/bin/sh\nexec ${words.join(" ")} "$@"\n`, { mode: 0o755 });
    return file;
}

/** Removes a root; one that was built with sudo is removed with sudo. */
export async function removeRoot(root) {
    const own = await rm(root, { recursive: true, force: true }).then(
        () => true,
        () => false,
    );
    if (!own) {
        await run("sudo", ["-n", "rm", "-rf", "--one-file-system", root], { what: `sudo rm -rf ${root}` });
    }
}
