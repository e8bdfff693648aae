// The check of the workflows (scripts/checks/workflows.mjs) finds what it is there for.
import assert from "node:assert/strict";
import * as path from "node:path";
import { pathToFileURL, fileURLToPath } from "node:url";

interface Check {
    problemsIn: (name: string, text: string) => Promise<string[]>;
    actionProblems: (file: string, text: string) => string[];
    missingRuns: (files: { name: string; text: string }[]) => string[];
}

const project = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..", "..", "..");
const { problemsIn, actionProblems, missingRuns } = (await import(
    pathToFileURL(path.join(project, "scripts", "checks", "workflows.mjs")).href
)) as Check;

const pin = "0123456789abcdef0123456789abcdef01234567";
const good = `name: A
on:
  push:
permissions: {}
concurrency:
  group: a
jobs:
  one:
    runs-on: windows-latest
    timeout-minutes: 5
    permissions:
      contents: read
    steps:
      - uses: actions/checkout@${pin} # v6.0.2
        with:
          persist-credentials: false
      - run: npm test
`;

describe("the check of the workflows", () => {
    it("has nothing against a workflow that keeps to the rules", async () => {
        assert.deepEqual(await problemsIn("a.yml", good), []);
    });

    const broken: readonly (readonly [what: string, from: string | RegExp, to: string, expected: RegExp])[] = [
        ["what is no YAML", "name: A", "name: [A", /^\.github\/workflows\/a\.yml:\d+: /],
        [
            "a runner that does not exist",
            "windows-latest",
            "windows-lates",
            /a\.yml:9: label "windows-lates" is unknown/,
        ],
        ["a key that GitHub does not know", "timeout-minutes", "timeout_minutes", /a\.yml:10: unexpected key/],
        ["no permissions at the top", "permissions: {}\n", "", /a\.yml:1: permissions: \{\} must stand at the top/],
        ["permissions at the top", "permissions: {}", "permissions: read-all", /a\.yml:4: permissions: \{\}/],
        ["all permissions for a job", /permissions:\n.*contents: read/, "permissions: write-all", /11: job one: name/],
        ["an identity outside publish.yml", "contents: read", "id-token: write", /id-token is for publish\.yml alone/],
        ["no concurrency", /concurrency:\n.*\n/, "", /concurrency must be set/],
        ["no timeout", /\n.*timeout-minutes: 5/, "", /a\.yml:8: job one: timeout-minutes must be set/],
        ["pull_request_target", "push:", "pull_request_target:", /a\.yml:\d: pull_request_target gives strangers/],
        ["a tag instead of a commit", `@${pin} # v6.0.2`, "@v6", /a\.yml:14: actions\/checkout@v6: pin it/],
        ["half a commit", `@${pin}`, "@0123456", /a\.yml:14: .*pin it/],
        ["a commit without its version", " # v6.0.2", "", /a\.yml:14: .*say in a comment which version/],
        ["a branch as the version", "# v6.0.2", "# main", /a\.yml:14: .*say in a comment which version/],
        [
            "a token left behind",
            "persist-credentials: false",
            "fetch-depth: 1",
            /a\.yml:14: checkout must have persist/,
        ],
        [
            "text from outside in a command",
            "npm test",
            "echo ${{ github.head_ref }}",
            /a\.yml:17: no \$\{\{ \}\} in run/,
        ],
        ["install scripts", "npm test", "npm ci", /"npm ci" runs scripts of packages/],
    ];
    for (const [what, from, to, expected] of broken) {
        it(`finds ${what}`, async () => {
            const text = good.replace(from, to);
            assert.notEqual(text, good);
            const found = await problemsIn("a.yml", text);
            assert.ok(
                found.some((problem) => expected.test(problem)),
                found.join("\n") || "nothing found",
            );
        });
    }

    it("holds composite actions to the same rules", () => {
        const action = `runs:\n  using: composite\n  steps:\n    - uses: actions/cache@v4\n    - run: npm i x\n`;
        const found = actionProblems("action.yml", action);
        assert.match(found.join("\n"), /action\.yml:4: actions\/cache@v4: pin it/);
        assert.match(found.join("\n"), /"npm i x" runs scripts/);
    });

    it("wants `npm test` on Windows and on Linux", () => {
        const [missing, ...more] = missingRuns([{ name: "a.yml", text: good }]);
        assert.match(missing ?? "", /ubuntu-latest runs `npm test`/);
        assert.deepEqual(more, []);
        assert.equal(missingRuns([{ name: "a.yml", text: good.replace("npm test", "npm run tests") }]).length, 2);
    });
});
