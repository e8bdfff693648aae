// Shows: the calls that only few programs make have the records that docs/watch.md promises: programs/calls makes each
// of these once.
import assert from "node:assert/strict";
import { bitnesses, cli, expectCode, keepCatalog, programFile, watch } from "./acceptance-support.js";
import type { ProcessRecords, WatchRecord } from "./acceptance-support.js";

/** The one record of a call, and what it says about bytes and how the call ended. */
function only(seen: ProcessRecords, name: string): { record: WatchRecord; says: Partial<WatchRecord> } {
    const records = seen.calls(name);
    assert.equal(records.length, 1, `one ${name}`);
    const { requested, bytes, pending, error } = records[0]!;
    const all = Object.entries({ requested, bytes, pending, error });
    return { record: records[0]!, says: Object.fromEntries(all.filter(([, value]) => value !== undefined)) };
}

const port = (address: unknown): string => String(address).replace(/^.*:/, "");

describe("acceptance: watch, extension functions", function () {
    this.timeout(120_000);
    keepCatalog({ each: false });

    describe("with the provider installed", () => {
        before(async () => {
            expectCode(await cli(["install", "--yes"]), 0);
        });
        after(async () => {
            expectCode(await cli(["uninstall", "--yes"]), 0);
        });

        for (const bits of bitnesses) {
            describe(`of a ${bits}-bit program`, () => {
                let seen: ProcessRecords;
                let errors: Readonly<Record<string, number>>;
                before(async () => {
                    const { summary, of } = await watch(programFile(bits, "calls"));
                    seen = of(Number(summary["pid"]));
                    seen.expectActive(bits);
                    errors = summary["errors"] as Record<string, number>;
                });

                it("TransmitFile: what was asked for, file and buffer; pending where it pends", () => {
                    const { says } = only(seen, "TransmitFile");
                    const requested = "head ".length + "from a file".length;
                    assert.deepEqual(says, says.pending ? { requested, pending: true } : { requested });
                });

                it("TransmitPackets: what was asked for", function () {
                    if ("TransmitPackets" in errors) {
                        assert.equal(seen.count("TransmitPackets"), 0, "it was never called");
                        console.log(`        skipped: no TransmitPackets (${errors["TransmitPackets"]})`);
                        this.skip();
                    }
                    assert.deepEqual(only(seen, "TransmitPackets").says, { requested: "packet".length });
                });

                it("WSASendMsg and WSARecvMsg: bytes asked for and done, and the other's address", () => {
                    const sent = only(seen, "WSASendMsg");
                    const received = only(seen, "WSARecvMsg");
                    assert.deepEqual(sent.says, { requested: 7, bytes: 7 });
                    assert.deepEqual(received.says, { requested: 32, bytes: 7 });
                    assert.equal(sent.record.remote, received.record.local);
                    assert.equal(port(received.record.remote), port(sent.record.local));
                });

                it("DisconnectEx: both ends, no bytes", () => {
                    const { record, says } = only(seen, "DisconnectEx");
                    assert.deepEqual(says, {});
                    const file = only(seen, "TransmitFile").record;
                    assert.equal(record.remote, file.remote, "the connection on which the file went");
                    assert.equal(record.socket, file.socket);
                });

                it("WSPJoinLeaf: the group, no bytes; its error where it failed", () => {
                    const { record, says } = only(seen, "WSPJoinLeaf");
                    assert.equal(record.remote, "224.0.1.99:0");
                    assert.equal("error" in says, "WSPJoinLeaf" in errors);
                    assert.deepEqual({ ...says, error: undefined }, { error: undefined });
                });
            });
        }
    });
});
