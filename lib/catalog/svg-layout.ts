// Where everything stands in the picture of a catalog: boxes and lines in units of a pixel. Pure, and apart from
// svg.ts so that a test can look for boxes that overlap.
//
// A row per entry that serves a protocol: the entry itself on the left, what its calls come to on the right of it, the
// base entry last. The rows of one protocol stand together, what a program gets first.

import { type ChainRow, type ChainView, type ProtocolView, chainViews, dllName } from "./chain-view.js";
import type { Catalog, CatalogEntry } from "./model.js";
import { cells, cut, printable } from "./printable.js";

export type BoxKind = "base" | "layered" | "hidden" | "missing" | "namespace" | "off";

/** A rectangle with a few lines of text in it. */
export interface Box {
    x: number;
    y: number;
    width: number;
    height: number;
    kind: BoxKind;
    /** What a program gets. */
    first: boolean;
    /** Cut to what fits. */
    title: string;
    detail: string;
    /** In full, for the pointer that rests on the box. */
    hint: string;
}

/** A line of text; `x` and `y` are the left end of its base line. */
export interface Label {
    x: number;
    y: number;
    text: string;
    style: "head" | "protocol" | "note" | "fault";
}

/** An arrow from the right side of one box to the left side of the next. */
export interface Arrow {
    x1: number;
    x2: number;
    y: number;
    broken: boolean;
}

export interface Layout {
    width: number;
    height: number;
    boxes: Box[];
    labels: Label[];
    arrows: Arrow[];
}

/** Height of letters, and width of one cell in a font of fixed width of that height. */
export const fontSize = 12;
export const cellWidth = 7.3;

const margin = 20;
const boxWidth = 250;
const boxHeight = 42;
const gap = 34;
const rowStep = boxHeight + 10;
const padding = 8;
/** A picture is at least as wide as its heads and notes. */
const narrowest = 2 * margin + 2 * boxWidth + gap;

const fit = (text: string, width: number): string =>
    cut(printable(text), Math.floor((width - 2 * padding) / cellWidth));

class Canvas {
    readonly boxes: Box[] = [];
    readonly labels: Label[] = [];
    readonly arrows: Arrow[] = [];
    y = margin;
    right = narrowest - margin;

    label(text: string, style: Label["style"], x = margin): void {
        const clean = printable(text);
        this.y += style === "head" ? 22 : 18;
        this.labels.push({ x, y: this.y, text: clean, style });
        this.y += 6;
        // Heads are set larger.
        this.right = Math.max(this.right, x + cells(clean) * cellWidth * (style === "head" ? 1.4 : 1.05));
    }

    box(column: number, kind: BoxKind, texts: { title: string; detail: string; hint: string }, first = false): void {
        const x = margin + column * (boxWidth + gap);
        this.boxes.push({
            x,
            y: this.y,
            width: boxWidth,
            height: boxHeight,
            kind,
            first,
            title: fit(texts.title, boxWidth),
            detail: fit(texts.detail, boxWidth),
            hint: printable(texts.hint),
        });
        this.right = Math.max(this.right, x + boxWidth);
    }

    /** From the box in the column before to the one in this column of the same row. */
    arrow(column: number, broken: boolean): void {
        const x2 = margin + column * (boxWidth + gap);
        this.arrows.push({ x1: x2 - gap, x2, y: this.y + boxHeight / 2, broken });
    }
}

function textsOf(entry: CatalogEntry, kind: string = entry.kind): { title: string; detail: string; hint: string } {
    return {
        title: entry.name,
        detail: `${entry.id} ${kind} ${dllName(entry.path)}`,
        hint: `${entry.id} ${entry.name}, ${kind}, ${entry.providerId}, ${entry.path}`,
    };
}

function placeRow(canvas: Canvas, row: ChainRow): void {
    const kind = row.unlisted ? `${row.entry.kind}, unlisted,` : row.entry.kind;
    canvas.box(0, row.entry.kind, textsOf(row.entry, kind), row.first);
    for (const [index, { id, entry, fault }] of row.below.entries()) {
        canvas.arrow(index + 1, entry === undefined);
        if (entry === undefined) {
            const detail = fault ?? "";
            canvas.box(index + 1, "missing", { title: `${id}`, detail, hint: `${id} ${detail}` });
        } else {
            canvas.box(index + 1, entry.kind, textsOf(entry));
        }
    }
    canvas.y += rowStep;
    for (const fault of row.faults) {
        canvas.y -= 12;
        canvas.label(fault, "fault");
        canvas.y += 8;
    }
}

function placeProtocol(canvas: Canvas, { title, rows }: ProtocolView): void {
    canvas.label(title, "protocol");
    for (const row of rows) {
        placeRow(canvas, row);
    }
    canvas.y += 6;
}

/** Boxes that have no order among them, two in a row. */
function placeList(canvas: Canvas, boxes: readonly (() => [BoxKind, ReturnType<typeof textsOf>])[]): void {
    for (const [index, make] of boxes.entries()) {
        canvas.box(index % 2, ...make());
        if (index % 2 === 1 || index === boxes.length - 1) {
            canvas.y += rowStep;
        }
    }
    canvas.y += 6;
}

function placeView(canvas: Canvas, view: ChainView): void {
    const faults = view.faults === 0 ? "" : view.faults === 1 ? ", 1 fault" : `, ${view.faults} faults`;
    canvas.label(`${view.bits}-bit programs: ${view.count} entries${faults}`, "head");
    for (const protocol of view.protocols) {
        placeProtocol(canvas, protocol);
    }
    if (view.hidden.length > 0) {
        canvas.label("Hidden: stand for their providers in chains", "protocol");
        placeList(
            canvas,
            view.hidden.map(({ entry, namedBy }) => () => {
                const chains =
                    namedBy.length === 0
                        ? "in no chain"
                        : `in ${namedBy.length} chain${namedBy.length === 1 ? "" : "s"}`;
                return ["hidden", textsOf(entry, chains)];
            }),
        );
    }
    if (view.namespaces.length > 0) {
        canvas.label("Names: asked in this order", "protocol");
        placeList(
            canvas,
            view.namespaces.map((entry) => () => [
                entry.enabled ? "namespace" : "off",
                {
                    title: entry.name,
                    detail: `${entry.namespaceName}${entry.enabled ? "" : " off"} ${dllName(entry.path)}`,
                    hint: `${entry.name}, ${entry.providerId}, ${entry.path}`,
                },
            ]),
        );
    }
    canvas.y += 14;
}

/** Lays the catalogs out, one below the other. */
export function layoutCatalog(catalog: Catalog, title = "Winsock catalog"): Layout {
    const canvas = new Canvas();
    canvas.label(title, "head");
    canvas.label("Framed twice: what a program gets. Arrows: the way of its calls.", "note");
    for (const view of chainViews(catalog)) {
        placeView(canvas, view);
    }
    return {
        width: Math.ceil(canvas.right + margin),
        height: Math.ceil(canvas.y + margin),
        boxes: canvas.boxes,
        labels: canvas.labels,
        arrows: canvas.arrows,
    };
}
