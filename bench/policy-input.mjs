// What policy_decisions measures: random rules as companies have them (mostly addresses and blocks with a port or two, some
// for one program alone), and calls of which half go where some rule points.
import { compilePolicy } from "winsock-spi";

const program = "C:\\Program Files\\App\\client.exe";
const programs = ["client.exe", "*\\updater.exe", "C:\\Program Files\\App\\*", "other.exe", "*\\svchost.exe"];
const applies = [1, 0, 1, 0, 0]; // to `program`
const bits = { connect: 1, sendto: 16 };

/** Numbers from a seed (mulberry32). */
function makeRandom(seed) {
    let state = seed;
    const next = () => {
        state = (state + 0x6d2b79f5) >>> 0;
        let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
        mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
        return (mixed ^ (mixed >>> 14)) >>> 0;
    };
    return { below: (bound) => next() % bound, oneIn: (count) => next() % count === 0 };
}

const text4 = (value) => [24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join(".");
const text6 = (value) =>
    Array.from({ length: 8 }, (_, n) => ((value >> BigInt(112 - 16 * n)) & 0xffffn).toString(16)).join(":");

function randomTarget({ below, oneIn }) {
    if (oneIn(5)) {
        const base = (0x2001_0db8n << 96n) | (BigInt(below(2 ** 32)) << 64n) | BigInt(below(2 ** 32));
        const length = [128n, 64n, 48n][below(3)];
        const rest = (1n << (128n - length)) - 1n;
        return { family: 23, first: base & ~rest, last: base | rest };
    }
    const base = below(2 ** 32);
    const length = [32, 32, 32, 24, 24, 16][below(6)];
    const rest = length === 32 ? 0 : 2 ** (32 - length) - 1;
    const first = BigInt((base & ~rest) >>> 0);
    return { family: 2, first, last: first + BigInt(rest) };
}

function textOf({ family, first, last }) {
    return family === 2
        ? { first: text4(Number(first)), last: text4(Number(last)) }
        : { first: text6(first), last: text6(last) };
}

/** The policy, and the bytes that policy_decisions reads. */
export function makeInput(count, seed = 6) {
    const random = makeRandom(seed);
    const { below, oneIn } = random;
    const plain = [];
    const rules = Array.from({ length: count }, (_, index) => {
        const target = randomTarget(random);
        const port = [443, 80, 5432, 53, 8080][below(5)];
        const ports = oneIn(3)
            ? { first: 0, last: 65535 }
            : oneIn(3)
              ? { first: port, last: port + 100 }
              : { first: port, last: port };
        const call = oneIn(4) ? undefined : oneIn(4) ? "sendto" : "connect";
        const tcp = call === "connect" && oneIn(2);
        const who = oneIn(5) ? below(programs.length) : -1;
        plain.push({
            ...target,
            ports,
            tcp,
            calls: call === undefined ? 17 : bits[call],
            applies: who === -1 ? 1 : applies[who],
            number: index + 1,
        });
        return {
            name: `rule ${index + 1}`,
            match: {
                to: [{ range: textOf(target), ports: [ports] }],
                ...(call && { call: [call] }),
                ...(tcp && { protocol: ["tcp"] }),
                ...(who !== -1 && { program: [programs[who]] }),
            },
            then: oneIn(2) ? { kind: "deny", error: "WSAEACCES" } : { kind: "allow" },
        };
    });
    const begin = performance.now();
    const image = compilePolicy({ version: 1, default: { kind: "allow" }, rules }, { generation: 1 });
    const compileMs = performance.now() - begin;
    const calls = Array.from({ length: 4096 }, () => {
        const aimed = plain[below(plain.length)];
        const { family, first, last } = oneIn(2) ? aimed : randomTarget(random);
        const address = first + (BigInt(below(2 ** 32)) % (last - first + 1n));
        const udp = oneIn(3);
        return {
            call: udp ? 16 : 1,
            protocol: udp ? 17 : 6,
            family,
            port: oneIn(2) ? aimed.ports.first : below(65536),
            address,
        };
    });
    return {
        compileMs,
        image,
        bytes: Buffer.concat([imagePart(image), rulesPart(plain), callsPart(calls), programPart()]),
    };
}

function counted(count, bytes) {
    const head = Buffer.alloc(4);
    head.writeUInt32LE(count);
    return Buffer.concat([head, bytes]);
}
const imagePart = (image) => counted(image.length / 8, image);
const programPart = () => counted(program.length, Buffer.from(program, "utf16le"));

function rulesPart(rules) {
    const bytes = Buffer.alloc(48 * rules.length);
    rules.forEach(({ first, last, family, ports, calls, tcp, applies: does, number }, index) => {
        const at = 48 * index;
        [first, last].forEach((value, end) => {
            bytes.writeBigUInt64LE(value >> 64n, at + 16 * end);
            bytes.writeBigUInt64LE(value & 0xffff_ffff_ffff_ffffn, at + 16 * end + 8);
        });
        [family, ports.first, ports.last].forEach((value, field) => bytes.writeUInt16LE(value, at + 32 + 2 * field));
        bytes.set([calls, tcp ? 6 : 0], at + 38);
        bytes.writeUInt32LE(does, at + 40);
        bytes.writeUInt32LE(number, at + 44);
    });
    return counted(rules.length, bytes);
}

function callsPart(calls) {
    const bytes = Buffer.alloc(24 * calls.length);
    calls.forEach(({ call, protocol, family, port, address }, index) => {
        const at = 24 * index;
        bytes.set([call, protocol], at);
        bytes.writeUInt16LE(family, at + 2);
        bytes.writeUInt16LE(port, at + 4);
        const size = family === 2 ? 4 : 16;
        for (let n = 0; n < size; n++) {
            bytes[at + 8 + n] = Number((address >> BigInt(8 * (size - 1 - n))) & 0xffn);
        }
    });
    return counted(calls.length, bytes);
}
