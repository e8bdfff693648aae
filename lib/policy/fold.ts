/**
 * Texts without regard to case, as Windows compares paths: unit by unit of UTF-16, by a table. The table goes into the
 * image, so that the provider needs no system function and every process of the machine folds alike.
 */

/**
 * The unit's upper case. Only pairs that lead there and back: "ı" and "ſ" stay what they are, as in Windows' own table
 * (else "ı" would match "i").
 */
export function foldUnit(unit: number): number {
    const text = String.fromCharCode(unit);
    const upper = text.toUpperCase();
    return upper.length === 1 && upper.toLowerCase() === text ? upper.charCodeAt(0) : unit;
}

let units: Uint16Array | undefined;

/** {@link foldUnit} of every unit. */
export function foldTable(): Uint16Array {
    units ??= Uint16Array.from({ length: 0x10000 }, (_, unit) => foldUnit(unit));
    return units;
}

export function foldText(text: string): string {
    const table = foldTable();
    let folded = "";
    for (let index = 0; index < text.length; index++) {
        folded += String.fromCharCode(table[text.charCodeAt(index)] ?? 0);
    }
    return folded;
}
