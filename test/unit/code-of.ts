// The stable code of what a pure function refuses with.
import assert from "node:assert/strict";
import { WinsockError } from "#lib/errors.js";

/** The code of the WinsockError that this throws, or "no error". */
export function codeOf(action: () => unknown): string {
    try {
        action();
    } catch (error) {
        assert.ok(error instanceof WinsockError, String(error));
        return error.code;
    }
    return "no error";
}
