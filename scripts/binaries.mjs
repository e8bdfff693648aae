// npm run binaries -- FOLDER [ARCHITECTURE...]: builds the Windows binaries and puts them, with the programs of the tests
// and the Winsock host side, into FOLDER: what another machine uses with WINSOCK_SPI_BINARIES=FOLDER instead of building.
// Architectures as Node names them; by default those that the tests need.
import { cpSync, mkdirSync, rmSync } from "node:fs";
import path from "node:path";
import { buildNative } from "./build.mjs";
import { allArchitectures, architectures, buildFolder, callersFolder, onWindows, prebuilds } from "./paths.mjs";
import { placeOf } from "./given-binaries.mjs";
import { ensureDependencies } from "./npm.mjs";
import { say } from "./progress.mjs";
import { environment } from "./root.mjs";

export async function main([folder, ...names]) {
    const known = allArchitectures.map(({ name }) => name);
    if (folder === undefined || names.some((name) => !known.includes(name))) {
        say(`usage: npm run binaries -- FOLDER [${known.join("|")}]...`);
        return 64;
    }
    const wanted = names.length === 0 ? architectures : allArchitectures.filter(({ name }) => names.includes(name));
    await ensureDependencies();
    await buildNative(onWindows ? undefined : await environment(), wanted);
    for (const architecture of wanted) {
        const place = placeOf(path.resolve(callersFolder, folder), architecture);
        rmSync(place.folder, { recursive: true, force: true });
        mkdirSync(place.folder, { recursive: true });
        cpSync(prebuilds(architecture.name), place.prebuilds, { recursive: true });
        cpSync(path.join(buildFolder(architecture.preset), "bin"), place.bin, { recursive: true });
        say(`winsock-spi: ${place.folder}`);
    }
    return 0;
}
