// node scripts/release/place-prebuilds.mjs FOLDER: puts what `npm run binaries` has collected on several machines into
// FOLDER side by side into prebuilds/.
import { cpSync, readdirSync, rmSync } from "node:fs";
import path from "node:path";
import { prebuilds } from "../paths.mjs";
import { placeOf } from "../given-binaries.mjs";

const folder = path.resolve(process.argv[2]);
const names = readdirSync(folder).flatMap((name) => /^win32-(\w+)$/.exec(name)?.[1] ?? []);
for (const name of names) {
    rmSync(prebuilds(name), { recursive: true, force: true });
    cpSync(placeOf(folder, { name }).prebuilds, prebuilds(name), { recursive: true });
    console.log(prebuilds(name));
}
process.exitCode = names.length === 0 ? 1 : 0;
