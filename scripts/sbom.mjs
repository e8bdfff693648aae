// The bill of materials of the package, CycloneDX 1.5: what is installed with it, what is compiled into its binaries, and
// the binaries themselves by their hashes. Made from what npm knows of node_modules; npm's own --omit dev is not used, as
// it leaves out what a development tool needs too (npm 11).
import path from "node:path";
import { readFileSync } from "node:fs";
import { prebuiltFolders, readHashes } from "./hashes.mjs";
import { npm } from "./npm.mjs";
import { project } from "./paths.mjs";
import { run } from "./processes.mjs";
import { SetupError } from "./progress.mjs";

/** npm packages whose headers are compiled into the addon; THIRD-PARTY.md has their licences. */
export const compiledIn = ["node-addon-api", "node-api-headers"];

/** The document as an object. */
export async function billOfMaterials() {
    const output = await run(...npm(["sbom", "--sbom-format", "cyclonedx", "--loglevel", "error"]), {
        cwd: project,
        what: "npm sbom",
    });
    const manifest = JSON.parse(readFileSync(path.join(project, "package.json"), "utf8"));
    const folders = prebuiltFolders().map((folder) => ({
        name: path.basename(folder),
        files: readHashes(folder)?.files ?? {},
    }));
    return reduce(JSON.parse(output.slice(output.indexOf("{"))), manifest, folders);
}

/** Leaves of a bill of everything in node_modules what belongs to the package, and adds its binaries. Pure. */
export function reduce(all, { name, dependencies }, folders) {
    const byReference = new Map(all.components.map((component) => [component["bom-ref"], component]));
    const edges = new Map(all.dependencies.map(({ ref, dependsOn = [] }) => [ref, dependsOn]));
    const root = all.metadata.component;
    const byName = (wanted) =>
        (edges.get(root["bom-ref"]) ?? []).filter((ref) => byReference.get(ref)?.name === wanted);
    const installed = new Set();
    const follow = (ref) => {
        if (!installed.has(ref)) {
            installed.add(ref);
            (edges.get(ref) ?? []).forEach(follow);
        }
    };
    const direct = Object.keys(dependencies).flatMap(byName);
    direct.forEach(follow);
    const linked = compiledIn.flatMap(byName);
    if (direct.length !== Object.keys(dependencies).length || linked.length !== compiledIn.length) {
        throw new SetupError("npm sbom does not know all dependencies: run npm ci, then again");
    }
    const component = (ref, scope) => ({ ...byReference.get(ref), scope });
    const files = folders.flatMap((folder) =>
        Object.entries(folder.files).map(([file, content]) => ({
            type: "file",
            "bom-ref": `prebuilds/${folder.name}/${file}`,
            name: `prebuilds/${folder.name}/${file}`,
            hashes: [{ alg: "SHA-256", content }],
        })),
    );
    return {
        ...all,
        metadata: { ...all.metadata, lifecycles: [{ phase: "build" }], component: { ...root, name } },
        components: [
            ...[...installed].sort().map((ref) => component(ref, "required")),
            ...linked.map((ref) => ({
                ...component(ref, "required"),
                properties: [{ name: "winsock-spi:use", value: "compiled into prebuilds/*/winsock_spi.node" }],
            })),
            ...files,
        ],
        dependencies: [
            { ref: root["bom-ref"], dependsOn: [...direct, ...files.map((file) => file["bom-ref"])] },
            ...[...installed].sort().map((ref) => ({ ref, dependsOn: edges.get(ref) ?? [] })),
            ...files.map((file) => ({
                ref: file["bom-ref"],
                dependsOn: file.name.endsWith(".node") ? linked : [],
            })),
            ...linked.map((ref) => ({ ref, dependsOn: [] })),
        ],
    };
}
