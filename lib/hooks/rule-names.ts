/** Names of rules for records: read once per generation, from the image that decided. */
import { readFileSync } from "node:fs";
import * as path from "node:path";
import { ruleNamesOf } from "../policy/image-names.js";

/** So many generations' names are kept: more are only met where policies change all the time. */
const keptGenerations = 64;

export class RuleNames {
    readonly #folder: string;
    readonly #names = new Map<number, readonly string[] | undefined>();

    /** @param folder where images are: `<ProgramData>\winsock-spi` */
    constructor(folder: string) {
        this.#folder = folder;
    }

    /** The rule's name, or undefined: the image is gone, or has no such rule. */
    readonly find = (generation: number, rule: number): string | undefined => {
        if (!this.#names.has(generation)) {
            const [oldest] = this.#names.keys();
            if (this.#names.size >= keptGenerations && oldest !== undefined) {
                this.#names.delete(oldest);
            }
            this.#names.set(generation, this.#read(generation));
        }
        return this.#names.get(generation)?.[rule] || undefined;
    };

    #read(generation: number): string[] | undefined {
        try {
            return ruleNamesOf(readFileSync(path.join(this.#folder, `policy-${generation}.bin`)));
        } catch {
            return undefined; // gone, or never there: a process can write any number into its ring
        }
    }
}
