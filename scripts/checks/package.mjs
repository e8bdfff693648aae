// The tarball as npm would publish it: what is in it, what is not, how big it is.
import { readFileSync } from "node:fs";
import path from "node:path";
import { hashProblems, prebuiltFolders, readHashes } from "../hashes.mjs";
import { packed } from "../pack.mjs";
import { project } from "../paths.mjs";

/** Bytes: of everything that is not a binary, and of the binaries of one architecture. Packed sizes are npm's. */
const budget = {
    packed: { rest: 900_000, architecture: 1_150_000 },
    unpacked: { rest: 3_100_000, architecture: 2_800_000 },
    files: 900,
};

const binaries = ["winsock_spi.node", "winsock_spi_lsp.dll", "winsock-spi-rescue.exe", "hashes.json"];

/** What every package has. CHANGELOG.md and policy.schema.json are there because people and editors look for them. */
const needed = [
    "package.json",
    "README.md",
    "LICENSE",
    "SECURITY.md",
    "THIRD-PARTY.md",
    "sbom.cdx.json",
    "policy.schema.json",
    "binding.gyp",
    "native/sources.json",
    "dist/index.js",
    "dist/index.d.ts",
    "dist/cli/main.js",
    ...["win32-x64", "win32-ia32"].flatMap((folder) => binaries.map((name) => `prebuilds/${folder}/${name}`)),
];

/** All that may be in it. */
const allowed = [
    /^(package\.json|README\.md|LICENSE|SECURITY\.md|CHANGELOG\.md|THIRD-PARTY\.md)$/,
    /^(sbom\.cdx\.json|policy\.schema\.json|binding\.gyp)$/,
    /^dist\/[\w/-]+\.(js|d\.ts)$/,
    /^native\/(addon|core|lsp|spi)\/[\w/-]+\.(cpp|hpp|def)$/,
    /^native\/sources\.json$/,
    /^prebuilds\/win32-(x64|ia32|arm64)\/(winsock_spi\.node|winsock_spi_lsp\.dll|winsock-spi-rescue\.exe|hashes\.json)$/,
];

/** files: { path, size }, size and unpackedSize in bytes. Pure. */
export function listProblems({ files, size, unpackedSize }) {
    const names = new Set(files.map((file) => file.path));
    const architectures = new Set([...names].flatMap((name) => /^prebuilds\/([^/]+)\//.exec(name)?.[1] ?? []));
    const most = ({ rest, architecture }) => rest + architectures.size * architecture;
    const wanted = [...architectures].flatMap((folder) => binaries.map((name) => `prebuilds/${folder}/${name}`));
    return [
        ...[...new Set([...needed, ...wanted])]
            .filter((name) => !names.has(name))
            .map((name) => `${name}: not in the package; look at "files" in package.json, or build it`),
        ...[...names]
            .filter((name) => !allowed.some((pattern) => pattern.test(name)))
            .map((name) => `${name}: in the package, and nothing there needs it; look at "files" in package.json`),
        ...tooMuch("packed", "bytes", size, most(budget.packed)),
        ...tooMuch("unpacked", "bytes", unpackedSize, most(budget.unpacked)),
        ...tooMuch("the package", "files", files.length, budget.files),
    ];
}

function tooMuch(what, unit, number, most) {
    return number <= most
        ? []
        : [`${what}: ${number} ${unit}, more than ${most}; scripts/checks/package.mjs has the budget`];
}

/** text: by name of the file. What refers to a file that is not in the package. Pure. */
export function referenceProblems(names, text) {
    const known = new Set(names);
    return names.flatMap((name) => {
        if (name.endsWith(".js")) {
            return text(name).includes("//# sourceMappingURL=")
                ? [`${name}: names a source map, and none is in the package; sourceMap in tsconfig.json is to be false`]
                : [];
        }
        if (/\.[ch]pp$/.test(name)) {
            return [...text(name).matchAll(/^#include "([^"]+)"/gm)]
                .map(([, file]) => file)
                .filter(
                    (file) =>
                        ![`native/${file}`, path.posix.join(path.posix.dirname(name), file)].some((at) =>
                            known.has(at),
                        ),
                )
                .map((file) => `${name}: includes ${file}, which is not in the package: it cannot be rebuilt from it`);
        }
        return [];
    });
}

/** Every source that binding.gyp takes from native/sources.json is in the package. Pure. */
export function sourceProblems(names, gyp, sources) {
    const lists = [...gyp.matchAll(/sources\.json'\)\.(\w+)/g)].map(([, list]) => list);
    return lists
        .flatMap((list) => sources[list] ?? [`the list ${list}`])
        .filter((file) => !names.includes(file))
        .map((file) => `${file}: binding.gyp builds it, and it is not in the package`);
}

export async function check() {
    const { files, size, unpackedSize, folder } = await packed();
    const names = files.map((file) => file.path);
    const text = (name) => readFileSync(path.join(folder, name), "utf8");
    const { version } = JSON.parse(text("package.json"));
    const others = prebuiltFolders().filter((prebuilt) => readHashes(prebuilt)?.version !== version);
    console.log(`the package: ${size} bytes packed, ${unpackedSize} unpacked, ${files.length} files`);
    return [
        ...listProblems({ files, size, unpackedSize }),
        ...referenceProblems(names, text),
        ...sourceProblems(names, text("binding.gyp"), JSON.parse(text("native/sources.json"))),
        ...prebuiltFolders().flatMap(hashProblems),
        ...others.map((prebuilt) => `${path.relative(project, prebuilt)}: built as another version than ${version}`),
    ];
}
