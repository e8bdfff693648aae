// The checks of what is written (scripts/checks) find what is broken. That they find nothing in the documents as they are
// is a suite of its own each.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { pathToFileURL } from "node:url";
import { packageRoot } from "#lib/native.js";

type Problems = (...given: readonly unknown[]) => string[];

async function script(...name: string[]): Promise<Record<string, Problems>> {
    return (await import(pathToFileURL(path.join(packageRoot, "scripts", ...name)).href)) as Record<string, Problems>;
}

const read = (file: string): string => fs.readFileSync(path.join(packageRoot, file), "utf8");
const page = (...lines: string[]): Map<string, string> => new Map([["docs/page.md", lines.join("\n")]]);

describe("checks of the documents", () => {
    describe("links", () => {
        const links = async (...lines: string[]): Promise<string[]> => {
            const { linkProblems } = await script("checks", "links.mjs");
            const pages = new Map([...page(...lines), ["docs/other.md", "# Two words\n# Two words\n"]]);
            return linkProblems!(pages, [...pages.keys(), "lib/index.ts", "test/unit/a-b.test.ts"]);
        };

        it("let pass what leads somewhere", async () => {
            const fine = "[a](other.md#two-words) [b](other.md#two-words-1) [c](#here) [d](https://example.com/x.md)";
            assert.deepEqual(await links("# Here", fine, "`lib/index.ts` `a-*.test.ts` `npm test`"), []);
        });

        it("find files, headings and paths that are not there, with file and line", async () => {
            assert.deepEqual(await links("[a](gone.md)"), ["docs/page.md:1: there is no docs/gone.md"]);
            assert.deepEqual(await links("", "![a](../x.svg)"), ["docs/page.md:2: there is no x.svg"]);
            assert.deepEqual(await links("[a](other.md#three)"), [
                'docs/page.md:1: docs/other.md has no heading "three"',
            ]);
            assert.deepEqual(await links("`lib/gone.ts`"), ["docs/page.md:1: there is no file lib/gone.ts"]);
            assert.deepEqual(await links("`c.test.ts`"), ["docs/page.md:1: there is no file c.test.ts"]);
        });

        it("look at no code blocks", async () => {
            assert.deepEqual(await links("```text", "[a](gone.md)", "```"), []);
        });

        it("find pages that a source names and docs has not", async () => {
            const { mentionProblems } = await script("checks", "links.mjs");
            const text = ["// see docs/page.md", "const help = 'docs/gone.md';"].join("\n");
            assert.deepEqual(mentionProblems!("lib/a.ts", text, ["docs/page.md"]), [
                "lib/a.ts:2: there is no docs/gone.md",
            ]);
        });
    });

    describe("samples", function () {
        this.timeout(60_000);
        const samples = async (...lines: string[]): Promise<string[]> => {
            const { sampleProblems } = await script("checks", "samples.mjs");
            return sampleProblems!(page(...lines), read);
        };

        it("compile against the package, with what is given to them", async () => {
            const sample = (given: string, options: string): string[] => [
                `<!-- ${given} -->`,
                "```ts",
                'import { watch } from "winsock-spi";',
                `for await (const { call } of watch({ ${options} })) console.log(call);`,
                "```",
            ];
            const given = "given: declare const signal: AbortSignal;";
            const right = sample(given, "signal");
            const problems = await samples(...right, ...sample(given, "signl"), ...sample("a remark", "signal"));
            assert.match(problems[0]!, /^docs\/page\.md:9: .*'signl'/);
            assert.match(problems.at(-1)!, /^docs\/page\.md:14: .*'signal'/);
            assert.deepEqual(
                problems.filter((problem) => problem.startsWith("docs/page.md:4:")),
                [],
            );
        });

        it("find policies and JSON that do not parse", async () => {
            const policy = (then: string): string[] => [
                "```yaml",
                "version: 1",
                `rules: [{ name: a, then: ${then} }]`,
                "```",
            ];
            assert.deepEqual(await samples(...policy("{ deny: WSAEACCES }")), []);
            assert.match((await samples(...policy("{ deny: WSAENOTHING }"))).join(), /docs\/page\.md:1: .*WSAENOTHING/);
            assert.match((await samples("```json", "{ a: 1 }", "```")).join(), /docs\/page\.md:1: .*JSON/);
        });

        it("find commands and options that do not exist, in blocks and in running text", async () => {
            const block = (command: string): Promise<string[]> => samples("```sh", `${command} # why`, "```");
            assert.deepEqual(await block("winsock-spi policy check a.yaml --explain 'b.exe connect 1.2.3.4:5'"), []);
            assert.deepEqual(await block("npm run -s cli -- watch --json -- node a.js --anything"), []);
            assert.match((await block("winsock-spi polish")).join(), /docs\/page\.md:2: .*polish/);
            assert.match((await block("npx winsock-spi catalog --tre")).join(), /docs\/page\.md:2: .*--tre/);
            assert.match((await block("winsock-spi restore")).join(), /docs\/page\.md:2: .*file/);
            assert.match((await block("npm run demonstration")).join(), /docs\/page\.md:2: .*demonstration/);
            assert.deepEqual(await samples("`winsock-spi uninstall NAME` `winsock-spi doctor --fix`"), []);
            assert.match((await samples("`winsock-spi doctor --mend`")).join(), /docs\/page\.md:1: .*--mend/);
            assert.match((await samples("`winsock-spi heal`")).join(), /docs\/page\.md:1: .*heal/);
        });

        it("take C++ only from files, and no block of a kind that nobody checks", async () => {
            assert.match(
                (await samples("```cpp", "int a;", "```")).join(),
                /docs\/page\.md:1: C\+\+ that is not compiled/,
            );
            assert.match((await samples("```", "a", "```")).join(), /docs\/page\.md:1: a block of ""/);
            const quoted = ["<!-- from: native/core/guid.hpp -->", "```cpp", "#pragma once", "```"];
            assert.deepEqual(await samples(...quoted), []);
            const changed = quoted.map((line) => line.replace("once", "twice"));
            assert.match((await samples(...changed)).join(), /docs\/page\.md:2: native\/core\/guid\.hpp/);
        });
    });

    it("error-codes: every code has a row, and every row a code", async () => {
        const { codeProblems } = await script("checks", "error-codes.mjs");
        const code = (name: string): string => `ERR_${name}`;
        const sources = new Map([["lib/a.ts", `\n{ code: "${code("ONE")}" }`]]);
        assert.deepEqual(codeProblems!(sources, `| \`${code("ONE")}\` | means |`), []);
        assert.match(codeProblems!(sources, "").join(), /^lib\/a\.ts:2: ERR_ONE is not in/);
        const both = `| \`${code("ONE")}\`, \`${code("TWO")}\` | means |`;
        assert.match(codeProblems!(sources, both).join(), /^docs\/troubleshooting\.md:1: nothing throws ERR_TWO/);
    });

    it("references: the first line that differs is named, whatever the line ends", async () => {
        const { firstDifference } = (await script("docs", "compare.mjs")) as Record<
            string,
            (...a: string[]) => unknown
        >;
        assert.equal(firstDifference!("a\nb\n", "a\r\nb\r\n"), undefined);
        assert.equal(firstDifference!("a\nb\n", "a\nc\n"), 2);
        assert.equal(firstDifference!("a\n", ""), 1);
    });
});
