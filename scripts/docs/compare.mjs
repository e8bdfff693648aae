/** The number of the first line in which two texts differ; undefined if they do not. A checkout's line ends do not count. */
export function firstDifference(left, right) {
    const [lines, others] = [left, right].map((text) => text.replaceAll("\r\n", "\n").split("\n"));
    const count = Math.max(lines.length, others.length);
    for (let index = 0; index < count; ++index) {
        if (lines[index] !== others[index]) {
            return index + 1;
        }
    }
    return undefined;
}
