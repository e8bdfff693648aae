// What the provider makes of policies. One installation for all of it: that is what takes the time.
import { callTests } from "./policy-calls.js";
import { closedTests } from "./policy-closed.js";
import { nodeTests } from "./policy-node.js";
import { runningTests } from "./policy-running.js";
import { withProvider } from "./watch-support.js";

describe("policy: verdicts", () => {
    withProvider();
    callTests();
    nodeTests();
    runningTests();
    closedTests();
});
