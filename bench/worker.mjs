// A Windows program that is told what to do, line by line, while others like it run in other columns: each line that it
// gets on stdin is { call, given }, each line that it writes to stdout { result } or { error }.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { project } from "../scripts/paths.mjs";

export class Worker {
    #child;
    #lines;
    #name;
    #ended;
    #errors = "";

    /** command: { file, args, env }. name: of its column, for messages. */
    constructor({ file, args, env }, name) {
        this.#name = name;
        this.#child = spawn(file, args, { cwd: project, env, stdio: ["pipe", "pipe", "pipe"] });
        this.#child.stderr.setEncoding("utf8").on("data", (text) => (this.#errors += text));
        this.#child.stdin.on("error", () => {}); // that it has ended is told by its stdout
        this.#ended = new Promise((resolve) => this.#child.on("close", resolve).on("error", resolve));
        this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
    }

    /**
     * Calls a function that a file of bench/ends exports (`call`: "http.requests") with what is given, and gives what it
     * returned. One call at a time.
     */
    async ask(call, given = {}) {
        this.#child.stdin.write(`${JSON.stringify({ call, given })}\n`);
        const { value, done } = await this.#lines.next();
        if (done) {
            throw new Error(`the worker of column ${this.#name} ended in ${call}\n${this.#errors}`);
        }
        const { result, error } = JSON.parse(value);
        if (error !== undefined) {
            throw new Error(`${call} in column ${this.#name}: ${error}`);
        }
        return result;
    }

    /** Ends the program. */
    async end() {
        this.#child.stdin.end();
        await this.#ended;
    }
}
