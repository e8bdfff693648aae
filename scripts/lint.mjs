// npm run lint: the checks of the source alone (scripts/checks), all or those that are named.
import { setup } from "./setup.mjs";
import { checkNames, runCheck } from "./test-checks.mjs";

export async function main(args) {
    const environment = await setup();
    const names = checkNames().filter((name) => args.length === 0 || args.includes(name));
    let bad = names.length === 0;
    for (const name of names) {
        const found = await runCheck(name, { environment, full: false });
        const problems = Array.isArray(found) ? found : [`skipped: ${found.skipped}`];
        bad ||= Array.isArray(found) && found.length > 0;
        console.log(problems.length === 0 ? `${name}: nothing found` : `${name}:\n${problems.join("\n")}`);
    }
    return bad ? 1 : 0;
}
