// Compiles the TypeScript of the documentation as a user's project would: strict, against the types that the package
// exports under its own name.
import { createRequire } from "node:module";
import path from "node:path";
import { project } from "../paths.mjs";

/** Where the samples seem to be: inside the package, so that its name leads to itself. */
const folder = path.join(project, ".cache", "samples");

/** What a sample may name without an import: Node's modules, which a reader knows. */
const given =
    'import * as net from "node:net"; import * as http from "node:http"; import * as dgram from "node:dgram";';

/** samples: { file, line, text, hint } each; gives a string for each error. */
export function typeProblems(samples) {
    if (samples.length === 0) {
        return [];
    }
    const ts = createRequire(import.meta.url)("typescript");
    const options = {
        target: ts.ScriptTarget.ES2022,
        lib: ["lib.es2023.d.ts", "lib.esnext.disposable.d.ts"],
        module: ts.ModuleKind.NodeNext,
        moduleResolution: ts.ModuleResolutionKind.NodeNext,
        types: ["node"],
        strict: true,
        skipLibCheck: true,
        noEmit: true,
    };
    // The first line is ours, so that line N of the file is line N - 1 of the block.
    const texts = new Map(
        samples.map((sample, index) => {
            const declarations = sample.hint.replace(/^given:\s*/, "").replaceAll("\n", " ");
            const head = `${given} ${sample.hint.startsWith("given:") ? declarations : ""}`;
            return [path.join(folder, `${index}.mts`), { sample, text: `${head}\n${sample.text}\nexport {};\n` }];
        }),
    );
    const host = ts.createCompilerHost(options);
    const { fileExists, readFile } = host;
    const get = (file) => texts.get(path.normalize(file));
    host.fileExists = (file) => get(file) !== undefined || fileExists.call(host, file);
    host.readFile = (file) => get(file)?.text ?? readFile.call(host, file);
    const program = ts.createProgram([...texts.keys()], options, host);
    return ts.getPreEmitDiagnostics(program).map((diagnostic) => {
        const message = ts.flattenDiagnosticMessageText(diagnostic.messageText, " ");
        const found = diagnostic.file === undefined ? undefined : get(diagnostic.file.fileName);
        if (found === undefined) {
            return message;
        }
        const { line } = diagnostic.file.getLineAndCharacterOfPosition(diagnostic.start);
        return `${found.sample.file}:${found.sample.line + line}: ${message}`;
    });
}
