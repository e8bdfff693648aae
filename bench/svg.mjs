// bench/results.svg: what was measured beside what was to be reached, and programs in three columns. Written by hand;
// readable in light and dark: the colours change with the reader's scheme.
import { formatFigure, formatNumber, reaches, targetsOf } from "./measure.mjs";

const width = 920;
const line = 22;
const bar = 14;
const labels = 300; // where bars begin
const bars = 360; // how long the longest is
const sides = ["bare", "host", "provider", "watched"];
const sideNames = {
    bare: "bare Winsock",
    host: "host, without our provider",
    provider: "with our provider",
    watched: "with a watcher too",
};

const style = `
    text { font: 12px system-ui, "Segoe UI", sans-serif; fill: #1f2328 }
    .head { font-size: 15px; font-weight: 600 }
    .note { fill: #59636e }
    .ground { fill: #ffffff }
    .bare { fill: #8c959f } .host { fill: #54aeff } .provider { fill: #0969da } .watched { fill: #8250df }
    .reached { fill: #2da44e } .missed { fill: #cf222e }
    .spread { stroke: #1f2328; stroke-width: 1.5 } .target { stroke: #bf8700; stroke-width: 2 }
    @media (prefers-color-scheme: dark) {
        text { fill: #e6edf3 } .note { fill: #9198a1 } .ground { fill: #0d1117 }
        .bare { fill: #656c76 } .host { fill: #388bfd } .provider { fill: #79c0ff } .watched { fill: #bc8cff }
        .spread { stroke: #e6edf3 } .target { stroke: #e3b341 }
    }`;

const escaped = (text) => String(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
const text = (x, y, content, { kind = "", anchor = "start" } = {}) =>
    `<text x="${x}" y="${y}" class="${kind}" text-anchor="${anchor}">${escaped(content)}</text>`;
const rectangle = (x, y, length, kind) =>
    `<rect x="${x}" y="${y}" width="${length.toFixed(1)}" height="${bar}" rx="2" class="${kind}"/>`;
const upright = (x, y, kind) =>
    `<line x1="${x.toFixed(1)}" y1="${y - 3}" x2="${x.toFixed(1)}" y2="${y + bar + 3}" class="${kind}"/>`;

/** One target: a bar as long as the figure, its spread as a line, and where the target is. */
function targetRow({ name, target, figure }, y) {
    const goal = target.atLeast ?? target.atMost;
    const longest = Math.max(goal * 1.5, figure.median * 1.1);
    const at = (value) => labels + (Math.min(Math.max(value, 0), longest) / longest) * bars;
    const middle = y + bar / 2;
    return [
        text(labels - 8, y + 11, name, { anchor: "end" }),
        rectangle(labels, y, at(figure.median) - labels, reaches(target, figure) ? "reached" : "missed"),
        `<line x1="${at(figure.least).toFixed(1)}" y1="${middle}" x2="${at(figure.most).toFixed(1)}" y2="${middle}" class="spread"/>`,
        upright(at(goal), y, "target"),
        text(
            labels + bars + 8,
            y + 11,
            `${formatFigure({ ...figure, least: undefined, most: undefined })}, ` +
                `${target.atLeast === undefined ? "at most" : "at least"} ${formatNumber(goal)}`,
        ),
    ];
}

/** One kind of work: a bar for each column, the longest as long as there is room for. */
function columnRows(name, { unit, ...medians }, y) {
    const present = sides.filter((side) => medians[side] !== undefined);
    const most = Math.max(...present.map((side) => medians[side].perSecond));
    return present.flatMap((side, index) => {
        const top = y + index * (bar + 2);
        const { perSecond } = medians[side];
        return [
            ...(index === 0 ? [text(labels - 8, top + 11, `${name}, ${unit}`, { anchor: "end" })] : []),
            rectangle(labels, top, (perSecond / most) * bars, side),
            text(labels + bars + 8, top + 11, formatNumber(perSecond)),
        ];
    });
}

/** The picture of results.json. */
export function picture(results) {
    const parts = [];
    let y = 34;
    const heading = (title, note) => {
        parts.push(text(16, y, title, { kind: "head" }), text(16, y + 18, note, { kind: "note" }));
        y += 32;
    };
    heading(
        "winsock-spi: targets",
        "bar: median; dark line: spread of the pairs; yellow line: the target. Green reaches it, red does not.",
    );
    for (const each of targetsOf(results).filter(({ figure }) => figure !== undefined)) {
        parts.push(...targetRow(each, y));
        y += line;
    }
    y += 34;
    heading("Programs in every column", "the same work in turn; longer is better; each group has a scale of its own");
    const seen = new Set();
    for (const rows of Object.values(results.benchmarks).map(({ rows = {} }) => rows)) {
        for (const [name, medians] of Object.entries(rows)) {
            const count = sides.filter((side) => medians[side] !== undefined).length;
            sides.filter((side) => medians[side] !== undefined).forEach((side) => seen.add(side));
            parts.push(...columnRows(name, medians, y));
            y += count * (bar + 2) + 8;
        }
    }
    y += 12;
    sides
        .filter((side) => seen.has(side))
        .forEach((side, index) => {
            parts.push(rectangle(labels - 130 + index * 180, y - 11, bar, side));
            parts.push(text(labels - 130 + index * 180 + bar + 6, y, sideNames[side]));
        });
    y += 30;
    const { processor, processors, system, node, started } = results;
    parts.push(
        text(16, y, `${processors} x ${processor}, ${system}, Node ${node}, ${started.slice(0, 10)}`, { kind: "note" }),
    );
    const height = y + 16;
    return (
        `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">\n` +
        `<title>Benchmarks of winsock-spi</title>\n<style>${style}\n</style>\n` +
        `<rect width="${width}" height="${height}" class="ground"/>\n${parts.join("\n")}\n</svg>\n`
    );
}
