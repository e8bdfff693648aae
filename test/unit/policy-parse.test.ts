// Policy files: what the example means, every problem with its place and its way out, and that a policy written
// out is read as the same.

import * as assert from "node:assert/strict";
import { WinsockError } from "#lib/errors.js";
import { formatPolicy } from "#lib/policy/format.js";
import { parsePolicy } from "#lib/policy/parse.js";
import { counts } from "../support/counts.js";
import { Random, randomPolicy, writable } from "./policies-random.js";

const example = String.raw`
version: 1
default: allow
rules:
  - name: no telemetry
    match: { program: '*\updater.exe', call: connect, to: ['*.example.com:443', '203.0.113.0/24', '[2001:db8::]/32:80-90'] }
    then: { deny: WSAEACCES }
  - name: staging instead of production
    match: { user: ci, call: connect, to: '10.0.0.5:5432' }
    then: { redirect: '127.0.0.1:15432' }
  - name: through the proxy, or not at all
    match: { program: 'curl.exe', protocol: tcp }
    then: { proxy: 'socks5://user:pw@127.0.0.1:1080', otherwise: deny }
  - name: a bad line
    match: { program: 'game.exe' }
    then: { delay: 80ms, jitter: 20ms, rate: 1MB/s, reset: 0.1% }
  - name: ask me
    match: { call: [connect, listen] }
    then: { ask: true, timeout: 10s, otherwise: deny }
`;
const denied = { kind: "deny", error: "WSAEACCES" } as const;

/** What the parser says of a file with this rule, without the file's name. */
function problemsOf(rule: string): string[] {
    return problems(`version: 1\nrules:\n  - ${rule}\n`);
}
function problems(text: string): string[] {
    try {
        parsePolicy(text, { file: "p.yaml" });
    } catch (error) {
        assert.ok(error instanceof WinsockError && error.code === "ERR_POLICY_SYNTAX", String(error));
        return error.message.split("\n").map((line) => {
            assert.match(line, /^p\.yaml:\d+:\d+: /);
            return line.replace("p.yaml:", "");
        });
    }
    return [];
}
/** `to` of a rule with this target. */
function targetOf(text: string) {
    return parsePolicy(JSON.stringify({ version: 1, rules: [{ match: { to: text }, then: "deny" }] })).rules[0]?.match
        .to;
}

describe("policy files", () => {
    it("mean what the example says", () => {
        assert.deepEqual(parsePolicy(example), {
            version: 1,
            default: { kind: "allow" },
            rules: [
                {
                    name: "no telemetry",
                    match: {
                        program: ["*\\updater.exe"],
                        call: ["connect"],
                        to: [
                            { host: "*.example.com", ports: [{ first: 443, last: 443 }] },
                            { range: { first: "203.0.113.0", last: "203.0.113.255" } },
                            {
                                range: { first: "2001:db8::", last: "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff" },
                                ports: [{ first: 80, last: 90 }],
                            },
                        ],
                    },
                    then: denied,
                },
                {
                    name: "staging instead of production",
                    match: {
                        user: ["ci"],
                        call: ["connect"],
                        to: [{ range: { first: "10.0.0.5", last: "10.0.0.5" }, ports: [{ first: 5432, last: 5432 }] }],
                    },
                    then: { kind: "redirect", to: [{ address: "127.0.0.1", port: 15432 }], otherwise: denied },
                },
                {
                    name: "through the proxy, or not at all",
                    match: { program: ["curl.exe"], protocol: ["tcp"] },
                    then: {
                        kind: "relay",
                        otherwise: denied,
                        proxy: [{ kind: "socks5", host: "127.0.0.1", port: 1080, user: "user", password: "pw" }],
                    },
                },
                {
                    name: "a bad line",
                    match: { program: ["game.exe"] },
                    then: {
                        kind: "relay",
                        delay: 80,
                        jitter: 20,
                        rate: 1_000_000,
                        reset: 0.001,
                        otherwise: { kind: "allow" },
                    },
                },
                {
                    name: "ask me",
                    match: { call: ["connect", "listen"] },
                    then: { kind: "ask", timeout: 10_000, otherwise: denied },
                },
            ],
        });
    });

    it("may be JSON, and say as little as possible", () => {
        assert.deepEqual(parsePolicy('{"version":1}'), { version: 1, default: { kind: "allow" }, rules: [] });
        assert.deepEqual(parsePolicy("\ufeffversion: 1\ndefault: deny\nfailClosed: false\nrules:\n"), {
            version: 1,
            default: denied,
            failClosed: false,
            rules: [],
        });
        assert.deepEqual(parsePolicy('{"version":1,"rules":[{"then":"observe"}]}').rules, [
            { name: "rule 1", match: {}, then: { kind: "observe" } },
        ]);
    });

    for (const [text, first, last] of [
        ["10.0.0.1", "10.0.0.1", "10.0.0.1"],
        ["10.0.0.0/8", "10.0.0.0", "10.255.255.255"],
        ["0.0.0.0/0", "0.0.0.0", "255.255.255.255"],
        ["10.0.0.1-10.0.0.9", "10.0.0.1", "10.0.0.9"],
        ["[::1]", "::1", "::1"],
        ["::1", "::1", "::1"],
        ["2001:db8::/32", "2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"],
        ["[::1]-[::ff]", "::1", "::ff"],
        ["[::ffff:10.0.0.1]", "10.0.0.1", "10.0.0.1"],
        ["[::ffff:10.0.0.0]/104", "10.0.0.0", "10.255.255.255"],
        ["::/0", "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"],
    ] as const) {
        it(`target ${text}`, () => assert.deepEqual(targetOf(text), [{ range: { first, last } }]));
    }
    it("targets with ports and names", () => {
        const ports = [
            { first: 80, last: 90 },
            { first: 443, last: 443 },
        ];
        assert.deepEqual(targetOf(":80-90,443"), [{ ports }]);
        assert.deepEqual(targetOf("*:80-90,443"), [{ ports }]);
        assert.deepEqual(targetOf("[2001:db8::1]:80-90,443"), [
            { range: { first: "2001:db8::1", last: "2001:db8::1" }, ports },
        ]);
        assert.deepEqual(targetOf("*"), [{}]);
        assert.deepEqual(targetOf("*.BÜCHER.example:443"), [
            { host: "*.xn--bcher-kva.example", ports: [{ first: 443, last: 443 }] },
        ]);
        assert.deepEqual(targetOf("loopback:1"), [
            { range: { first: "127.0.0.0", last: "127.255.255.255" }, ports: [{ first: 1, last: 1 }] },
            { range: { first: "::1", last: "::1" }, ports: [{ first: 1, last: 1 }] },
        ]);
    });
    it("times of the week", () => {
        const timeOf = (time: string | string[]) =>
            parsePolicy(JSON.stringify({ version: 1, rules: [{ match: { time }, then: "deny" }] })).rules[0]?.match
                .time;
        assert.deepEqual(timeOf("mon-tue 09:00-17:30"), [
            { first: 540, last: 1050 },
            { first: 1980, last: 2490 },
        ]);
        assert.deepEqual(timeOf("sun 22:00-06:00"), [
            { first: 0, last: 360 },
            { first: 9960, last: 10080 },
        ]);
        assert.deepEqual(timeOf(["fri-mon"]), [
            { first: 0, last: 1440 },
            { first: 5760, last: 10080 },
        ]);
        assert.deepEqual(timeOf("00:00-24:00"), [{ first: 0, last: 10080 }]);
    });

    for (const [what, rule, ...wanted] of [
        [
            "a key misspelt",
            "match: { progam: x }\n    then: deny",
            '3:14: match has no key "progam" (did you mean "program"?)',
        ],
        [
            "a verdict misspelt",
            "then: dney",
            '3:11: "dney" is none of allow, deny, observe, ask (did you mean "deny"?)',
        ],
        [
            "an error misspelt",
            "then: { deny: WSAEACCESS }",
            '3:19: "WSAEACCESS" is no Winsock error, like WSAEACCES or WSAECONNREFUSED (did you mean "WSAEACCES"?)',
        ],
        [
            "an error that says the call goes on",
            "then: { deny: 10035 }",
            "3:19: WSAEWOULDBLOCK would tell the program that its call goes on; deny with another error, like WSAEACCES",
        ],
        ["no verdict", "name: x", '3:5: a rule needs the key "then"'],
        [
            "two verdicts",
            "then: { deny: true, redirect: 127.0.0.1 }",
            '3:25: "deny" and "redirect" are two verdicts; a rule has one (rules of their own, the first that matches counts)',
        ],
        [
            "a call by its function's name",
            "match: { call: ConnectEx }\n    then: deny",
            '3:20: "ConnectEx" is called "connect" in a policy',
        ],
        [
            "bits behind the prefix",
            "match: { to: 10.0.0.1/8 }\n    then: deny",
            '3:18: "10.0.0.1/8" has bits behind its prefix; did you mean "10.0.0.0/8"?',
        ],
        ["a port too large", "match: { to: ':70000' }\n    then: deny", '3:18: "70000" is no port: 0 to 65535'],
        [
            "ports the wrong way round",
            "match: { to: ':90-80' }\n    then: deny",
            '3:18: "90-80" is no range of ports, like 80-90',
        ],
        [
            "IPv6 with a port and no brackets",
            "match: { to: '2001:db8::1:99999' }\n    then: deny",
            '3:18: "2001:db8::1:99999" is no IPv6 address; with a port it stands in brackets: [2001:db8::1]:443, [2001:db8::]/32:443',
        ],
        ["a number without its unit", "then: { delay: 80 }", '3:20: "80" is no time with its unit: 80ms, or 80s?'],
        [
            "jitter above delay",
            "then: { jitter: 1s }",
            "3:13: jitter is so much more or less than delay, so it cannot be more than delay",
        ],
        ["a share above the whole", "then: { loss: 101% }", '3:19: "101%" is no share, like 0.1% or 5% (at most 100%)'],
        [
            "a proxy without a port",
            "then: { proxy: 'http://secret:word@host' }",
            "3:20: the proxy's port is missing: http://...:3128",
        ],
        [
            "a redirect of bind",
            "match: { call: bind }\n    then: { redirect: 127.0.0.1 }",
            "3:5: this rule can match no call: a redirect concerns connect and sendto only",
        ],
        [
            "a remote end of listen",
            "match: { call: listen, to: 10.0.0.1 }\n    then: deny",
            '3:5: this rule can match no call: "listen" have no remote end; their own is "local"',
        ],
        [
            "an empty list",
            "match: { program: [] }\n    then: deny",
            '3:14: "program" is an empty list, which nothing can match; leave the key out for any',
        ],
        [
            "a day that is none",
            "match: { time: 'mon-fry 09:00-17:00' }\n    then: deny",
            '3:20: "fry" is no day: mon, tue, wed, thu, fri, sat, sun',
        ],
        [
            "several mistakes at once",
            "match: { pid: x, family: ipv5 }\n    then: { deny: true, otherwise: allow }",
            "3:19: a process id is a number from 0 to 4294967295",
            '3:30: "ipv5" is none of ipv4, ipv6 (did you mean "ipv4"?)',
            '4:25: "deny" can always be carried out: "otherwise" means nothing with it',
        ],
    ] as const) {
        it(`are told of ${what}`, () => assert.deepEqual(problemsOf(rule), wanted));
    }
    it("are told of YAML that is none, in YAML's own traps too", () => {
        assert.match(problemsOf("match: { program: *.exe }\n    then: deny").join(), /must be quoted: '\*\.exe'/);
        assert.match(problemsOf('match: { program: "C:\\Users\\x.exe" }\n    then: deny').join(), /single quotes/);
        assert.match(problems("version: 1\nversion: 1\n").join(), /^2:1: /);
        assert.deepEqual(problems("[]"), ['1:1: a policy has the keys "version", "default" and "rules"']);
        assert.deepEqual(problems("version: 2"), [
            "1:1: this winsock-spi knows version 1 of policies; for another one another winsock-spi is needed",
        ]);
        for (const deep of ["[", "- ", "? ", "{a: ", "- [", "a: [{"]) {
            assert.deepEqual(
                problems(deep.repeat(100_000)).map((line) => line.replace(/^\d+:\d+/, "")),
                [": values are nested too deeply"],
            );
        }
        assert.match(
            problems(Array.from({ length: 2000 }, (_, depth) => `${" ".repeat(depth)}a:\n`).join("")).join(),
            /too deeply/,
        );
    });
    it("never repeat a proxy's password in a message", () => {
        for (const proxy of [
            "http://me:hunter2@host",
            "ftp://me:hunter2@host:1",
            "socks5://me:hunter2@[nothing]:1",
            "http://me:hunter2%@h:1",
        ]) {
            const told = problemsOf(`then: { proxy: '${proxy}' }`).join();
            assert.ok(told !== "" && !told.includes("hunter2"), told);
        }
    });
    it("are misuse where no text is given", () => {
        assert.throws(() => parsePolicy(undefined as unknown as string), TypeError);
        assert.throws(() => parsePolicy("", { fiel: "x" } as object), /no option "fiel"/);
    });

    it("written out are read as the same policy", () => {
        const random = new Random(Number(process.env["WINSOCK_SPI_SEED"] ?? 1));
        for (let count = 0; count < 200; count++) {
            const policy = writable(randomPolicy(random));
            assert.deepEqual(parsePolicy(formatPolicy(policy)), policy);
        }
    });
    it(`mutated at random end in a policy or in a problem (${counts.policyTexts} texts)`, function () {
        this.timeout(3_600_000);
        const seed = Number(process.env["WINSOCK_SPI_SEED"] ?? Date.now() % 2 ** 31);
        const random = new Random(seed);
        // One rule of the example each: shorter texts, more of them.
        const [head = "", ...rules] = example.split(/(?=^ {2}- name)/m);
        const piecesOf = (text: string): string[] =>
            [...text.matchAll(/[a-zA-Z]+|\d+|[^\sa-zA-Z\d]|\s+/g)].map(([piece]) => piece);
        const texts = rules.map((rule) => piecesOf(head + rule));
        const odd = [
            "*",
            "&",
            "!",
            "|",
            "\t",
            "\u0000",
            "\ufeff",
            "'",
            '"',
            "- ",
            ": ",
            "{",
            "}",
            "[",
            "]",
            "<<",
            "~",
            "1e999",
            "0x",
            "%",
            "\ud800",
        ];
        let [good, bad] = [0, 0];
        for (let count = 0; count < counts.policyTexts; count++) {
            const pieces = random.pick(texts);
            const text = [...pieces];
            for (let change = 1 + random.below(4); change > 0; change--) {
                const at = random.below(text.length);
                text.splice(at, random.below(3), ...(random.oneIn(2) ? [random.pick(odd)] : [random.pick(pieces)]));
            }
            try {
                parsePolicy(text.join(""), { file: "p" });
                good++;
            } catch (error) {
                assert.ok(
                    error instanceof WinsockError && error.code === "ERR_POLICY_SYNTAX",
                    `seed ${seed}: ${JSON.stringify(text.join(""))}: ${String((error as Error).stack)}`,
                );
                bad++;
            }
        }
        assert.ok(good > counts.policyTexts / 100 && bad > counts.policyTexts / 4, `${good} policies, ${bad} refusals`);
    });
});
