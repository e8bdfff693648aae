// The little of a Windows binary (PE file) that tests look at: its bitness, the DLLs it imports, the names it exports.
import * as fs from "node:fs";

export interface PortableExecutable {
    readonly bits: 32 | 64;
    /** Names of the DLLs in the import and delay-import tables, in lower case. */
    readonly imports: readonly string[];
    readonly exports: readonly string[];
}

export function readPortableExecutable(file: string): PortableExecutable {
    const data = fs.readFileSync(file);
    const header = data.readUInt32LE(0x3c);
    if (data.toString("latin1", header, header + 4) !== "PE\0\0") {
        throw new Error(`${file} is not a PE file`);
    }
    const sectionCount = data.readUInt16LE(header + 6);
    const optional = header + 24;
    const bits = data.readUInt16LE(optional) === 0x20b ? 64 : 32;
    const directories = optional + (bits === 64 ? 112 : 96);
    const sections = optional + data.readUInt16LE(header + 20);

    const offsetOf = (address: number): number => {
        for (let index = 0; index < sectionCount; index += 1) {
            const section = sections + 40 * index;
            const begin = data.readUInt32LE(section + 12);
            const size = Math.max(data.readUInt32LE(section + 8), data.readUInt32LE(section + 16));
            if (address >= begin && address < begin + size) {
                return address - begin + data.readUInt32LE(section + 20);
            }
        }
        throw new Error(`${file}: address ${address} is in no section`);
    };
    const textAt = (address: number): string => {
        const begin = offsetOf(address);
        return data.toString("latin1", begin, data.indexOf(0, begin));
    };
    const directory = (index: number): number => data.readUInt32LE(directories + 8 * index);
    const namesOf = (table: number, size: number, nameAt: number): string[] => {
        const names: string[] = [];
        for (
            let entry = table === 0 ? 0 : offsetOf(table);
            entry !== 0 && data.readUInt32LE(entry + nameAt) !== 0;
            entry += size
        ) {
            names.push(textAt(data.readUInt32LE(entry + nameAt)).toLowerCase());
        }
        return names;
    };

    const exported: string[] = [];
    if (directory(0) !== 0) {
        const table = offsetOf(directory(0));
        const count = data.readUInt32LE(table + 24);
        const names = offsetOf(data.readUInt32LE(table + 32));
        for (let index = 0; index < count; index += 1) {
            exported.push(textAt(data.readUInt32LE(names + 4 * index)));
        }
    }
    return {
        bits,
        imports: [...namesOf(directory(1), 20, 12), ...namesOf(directory(13), 32, 4)],
        exports: exported,
    };
}
