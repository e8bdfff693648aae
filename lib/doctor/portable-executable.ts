// The little of a Windows binary that decides whether Winsock can use it as a provider. Pure; whatever the bytes are, it
// ends.
// https://learn.microsoft.com/windows/win32/debug/pe-format

/** What a PE file says of itself. */
export interface PortableExecutable {
    /** The processor, as in the file: 0x8664 x64, 0x14c x86, 0xaa64 ARM64. */
    machine: number;
    dll: boolean;
    /** The file has all the bytes that its headers speak of. */
    whole: boolean;
    /** Which of the functions that providers have are exported; absent where the exports cannot be read. */
    exports?: string[];
}

const wanted = ["WSPStartup", "NSPStartup"];
const mostNames = 65_536;
const mostSections = 96;

interface Section {
    address: number;
    size: number;
    offset: number;
    stored: number;
}

/** Reads the headers, or undefined where this is no PE file. */
export function readPortableExecutable(bytes: Uint8Array): PortableExecutable | undefined {
    const data = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (data.byteLength < 64 || data.readUInt16LE(0) !== 0x5a4d) {
        return undefined;
    }
    const header = data.readUInt32LE(60);
    const optional = header + 24;
    if (optional > data.byteLength || data.readUInt32LE(header) !== 0x0000_4550) {
        return undefined;
    }
    const machine = data.readUInt16LE(header + 4);
    const dll = (data.readUInt16LE(header + 22) & 0x2000) !== 0;
    const sections = readSections(data, header);
    if (sections === undefined) {
        return { machine, dll, whole: false };
    }
    const whole = sections.every(({ offset, stored }) => offset + stored <= data.byteLength);
    const exports = whole ? readExports(data, optional, sections) : undefined;
    return { machine, dll, whole, ...(exports === undefined ? {} : { exports }) };
}

function readSections(data: Buffer, header: number): Section[] | undefined {
    const count = data.readUInt16LE(header + 6);
    const table = header + 24 + data.readUInt16LE(header + 20);
    if (count > mostSections || table + 40 * count > data.byteLength) {
        return undefined;
    }
    return Array.from({ length: count }, (_, index) => {
        const at = table + 40 * index;
        return {
            address: data.readUInt32LE(at + 12),
            size: data.readUInt32LE(at + 8),
            offset: data.readUInt32LE(at + 20),
            stored: data.readUInt32LE(at + 16),
        };
    });
}

function readExports(data: Buffer, optional: number, sections: readonly Section[]): string[] | undefined {
    const word = (at: number | undefined): number | undefined =>
        at !== undefined && at + 4 <= data.byteLength ? data.readUInt32LE(at) : undefined;
    const place = (address: number | undefined): number | undefined => {
        const section = sections.find(
            (one) =>
                address !== undefined &&
                address >= one.address &&
                address - one.address < Math.max(one.size, one.stored),
        );
        const inside = section === undefined || address === undefined ? 0 : address - section.address;
        return section !== undefined && inside < section.stored ? section.offset + inside : undefined;
    };
    if (optional + 2 > data.byteLength) {
        return undefined;
    }
    const directories = optional + (data.readUInt16LE(optional) === 0x20b ? 112 : 96);
    const address = word(directories);
    if (address === undefined) {
        return undefined;
    }
    if (address === 0) {
        return [];
    }
    const table = place(address);
    const count = table === undefined ? undefined : word(table + 24);
    const names = table === undefined ? undefined : place(word(table + 32));
    if (count === undefined || (names === undefined && count > 0)) {
        return undefined;
    }
    const found = new Set<string>();
    for (let index = 0; index < Math.min(count, mostNames); ++index) {
        const at = place(word((names ?? 0) + 4 * index));
        for (const name of at === undefined ? [] : wanted) {
            if (data.toString("latin1", at, (at ?? 0) + name.length + 1) === `${name}\0`) {
                found.add(name);
            }
        }
    }
    return wanted.filter((name) => found.has(name));
}
