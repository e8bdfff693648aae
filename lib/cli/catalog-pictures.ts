// winsock-spi catalog --tree and --svg FILE: the chains drawn.

import { readCatalog } from "../catalog/read.js";
import { formatSvg } from "../catalog/svg.js";
import { formatTree } from "../catalog/tree.js";
import { writeWholeFile } from "../whole-file.js";
import { type Output, inputPath } from "./frame.js";

/** What a terminal can be narrower than; the drawing cannot. */
const narrowest = 40;

/** Prints the drawing, as wide as the terminal is, in its colours unless NO_COLOR is set. */
export async function printTree(output: Output): Promise<void> {
    const { protocols, namespaces, problems } = await readCatalog();
    for (const problem of problems) {
        output.note(problem);
    }
    const { isTTY, columns } = process.stdout;
    const drawn = formatTree(
        { protocols, namespaces },
        {
            colors: isTTY && (process.env["NO_COLOR"] ?? "") === "",
            // The last cell of a line stays free: some consoles begin a new line there.
            ...(isTTY && columns > 0 ? { width: Math.max(narrowest, columns - 1) } : {}),
        },
    );
    output.text(drawn);
}

/** Writes the picture into a file, whole or not at all. */
export async function writeSvg(output: Output, file: string): Promise<void> {
    const { protocols, namespaces, problems } = await readCatalog();
    for (const problem of problems) {
        output.note(problem);
    }
    const full = inputPath(file);
    const title = `Winsock catalog, ${new Date().toISOString().slice(0, 16).replace("T", " ")} UTC`;
    await writeWholeFile(full, formatSvg({ protocols, namespaces }, { title }), "the picture");
    output.value({ file: full });
    output.text(`The picture is in ${full}`);
}
