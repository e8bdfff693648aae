// The chains of the catalogs as a picture: one SVG file that needs nothing else, for light and dark pages. Pure.

import type { Catalog } from "./model.js";
import { type Arrow, type Box, type BoxKind, type Label, type Layout, fontSize, layoutCatalog } from "./svg-layout.js";

/** What {@link formatSvg} may be told. */
export interface SvgOptions {
    /** The headline; default `Winsock catalog`. */
    title?: string;
}

/** Everything that XML reads as something else than text. Control characters are gone already. */
export function escapeXml(text: string): string {
    return text
        .replaceAll("&", "&amp;")
        .replaceAll("<", "&lt;")
        .replaceAll(">", "&gt;")
        .replaceAll('"', "&quot;")
        .replaceAll("'", "&#39;");
}

type Colors = Readonly<Record<"page" | "text" | "soft" | "line" | "bad" | BoxKind, string>>;

const light: Colors = {
    page: "#ffffff",
    text: "#1b1f24",
    soft: "#59636e",
    line: "#59636e",
    bad: "#c21f30",
    base: "#dfe7ef",
    layered: "#cfe8d5",
    hidden: "#eeeeee",
    namespace: "#efe4f7",
    off: "#eeeeee",
    missing: "#fde4e6",
};
const dark: Colors = {
    page: "#14181d",
    text: "#e6edf3",
    soft: "#9aa5b1",
    line: "#9aa5b1",
    bad: "#ff7b85",
    base: "#26374a",
    layered: "#1f4430",
    hidden: "#2a2f35",
    namespace: "#3b2b4a",
    off: "#2a2f35",
    missing: "#4a1d22",
};

const boxKinds = ["base", "layered", "hidden", "namespace", "off", "missing"] as const satisfies readonly BoxKind[];

/** Spelled out for either page: not every viewer knows custom properties. */
function colorRules(colors: Colors): string {
    return [
        `text{fill:${colors.text}}.note,.detail{fill:${colors.soft}}.fault{fill:${colors.bad}}`,
        `rect,path{stroke:${colors.line}}.page{fill:${colors.page};stroke:none}`,
        ...boxKinds.map((kind) => `.${kind}{fill:${colors[kind]}}`),
        `.missing,.broken{stroke:${colors.bad}}.frame,path{fill:none}`,
    ].join("");
}

const style = [
    `text{font-family:ui-monospace,Consolas,"DejaVu Sans Mono",Menlo,monospace;font-size:${fontSize}px;white-space:pre}`,
    ".head{font-size:16px;font-weight:bold}.protocol{font-weight:bold}path{stroke-width:1.3}",
    ".hidden{stroke-dasharray:2 2}.missing,.broken{stroke-dasharray:5 3}.off{opacity:.6}",
    colorRules(light),
    `@media(prefers-color-scheme:dark){${colorRules(dark)}}`,
].join("\n");

function drawBox(box: Box): string {
    const { x, y, width, height, kind } = box;
    const frame = box.first
        ? `<rect class="frame" fill="none" stroke="${light.line}" x="${x - 3}" y="${y - 3}" width="${width + 6}" ` +
          `height="${height + 6}" rx="7"/>`
        : "";
    return (
        `<g><title>${escapeXml(box.hint)}</title>${frame}` +
        `<rect class="${kind}" fill="${light[kind]}" stroke="${light.line}" x="${x}" y="${y}" width="${width}" ` +
        `height="${height}" rx="5"/>` +
        `<text x="${x + 8}" y="${y + 17}">${escapeXml(box.title)}</text>` +
        `<text class="detail" x="${x + 8}" y="${y + 34}">${escapeXml(box.detail)}</text></g>`
    );
}

function drawLabel({ x, y, text, style }: Label): string {
    return `<text class="${style}" x="${x}" y="${y}">${escapeXml(text)}</text>`;
}

function drawArrow({ x1, x2, y, broken }: Arrow): string {
    const d = `M${x1} ${y}H${x2 - 4}M${x2 - 10} ${y - 4}L${x2 - 4} ${y}L${x2 - 10} ${y + 4}`;
    return `<path${broken ? ' class="broken"' : ""} fill="none" stroke="${broken ? light.bad : light.line}" d="${d}"/>`;
}

/**
 * The picture of a layout. What colour a box has stands at the box too, for places where pictures lose their styles.
 */
export function drawLayout({ width, height, boxes, labels, arrows }: Layout, title: string): string {
    const parts = [
        `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" ` +
            'role="img" font-family="monospace" font-size="12">',
        `<title>${escapeXml(title)}</title>`,
        `<style>${style}</style>`,
        `<rect class="page" fill="${light.page}" x="0" y="0" width="${width}" height="${height}"/>`,
        ...arrows.map(drawArrow),
        ...boxes.map(drawBox),
        ...labels.map(drawLabel),
        "</svg>",
    ];
    return `${parts.join("\n")}\n`;
}

/**
 * Draws the catalogs as `formatTree` does, as an SVG: one file without scripts, fonts or references, readable on light
 * and dark pages. Names are escaped, whatever is in them.
 */
export function formatSvg(catalog: Catalog, options: SvgOptions = {}): string {
    const layout = layoutCatalog(catalog, options.title);
    return drawLayout(layout, layout.labels[0]?.text ?? "");
}
