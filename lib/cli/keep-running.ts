// Starting a program again when it ends. Knows nothing of sockets and of Windows.

/** When a program that ended is started again; a failure is an exit code other than 0. */
export const restartPolicies = ["always", "on-failure", "never"] as const;
export type RestartPolicy = (typeof restartPolicies)[number];

/** Milliseconds before it is started again: at first, and at most, when it ends again and again. */
const shortestPause = 100;
const longestPause = 10_000;
/** One that ran as long as this, in milliseconds, did start: the next pause is the shortest again. */
const longRun = 5000;

export interface KeepRunningOptions {
    /** Starts the program; resolves with its exit code. */
    readonly run: () => Promise<number>;
    readonly restart: RestartPolicy;
    /** When aborted, the program is not started again. It is not ended by this. */
    readonly stop: AbortSignal;
    /** Waits that many milliseconds, or until the signal is aborted. Never rejects. */
    readonly pause: (milliseconds: number, stop: AbortSignal) => Promise<void>;
    /** Milliseconds on any clock. */
    readonly now: () => number;
    /** Hears that the program ended and after how many milliseconds it is started again. */
    readonly onRestart?: (code: number, pause: number) => void;
}

/** Runs the program until it ends and is not to be started again; its last exit code. */
export async function keepRunning(options: KeepRunningOptions): Promise<number> {
    const { run, restart, stop, pause, now, onRestart } = options;
    let next = shortestPause;
    for (;;) {
        const started = now();
        const code = await run();
        if (stop.aborted || restart === "never" || (restart === "on-failure" && code === 0)) {
            return code;
        }
        if (now() - started >= longRun) {
            next = shortestPause;
        }
        onRestart?.(code, next);
        await pause(next, stop);
        if (stop.aborted) {
            return code;
        }
        next = Math.min(next * 2, longestPause);
    }
}
