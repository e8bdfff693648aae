// What has to be in prebuilds/ before it is published: every binary of every architecture, each for its processor, each as
// its hashes.json says.
import { closeSync, existsSync, openSync, readSync } from "node:fs";
import path from "node:path";
import { hashProblems, readHashes, sidecar } from "../hashes.mjs";

/** Folders below prebuilds/, with the machine number that their files have in the PE header. */
export const machines = { "win32-x64": 0x8664, "win32-ia32": 0x014c, "win32-arm64": 0xaa64 };

export const binaries = ["winsock_spi.node", "winsock_spi_lsp.dll", "winsock-spi-rescue.exe"];

/** What is missing or wrong, one sentence each. folder: prebuilds/, here or in an unpacked tarball. */
export function prebuildProblems(folder, version) {
    const problems = [];
    for (const [name, machine] of Object.entries(machines)) {
        const place = path.join(folder, name);
        const missing = [...binaries, sidecar].filter((file) => !existsSync(path.join(place, file)));
        problems.push(...missing.map((file) => `prebuilds/${name}/${file} is missing`));
        for (const file of binaries.filter((binary) => !missing.includes(binary))) {
            const found = machineOf(path.join(place, file));
            if (found !== machine) {
                const what = found === undefined ? "no Windows program" : `for machine 0x${found.toString(16)}`;
                problems.push(`prebuilds/${name}/${file} is ${what}, not for machine 0x${machine.toString(16)}`);
            }
        }
        if (!missing.includes(sidecar)) {
            problems.push(...hashProblems(place));
            const told = readHashes(place);
            problems.push(
                ...binaries
                    .filter((file) => told !== undefined && told.files[file] === undefined)
                    .map((file) => `prebuilds/${name}/${sidecar} does not name ${file}`),
            );
            if (told !== undefined && told.version !== version) {
                problems.push(`prebuilds/${name} was built as version ${told.version}, not ${version}`);
            }
        }
    }
    return problems;
}

/** The machine number of a PE file; undefined if it is none. */
function machineOf(file) {
    const descriptor = openSync(file, "r");
    try {
        const start = Buffer.alloc(64);
        if (readSync(descriptor, start, 0, 64, 0) < 64 || start.toString("latin1", 0, 2) !== "MZ") {
            return undefined;
        }
        const header = Buffer.alloc(6);
        const read = readSync(descriptor, header, 0, 6, start.readUInt32LE(60));
        return read === 6 && header.toString("latin1", 0, 4) === "PE\0\0" ? header.readUInt16LE(4) : undefined;
    } finally {
        closeSync(descriptor);
    }
}
