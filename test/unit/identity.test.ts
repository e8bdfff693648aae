import assert from "node:assert/strict";
import * as fs from "node:fs";
import { errorName } from "#lib/errors.js";
import { packageRoot } from "#lib/native.js";
import { hiddenEntryGuid, isOurGuid, layeredEntryGuid } from "#lib/provider/identity.js";

const header = (name: string): string => fs.readFileSync(`${packageRoot}/native/core/${name}`, "utf8");

describe("what TypeScript and C++ both know", () => {
    it("our GUIDs are those of native/core/identity.hpp", () => {
        const text = header("identity.hpp");
        const match = /hidden_entry_guid\{([^;]*)\};/.exec(text);
        assert.ok(match?.[1] !== undefined);
        const numbers = match[1].replace(/[{}]/g, "").split(",").map(Number);
        assert.equal(numbers.length, 11);
        const hex = (value: number | undefined, digits: number): string =>
            (value ?? 0).toString(16).toUpperCase().padStart(digits, "0");
        const tail = numbers
            .slice(3)
            .map((byte) => hex(byte, 2))
            .join("");
        const head = [hex(numbers[0], 8), hex(numbers[1], 4), hex(numbers[2], 4)];
        const guid = `{${[...head, tail.slice(0, 4), tail.slice(4)].join("-")}}`;
        assert.equal(hiddenEntryGuid, guid);
        // The rule by which a layered entry's GUID is made, as the header's own text states it.
        assert.match(text, /guid\.data2 = family;/);
        assert.match(text, /guid\.data3 = static_cast<std::uint16_t>\(socket_type << 8 \| protocol\);/);
    });

    it("a layered entry's GUID carries its triplet", () => {
        assert.equal(layeredEntryGuid(2, 1, 6), "{7C1E5A3D-0002-0106-9B42-D6F03E8A51C7}");
        assert.equal(layeredEntryGuid(23, 2, 17), "{7C1E5A3D-0017-0211-9B42-D6F03E8A51C7}");
        assert.equal(layeredEntryGuid(23, 3, 0), "{7C1E5A3D-0017-0300-9B42-D6F03E8A51C7}");
        assert.throws(() => layeredEntryGuid(0x1_0000, 1, 6), TypeError);
        assert.throws(() => layeredEntryGuid(2, 256, 6), TypeError);
        assert.throws(() => layeredEntryGuid(2, 1, -1), TypeError);
    });

    it("knows ours from others'", () => {
        assert.ok(isOurGuid(hiddenEntryGuid));
        assert.ok(isOurGuid(layeredEntryGuid(2, 1, 6).toLowerCase()));
        assert.ok(!isOurGuid("{E70F1AA0-AB8B-11CF-8CA3-00805F48A192}"));
        assert.ok(!isOurGuid("{7C1E5A3D-0002-0106-9B42-D6F03E8A51C8}"));
        assert.ok(!isOurGuid("{7C1E5A3C-0002-0106-9B42-D6F03E8A51C7}"));
        assert.ok(!isOurGuid(""));
    });

    it("error numbers have the names of native/core/error_names.hpp", () => {
        const pairs = [...header("error_names.hpp").matchAll(/X\((\w+), (\d+)\)/g)];
        assert.ok(pairs.length > 100);
        for (const [, name, number] of pairs) {
            assert.equal(errorName(Number(number)), name);
        }
        const table = fs.readFileSync(`${packageRoot}/lib/error-names.ts`, "utf8");
        assert.equal([...table.matchAll(/\[\d+, "/g)].length, pairs.length);
        assert.equal(errorName(4711), "4711");
    });
});
