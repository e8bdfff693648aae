/**
 * The parsers of files that few programs read: loaded when they are first used, since every program that imports this
 * package, and every start of the CLI, would wait for them.
 */
import { createRequire } from "node:module";

const load = createRequire(import.meta.url);

export const yaml = (): typeof import("yaml") => load("yaml") as typeof import("yaml");
export const xmldom = (): typeof import("@xmldom/xmldom") => load("@xmldom/xmldom") as typeof import("@xmldom/xmldom");
