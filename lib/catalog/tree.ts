// The chains of the catalogs as a drawing for the terminal. Pure.

import { type ChainPlace, type ChainRow, type ChainView, chainViews, dllName } from "./chain-view.js";
import type { Catalog, CatalogEntry } from "./model.js";
import { cells, cut, fitted, printable } from "./printable.js";

/** How {@link formatTree} draws. */
export interface TreeOptions {
    /** Cells of a line; default 100. Names and DLLs are cut so that lines stay within it. At least 40. */
    width?: number;
    /** With the escape sequences of ANSI terminals; default false. */
    colors?: boolean;
}

const narrowest = 40;
const defaultWidth = 100;

type Paint = (text: string) => string;

interface Painter {
    bold: Paint;
    dim: Paint;
    bad: Paint;
}

function painter(colors: boolean): Painter {
    const code = (begin: number, end: number): Paint =>
        colors ? (text) => `\u001B[${begin}m${text}\u001B[${end}m` : (text) => text;
    return { bold: code(1, 22), dim: code(2, 22), bad: code(31, 39) };
}

/** What stands in one line, before it is fitted into the width. */
interface Line {
    /** The lines of the tree, and what the entry is to a program. */
    lead: string;
    id: string;
    name: string;
    kind: string;
    dll: string;
    fault?: string | undefined;
    first?: boolean;
}

function lineOf(lead: string, entry: CatalogEntry, kind: string = entry.kind): Line {
    return { lead, id: String(entry.id), name: printable(entry.name), kind, dll: printable(dllName(entry.path)) };
}

function placeLine(lead: string, { id, entry, fault }: ChainPlace): Line {
    return entry === undefined
        ? { lead, id: String(id), name: "?", kind: "missing", dll: "", fault: `${id} ${fault ?? ""}`.trim() }
        : { ...lineOf(lead, entry), fault };
}

function rowLines(row: ChainRow): Line[] {
    const kind = row.unlisted ? `${row.entry.kind}, unlisted` : row.entry.kind;
    const lines: Line[] = [{ ...lineOf(row.first ? "> " : "  ", row.entry, kind), first: row.first }];
    for (const [depth, place] of row.below.entries()) {
        lines.push(placeLine(`  ${"  ".repeat(depth)}└─ `, place));
    }
    const end = `  ${"  ".repeat(row.below.length)}`;
    return [...lines, ...row.faults.map((fault): Line => ({ lead: end, id: "", name: "", kind: "", dll: "", fault }))];
}

/** Widths of the columns, for all lines of a drawing. */
interface Columns {
    lead: number;
    id: number;
    name: number;
    kind: number;
    dll: number;
}

const longest = (texts: readonly string[]): number => texts.reduce((most, text) => Math.max(most, cells(text)), 0);

/** The name has what the others leave; where it is narrow the DLLs are cut first, then left out. */
function columnsFor(lines: readonly Line[], width: number): Columns {
    const lead = longest(lines.map((line) => line.lead + line.id));
    const id = longest(lines.map((line) => line.id));
    const kind = longest(lines.map((line) => line.kind));
    const name = longest(lines.map((line) => line.name));
    const dll = longest(lines.map((line) => line.dll));
    const left = width - lead - 1 - 2 - kind - 2;
    const forDll = Math.min(dll, Math.max(left - name, Math.floor(left / 3)));
    return forDll < 8
        ? { lead, id, kind, name: Math.min(name, left + 2), dll: 0 }
        : { lead, id, kind, name: Math.min(name, left - forDll), dll: forDll };
}

function draw(line: Line, columns: Columns, width: number, paint: Painter): string {
    if (line.fault !== undefined) {
        return line.lead + paint.bad(cut(`✗ ${line.fault}`, width - cells(line.lead)));
    }
    const head = fitted(line.lead + line.id, columns.lead);
    const name = fitted(line.name, columns.name);
    const dll = columns.dll === 0 ? "" : `  ${cut(line.dll, columns.dll)}`;
    const text = `${head} ${line.first === true ? paint.bold(name) : name}  `;
    return `${text}${paint.dim(fitted(line.kind, columns.kind) + dll)}`.trimEnd();
}

function hiddenLines({ hidden }: ChainView): Line[] {
    return hidden.map(({ entry, namedBy }) => ({
        ...lineOf("  ", entry),
        kind:
            namedBy.length === 0
                ? "in no chain"
                : `in ${namedBy.length === 1 ? "1 chain" : `${namedBy.length} chains`}`,
    }));
}

function namespaceLines({ namespaces }: ChainView): Line[] {
    return namespaces.map((entry) => ({
        lead: "  ",
        id: "",
        name: printable(entry.name),
        kind: `${entry.namespaceName}, ${entry.enabled ? "on" : "off"}`,
        dll: printable(dllName(entry.path)),
    }));
}

function drawView(view: ChainView, width: number, paint: Painter): string {
    const sections: [title: string, lines: Line[]][] = [
        ...view.protocols.map(({ title, rows }): [string, Line[]] => [printable(title), rows.flatMap(rowLines)]),
        ["Hidden: stand for their providers in chains", hiddenLines(view)],
        ["Names: asked in this order", namespaceLines(view)],
    ];
    const shown = sections.filter(([, lines]) => lines.length > 0);
    const columns = columnsFor(
        shown.flatMap(([, lines]) => lines),
        width,
    );
    const faults = view.faults === 0 ? "" : `, ${paint.bad(view.faults === 1 ? "1 fault" : `${view.faults} faults`)}`;
    const head = `${paint.bold(`${view.bits}-bit programs`)}: ${view.count} entries${faults}`;
    return [
        head,
        ...shown.map(([title, lines]) =>
            [paint.bold(cut(title, width)), ...lines.map((line) => draw(line, columns, width, paint))].join("\n"),
        ),
    ].join("\n\n");
}

/**
 * Draws the catalogs: for each protocol who serves it (what a program gets is marked `>`), and below each layered entry
 * the way of its calls down to the base entry. Ids that no entry has are marked `✗`. Names are made harmless: nothing
 * that a terminal would obey is left in them.
 *
 * @throws TypeError if the width is not a number of at least 40.
 */
export function formatTree(catalog: Catalog, options: TreeOptions = {}): string {
    const { width = defaultWidth, colors = false } = options;
    if (!Number.isInteger(width) || width < narrowest) {
        throw new TypeError(`formatTree: width must be a whole number of at least ${narrowest}`);
    }
    const paint = painter(colors);
    const views = chainViews(catalog);
    return views.length === 0
        ? "There is no catalog."
        : views.map((view) => drawView(view, width, paint)).join("\n\n\n");
}
