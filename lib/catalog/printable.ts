// Text of a catalog for terminals and pictures. Whoever installs a provider chooses its name: it may hold control
// characters that a terminal obeys, or signs that turn the line round. Pure.

/** Control characters, halves of surrogate pairs, line ends, and the signs that change the direction of what follows. */
const unprintable = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u200E\u200F\u061C\u202A-\u202E\u2066-\u2069\uFEFF\uFFFE\uFFFF]/gu;

/** The text with every sign that is obeyed rather than shown as `\uFFFD`. */
export function printable(text: string): string {
    return text.replace(unprintable, "\uFFFD");
}

/** East Asian wide signs and emoji: two cells of a terminal. */
const wide =
    /[\u1100-\u115F\u2E80-\u303E\u3041-\u33FF\u3400-\u4DBF\u4E00-\u9FFF\uA000-\uA4CF\uA960-\uA97F\uAC00-\uD7A3\uF900-\uFAFF\uFE30-\uFE6F\uFF00-\uFF60\uFFE0-\uFFE6\u{16FE0}-\u{18DFF}\u{1B000}-\u{1B2FF}\u{1F300}-\u{1FAFF}\u{20000}-\u{3FFFD}]/u;
/** Signs that stand on the one before them, or are not seen. */
const zero = /[\p{Mn}\p{Me}\p{Cf}]/u;

function cellsOf(sign: string): number {
    return zero.test(sign) ? 0 : wide.test(sign) ? 2 : 1;
}

/** How many cells of a terminal a text takes. */
export function cells(text: string): number {
    let sum = 0;
    for (const sign of text) {
        sum += cellsOf(sign);
    }
    return sum;
}

/** The text in at most `most` cells; what is cut off is shown by an ellipsis. */
export function cut(text: string, most: number): string {
    if (cells(text) <= most) {
        return text;
    }
    let result = "";
    let left = most - 1;
    for (const sign of text) {
        left -= cellsOf(sign);
        if (left < 0) {
            break;
        }
        result += sign;
    }
    return most < 1 ? "" : `${result}…`;
}

/** The text cut or filled up to exactly `width` cells. */
export function fitted(text: string, width: number): string {
    const short = cut(text, width);
    return short + " ".repeat(Math.max(0, width - cells(short)));
}
