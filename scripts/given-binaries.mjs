// Binaries that another machine has built, in a folder that `npm run binaries` has filled:
//   FOLDER/win32-<architecture>/prebuilds   what the package ships
//   FOLDER/win32-<architecture>/bin         what only Wine and the tests need
import { cpSync, existsSync, rmSync } from "node:fs";
import path from "node:path";
import { buildFolder, prebuilds } from "./paths.mjs";
import { SetupError } from "./progress.mjs";

/** Where the binaries of one architecture are in such a folder. */
export function placeOf(folder, { name }) {
    const place = path.join(folder, `win32-${name}`);
    return { folder: place, prebuilds: path.join(place, "prebuilds"), bin: path.join(place, "bin") };
}

/** Puts the binaries of one architecture where the build would have put them. */
export function takeBinaries(folder, architecture) {
    const place = placeOf(folder, architecture);
    for (const from of [place.prebuilds, place.bin]) {
        if (!existsSync(from)) {
            throw new SetupError(
                `WINSOCK_SPI_BINARIES=${folder}, but there is no ${from}: npm run binaries -- FOLDER fills such a folder.`,
                2,
            );
        }
    }
    // The whole folder of the build, so that a later build does not take these for its own.
    rmSync(buildFolder(architecture.preset), { recursive: true, force: true });
    rmSync(prebuilds(architecture.name), { recursive: true, force: true });
    cpSync(place.prebuilds, prebuilds(architecture.name), { recursive: true });
    cpSync(place.bin, path.join(buildFolder(architecture.preset), "bin"), { recursive: true });
}
