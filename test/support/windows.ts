// What the runner (scripts/test.mjs) tells the tests of test/windows: paths as Windows sees them, and what they may do.

export type Bits = 32 | 64;

interface Given {
    readonly project: string;
    readonly nodes: Readonly<Record<string, string>>;
    readonly builds: Readonly<Record<Bits, string>>;
    readonly bareProgram?: string;
    readonly unchangeable?: string;
    readonly programs?: Readonly<Record<string, OtherProgram>>;
}

/** A program of other people's (scripts/programs.mjs): where it is, or why it is not there. */
export type OtherProgram =
    { readonly file: string; readonly missing?: never } | { readonly file?: never; readonly missing: string };

function given(): Given {
    const text = process.env["WINSOCK_SPI_TEST"];
    if (text === undefined) {
        throw new Error("The tests of test/windows are started by `npm test`, which says where the programs are.");
    }
    return JSON.parse(text) as Given;
}

const { project, nodes, builds, bareProgram, unchangeable, programs = {} } = given();

export {
    /** The folder of this clone. */
    project,
    /** node.exe of each Windows Node that there is, by the names of `npm run windows`: node20, node, node24, node26, node-x86. */
    nodes,
    /** The folders that hold programs/, providers/ and conformance/, by bitness. */
    builds,
    /** A program with this file name gets Wine's own Winsock; undefined on Windows. */
    bareProgram,
    /** Other people's programs; only for the files that scripts/test-windows.mjs names. */
    programs,
};

/** Call in a `before` hook: skips the suite where the catalog must not be changed, with the reason. */
export function skipIfUnchangeable(context: Mocha.Context): void {
    if (unchangeable !== undefined) {
        console.log(`      skipped: ${unchangeable}`);
        context.skip();
    }
}
