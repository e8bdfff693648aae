// The parts of Markdown that the checks look at.

/** Fenced blocks: { language, line: of the fence, text, hint: what stands in an HTML comment right before it }. */
export function codeBlocks(markdown) {
    const lines = markdown.split(/\r?\n/);
    const blocks = [];
    for (let at = 0; at < lines.length; ++at) {
        const fence = /^(\s*)(```+)\s*(\S*)/.exec(lines[at]);
        if (fence === null) {
            continue;
        }
        const begin = at;
        const body = [];
        for (++at; at < lines.length && !lines[at].trimStart().startsWith(fence[2]); ++at) {
            body.push(lines[at].startsWith(fence[1]) ? lines[at].slice(fence[1].length) : lines[at]);
        }
        blocks.push({ language: fence[3], line: begin + 1, text: body.join("\n"), hint: commentBefore(lines, begin) });
    }
    return blocks;
}

/** The text of an HTML comment that ends on the line before; "" if there is none. */
function commentBefore(lines, at) {
    if (!(lines[at - 1] ?? "").trimEnd().endsWith("-->")) {
        return "";
    }
    let begin = at - 1;
    while (begin > 0 && !lines[begin].includes("<!--")) {
        --begin;
    }
    return lines
        .slice(begin, at)
        .join("\n")
        .replace(/^[^]*?<!--\s*/, "")
        .replace(/\s*-->\s*$/, "");
}

/** Lines without fenced blocks and comments: what is in them is empty, so that numbers stay right. */
export function proseLines(markdown) {
    let fence = "";
    return markdown
        .replace(/<!--[^]*?-->/g, (comment) => comment.replace(/[^\n]/g, ""))
        .split(/\r?\n/)
        .map((line) => {
            const mark = /^\s*(```+)/.exec(line)?.[1];
            if (mark !== undefined && (fence === "" || mark === fence)) {
                fence = fence === "" ? mark : "";
                return "";
            }
            return fence === "" ? line : "";
        });
}

/** Anchors of a page as GitHub makes them: of headings, and of `id` attributes. */
export function anchors(markdown) {
    const found = new Set();
    for (const line of proseLines(markdown)) {
        const heading = /^#{1,6}\s+(.*?)\s*#*$/.exec(line)?.[1];
        if (heading !== undefined) {
            const slug = slugOf(heading);
            let name = slug;
            for (let number = 1; found.has(name); ++number) {
                name = `${slug}-${number}`;
            }
            found.add(name);
        }
        for (const [, id] of line.matchAll(/\bid="([^"]+)"/g)) {
            found.add(id);
        }
    }
    return found;
}

function slugOf(heading) {
    return heading
        .replace(/\[([^\]]*)\]\([^)]*\)/g, "$1")
        .replace(/\\(.)/g, "$1")
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\s_-]/gu, "")
        .replace(/\s/g, "-");
}

/** Text in backticks on a line. */
export function inlineCode(line) {
    return Array.from(line.matchAll(/(`+)(.+?)\1(?!`)/g), ([, , code]) => code.trim());
}

/** Targets of links and pictures on a line; what stands in backticks is no link. */
export function linkTargets(line) {
    const text = line.replace(/(`+)(.+?)\1(?!`)/g, (code) => "x".repeat(code.length));
    const inline = Array.from(text.matchAll(/\]\(\s*<?([^)\s>]+)>?(?:\s+"[^"]*")?\s*\)/g), ([, target]) => target);
    const reference = Array.from(text.matchAll(/^\s{0,3}\[[^\]^]+\]:\s+(\S+)/g), ([, target]) => target);
    const html = Array.from(text.matchAll(/\b(?:src|srcset|href)="([^"]+)"/g), ([, target]) => target);
    return [...inline, ...reference, ...html];
}
