// What the set-up says while it works: one line per step, on stderr, with the time it took.

/** An error whose message is meant for people; the entry prints it without a stack. */
export class SetupError extends Error {
    constructor(message, exitCode = 1) {
        super(message);
        this.forPeople = true;
        this.exitCode = exitCode;
    }
}

export function say(text) {
    process.stderr.write(`${text}\n`);
}

/** Runs work() and says what it is and how long it took. Steps may be nested. */
export async function step(text, work) {
    const begin = performance.now();
    say(`winsock-spi: ${text} ...`);
    const result = await work();
    say(`winsock-spi: ${text}: ${seconds(begin)}`);
    return result;
}

export function seconds(begin) {
    return `${((performance.now() - begin) / 1000).toFixed(1)} s`;
}
