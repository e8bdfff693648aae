/** Everything that this process starts, and what that starts in turn. */
import { native } from "../native.js";
import type { JobHandle } from "../native.js";
import type { ProcessIdentity } from "./ring-names.js";

/** One running process of a tree. */
export interface TreeMember {
    readonly pid: number;
    /** Full path of its program; undefined where Windows does not let us ask. */
    readonly program: string | undefined;
}

/**
 * The children of this process and their descendants, for `watch({ processes })`. A job object follows them: a process
 * belongs to it before its first instruction, whoever in the tree starts it, and even a process that has ended long
 * before is told from another one that got its pid.
 *
 * Processes that this process had started before are not part of it. A process of the tree cannot leave it: one that is
 * started with CREATE_BREAKAWAY_FROM_JOB stays in too.
 * https://learn.microsoft.com/windows/win32/procthread/job-objects
 */
export class ProcessTree {
    readonly #job: JobHandle;

    /** Puts this process into a new job; that lasts until this process ends. Throws WinsockError. */
    constructor() {
        this.#job = native().joinJob();
    }

    /** Whether that process is or was in the tree. This process is not. */
    has({ pid, startTime }: ProcessIdentity): boolean {
        return this.#job.has(pid, startTime);
    }

    /** What runs now. */
    members(): TreeMember[] {
        return this.#job.members().map(({ pid, program }) => ({ pid, program: program === "" ? undefined : program }));
    }
}
