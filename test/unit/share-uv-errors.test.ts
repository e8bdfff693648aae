import assert from "node:assert/strict";
import * as os from "node:os";
import { WinsockError } from "#lib/errors.js";
import { toUvNumber, uvNumber, uvResult } from "#lib/share/uv-errors.js";

const winsock = (code: string): WinsockError => new WinsockError(code, { code });

describe("share: Winsock's errors as libuv's numbers", () => {
    it("gives the number of the name without WSA, and of those that libuv calls otherwise", () => {
        const { EINVAL, ECONNRESET, EAGAIN, EPIPE } = os.constants.errno;
        if (process.platform !== "win32") {
            // there libuv's numbers are its own
            assert.equal(toUvNumber(winsock("WSAEINVAL")), -EINVAL);
            assert.equal(toUvNumber(winsock("WSAECONNRESET")), -ECONNRESET);
            assert.equal(toUvNumber(winsock("WSAEWOULDBLOCK")), -EAGAIN);
            assert.equal(toUvNumber(winsock("WSAESHUTDOWN")), -EPIPE);
        }
        assert.equal(toUvNumber(winsock("WSAEMSGSIZE")), uvNumber("EMSGSIZE"));
    });

    it("has a number for everything else as well", () => {
        for (const error of [winsock("WSAEPROVIDERFAILEDINIT"), new Error("no code"), undefined, "text"]) {
            assert.equal(toUvNumber(error), uvNumber("UNKNOWN"));
        }
        assert.ok(uvNumber("UNKNOWN") < 0);
    });

    it("returns 0 or the number, and lets misuse through", () => {
        assert.equal(
            uvResult(() => undefined),
            0,
        );
        const fail = (error: Error) => (): never => {
            throw error;
        };
        assert.equal(uvResult(fail(winsock("WSAEINVAL"))), uvNumber("EINVAL"));
        assert.throws(() => uvResult(fail(new TypeError("misuse"))), TypeError);
    });
});
