// For which processor a Windows binary was made.

/** How much of a file {@link processorOf} needs: the MS-DOS stub and the beginning of the PE header. */
export const processorHeaderSize = 4096;

const processors: Readonly<Record<number, "x64" | "ia32" | "arm64">> = {
    0x8664: "x64",
    0x14c: "ia32",
    0xaa64: "arm64",
};

/** From the file's first bytes, as Node names processors; undefined if it is no Windows binary, or for another one. */
export function processorOf(header: Buffer): "x64" | "ia32" | "arm64" | undefined {
    const isExecutable = header.length >= 64 && header.toString("latin1", 0, 2) === "MZ";
    const start = isExecutable ? header.readUInt32LE(60) : header.length;
    return start + 6 <= header.length && header.readUInt32LE(start) === 0x0000_4550
        ? processors[header.readUInt16LE(start + 4)]
        : undefined;
}
