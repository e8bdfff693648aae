/** The rules' names in a policy image (native/core/policy_format.hpp), for who sees a rule's number. Pure. */

import { policyChecksum } from "./image-writer.js";

const magic = 0x50495357; // "WSIP"
const abi = 1;
/** Places in PolicyHeader of the sections `rules` and `texts`, and of a rule's name in PolicyRule. */
const [rulesAt, textsAt] = [32, 32 + 8 * 16];
const [ruleSize, nameAt] = [64, 44];

/** Names by number; number 0 is the default's and empty. Undefined: this is no image that this version can read. */
export function ruleNamesOf(image: Uint8Array): string[] | undefined {
    const view = new DataView(image.buffer, image.byteOffset, image.byteLength);
    if (image.length < 192 || view.getUint32(0, true) !== magic || view.getUint16(4, true) !== abi) {
        return undefined;
    }
    const headerSize = view.getUint16(6, true);
    const size = view.getUint32(8, true);
    if (
        headerSize < textsAt + 8 ||
        size > image.length ||
        policyChecksum(image.subarray(headerSize, size)) !== view.getUint32(12, true)
    ) {
        return undefined;
    }
    const section = (at: number, elementSize: number): { offset: number; count: number } | undefined => {
        const [offset, count] = [view.getUint32(at, true), view.getUint32(at + 4, true)];
        return offset <= size && count * elementSize <= size - offset ? { offset, count } : undefined;
    };
    const [rules, texts] = [section(rulesAt, ruleSize), section(textsAt, 2)];
    if (rules === undefined || texts === undefined) {
        return undefined;
    }
    const decoder = new TextDecoder("utf-16le");
    return Array.from({ length: rules.count }, (_, rule) => {
        const at = rules.offset + rule * ruleSize + nameAt;
        const [first, count] = [view.getUint32(at, true), view.getUint32(at + 4, true)];
        return first <= texts.count && count <= texts.count - first
            ? decoder.decode(image.subarray(texts.offset + 2 * first, texts.offset + 2 * (first + count)))
            : "";
    });
}
