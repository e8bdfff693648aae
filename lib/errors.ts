// The one error class of the library. Misuse (a wrong type, an option that does not exist) is a TypeError; everything
// else that goes wrong is a WinsockError, whatever layer it comes from: Winsock, Win32, the file system or our own
// rules.

export { errorName } from "./error-names.js";

const brand: unique symbol = Symbol.for("winsock-spi.WinsockError");

/** What a {@link WinsockError} carries beside its message. */
export interface WinsockErrorOptions {
    /** Stable name: Winsock's or Windows' own (`WSAEACCES`, `ERROR_ACCESS_DENIED`) or ours (`ERR_CONFIRM`). */
    code: string;
    /** The number behind a code of Windows (`WSAEACCES` is 10013). Absent for our own `ERR_` codes. */
    errno?: number | undefined;
    /** The Windows function that failed, e.g. `WSCInstallProvider`. */
    syscall?: string | undefined;
    /** The catalog may differ from what it was and could not be put back: `restore` is needed. */
    catalogDamaged?: boolean | undefined;
    /** Full path of the backup that was taken before the change that failed. */
    backup?: string | undefined;
    cause?: unknown;
}

/** The plain form in which the CLI prints a failure under `--json`. */
export interface ErrorReport {
    code: string;
    errno?: number;
    syscall?: string;
    message: string;
}

/**
 * Everything that can go wrong, except misuse (which is a `TypeError`).
 *
 * `code` is stable and made to be compared; `message` is for people and says what was tried and what to do. `errno` and
 * `syscall` follow Node's own convention and are `undefined` where no call of Windows is to blame. The numbers are
 * those of https://learn.microsoft.com/windows/win32/winsock/windows-sockets-error-codes-2
 *
 * Two copies of this package in one process recognise each other's errors with `instanceof`.
 */
export class WinsockError extends Error {
    readonly code: string;
    readonly errno: number | undefined;
    readonly syscall: string | undefined;
    readonly catalogDamaged: boolean;
    readonly backup: string | undefined;

    constructor(message: string, options: WinsockErrorOptions) {
        super(message, options.cause === undefined ? undefined : { cause: options.cause });
        this.name = "WinsockError";
        this.code = options.code;
        this.errno = options.errno;
        this.syscall = options.syscall;
        this.catalogDamaged = options.catalogDamaged ?? false;
        this.backup = options.backup;
    }

    get [brand](): true {
        return true;
    }

    /** Knows errors of other copies of this package, too. */
    static override [Symbol.hasInstance](value: unknown): boolean {
        return typeof value === "object" && value !== null && (value as Record<symbol, unknown>)[brand] === true;
    }

    /** `{ code, errno, syscall, message }`; members that do not apply are absent. */
    toJSON(): ErrorReport {
        return {
            code: this.code,
            ...(this.errno === undefined ? {} : { errno: this.errno }),
            ...(this.syscall === undefined ? {} : { syscall: this.syscall }),
            message: this.message,
        };
    }
}

/** The shape in which the addon and Node's own file system functions throw: an Error with a `code`. */
interface SystemError extends Error {
    code: string;
    errno?: unknown;
    syscall?: unknown;
}

function isSystemError(value: unknown): value is SystemError {
    return value instanceof Error && typeof (value as Partial<SystemError>).code === "string";
}

/**
 * Turns what the addon threw into a WinsockError with the same code, errno and syscall. A TypeError stays what it is
 * (the caller misused a function), and so does anything that carries no code (a bug, not a failure of the system).
 */
export function toWinsockError(error: unknown): unknown {
    if (error instanceof WinsockError || error instanceof TypeError || !isSystemError(error)) {
        return error;
    }
    return new WinsockError(error.message, {
        code: error.code,
        errno: typeof error.errno === "number" ? error.errno : undefined,
        syscall: typeof error.syscall === "string" ? error.syscall : undefined,
        cause: error,
    });
}

/** Throws a TypeError that names the first member of `options` that is not in `known`. */
export function refuseUnknownOptions(caller: string, options: object, known: readonly string[]): void {
    for (const name of Object.keys(options)) {
        if (!known.includes(name)) {
            throw new TypeError(`${caller}: there is no option "${name}" (there is: ${known.join(", ")})`);
        }
    }
}
