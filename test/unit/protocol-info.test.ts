import assert from "node:assert/strict";
import {
    catalogItemSize,
    decodeCatalogItem,
    decodeProtocolInfo,
    encodeCatalogItem,
    encodeProtocolInfo,
    formatGuid,
    parseGuid,
    protocolInfoSize,
} from "#lib/catalog/protocol-info.js";
import { entryOfInfo, infoOfEntry } from "#lib/catalog/model.js";
import { familyName, protocolName, providerFlagNames, serviceFlagNames, socketTypeName } from "#lib/catalog/names.js";
import { Random, baseEntries, cases, newSeed } from "./catalogs.js";

describe("WSAPROTOCOL_INFOW and PackedCatalogItem", () => {
    const seed = newSeed();

    it(`decodes any 628 bytes and encodes them back exactly (seed ${seed})`, function () {
        this.timeout(0);
        const random = new Random(seed);
        for (let round = 0; round < cases(2000); ++round) {
            const bytes = random.bytes(protocolInfoSize);
            const info = decodeProtocolInfo(bytes);
            assert.deepEqual(encodeProtocolInfo(info, info.bytes), bytes);
            assert.deepEqual(info.bytes, bytes);
            // Without the bytes that no member shows: the members alone make the same members again.
            const { bytes: made, ...members } = decodeProtocolInfo(encodeProtocolInfo(info));
            const { bytes: _, ...expected } = info;
            assert.deepEqual(members, expected);
            assert.equal(made.byteLength, protocolInfoSize);
        }
    });

    it(`decodes any 888 bytes and encodes them back exactly (seed ${seed})`, function () {
        this.timeout(0);
        const random = new Random(seed);
        for (let round = 0; round < cases(2000); ++round) {
            const bytes = random.bytes(catalogItemSize);
            const item = decodeCatalogItem(bytes);
            assert.deepEqual(encodeCatalogItem({ path: item.path, info: item.info.bytes }, item.bytes), bytes);
        }
    });

    it("reads the members where winsock2.h puts them", () => {
        const bytes = new Uint8Array(protocolInfoSize);
        const view = new DataView(bytes.buffer);
        view.setUint32(0, 0x80020066, true);
        view.setUint32(16, 12, true);
        bytes.set([0xa0, 0x1a, 0x0f, 0xe7, 0x8b, 0xab, 0xcf, 0x11, 0x8c, 0xa3, 0x00, 0x80, 0x5f, 0x48, 0xa1, 0x92], 20);
        view.setUint32(36, 1001, true);
        view.setInt32(40, 2, true);
        view.setUint32(44, 1007, true);
        view.setUint32(48, 1001, true);
        view.setInt32(76, 23, true);
        view.setInt32(88, 1, true);
        view.setInt32(92, -6, true);
        view.setUint32(108, 0xffff_ffff, true);
        view.setUint32(112, 7, true);
        bytes.set([...Buffer.from("[TCP/IP]", "utf16le")], 116);
        const info = decodeProtocolInfo(bytes);
        assert.equal(info.serviceFlags1, 0x80020066);
        assert.equal(info.providerFlags, 12);
        assert.equal(info.providerId, "{E70F1AA0-AB8B-11CF-8CA3-00805F48A192}");
        assert.equal(info.catalogEntryId, 1001);
        assert.equal(info.chainLength, 2);
        assert.deepEqual(info.chainEntries, [1007, 1001, 0, 0, 0, 0, 0]);
        assert.equal(info.addressFamily, 23);
        assert.equal(info.socketType, 1);
        assert.equal(info.protocol, -6);
        assert.equal(info.messageSize, 0xffff_ffff);
        assert.equal(info.providerReserved, 7);
        assert.equal(info.name, "[TCP/IP]");
    });

    it("refuses buffers of another size, numbers that do not fit and names that are too long", () => {
        assert.throws(() => decodeProtocolInfo(new Uint8Array(627)), TypeError);
        assert.throws(() => decodeCatalogItem(new Uint8Array(889)), TypeError);
        assert.throws(() => encodeProtocolInfo({ catalogEntryId: -1 }), TypeError);
        assert.throws(() => encodeProtocolInfo({ version: 0x8000_0000 }), TypeError);
        assert.throws(() => encodeProtocolInfo({ version: 1.5 }), TypeError);
        assert.throws(() => encodeProtocolInfo({ chainEntries: [1, 2, 3] }), TypeError);
        assert.throws(() => encodeProtocolInfo({ name: "x".repeat(257) }), TypeError);
        assert.throws(() => encodeProtocolInfo({ providerId: "{nonsense}" }), TypeError);
        assert.throws(() => encodeProtocolInfo({}, new Uint8Array(10)), TypeError);
        const info = new Uint8Array(protocolInfoSize);
        assert.throws(() => encodeCatalogItem({ path: "x".repeat(261), info }), TypeError);
        assert.throws(() => encodeCatalogItem({ path: "C:\\\u0416.dll", info }), TypeError);
    });

    it(`writes GUIDs upper case in braces and reads any form (seed ${seed})`, function () {
        this.timeout(0);
        const random = new Random(seed);
        for (let round = 0; round < cases(500); ++round) {
            const bytes = random.bytes(16);
            const text = formatGuid(bytes);
            assert.match(text, /^\{[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}\}$/);
            assert.deepEqual(parseGuid(text), bytes);
            assert.deepEqual(parseGuid(text.slice(1, -1).toLowerCase()), bytes);
        }
        assert.throws(() => parseGuid("E70F1AA0-AB8B-11CF-8CA3"), TypeError);
    });

    it("makes of an entry the info that it came from", () => {
        for (const base of baseEntries()) {
            assert.deepEqual(entryOfInfo(base.path, decodeProtocolInfo(infoOfEntry(base))), base);
        }
    });

    it("tells the kind of an entry by its chain length, whatever is in the bytes", () => {
        const kind = (chainLength: number): string => {
            const info = encodeProtocolInfo({ chainLength, chainEntries: [1, 2, 3, 4, 5, 6, 7] });
            const entry = entryOfInfo("x.dll", decodeProtocolInfo(info));
            return `${entry.kind} ${entry.chain.join()}`;
        };
        assert.equal(kind(0), "hidden ");
        assert.equal(kind(1), "base 1");
        assert.equal(kind(2), "layered 1,2");
        assert.equal(kind(7), "layered 1,2,3,4,5,6,7");
        assert.equal(kind(8), "layered 1,2,3,4,5,6,7");
        assert.equal(kind(0x7fff_ffff), "layered 1,2,3,4,5,6,7");
        assert.equal(kind(-1), "hidden ");
    });

    it("names Windows' numbers, and shows numbers without a name as they are", () => {
        assert.equal(familyName(23), "AF_INET6");
        assert.equal(familyName(10), "AF_CCITT");
        assert.equal(familyName(99), "AF_99");
        assert.equal(socketTypeName(1), "SOCK_STREAM");
        assert.equal(socketTypeName(77), "SOCK_77");
        assert.equal(protocolName(2, 6), "IPPROTO_TCP");
        assert.equal(protocolName(34, 6), "6");
        assert.deepEqual(serviceFlagNames(0x20066), [
            "XP1_GUARANTEED_DELIVERY",
            "XP1_GUARANTEED_ORDER",
            "XP1_GRACEFUL_CLOSE",
            "XP1_EXPEDITED_DATA",
            "XP1_IFS_HANDLES",
        ]);
        assert.deepEqual(serviceFlagNames(0x8000_0001), ["XP1_CONNECTIONLESS", "0x80000000"]);
        assert.deepEqual(providerFlagNames(12), ["PFL_HIDDEN", "PFL_MATCHES_PROTOCOL_ZERO"]);
        assert.deepEqual(providerFlagNames(0), []);
    });
});
