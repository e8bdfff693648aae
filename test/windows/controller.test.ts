// The controller, in one run: the provider is installed once for all of it.
import { askTests } from "./controller-ask.js";
import { hostileTests } from "./controller-hostile.js";
import { pipeTests } from "./controller-pipe.js";
import { withProvider } from "./watch-support.js";

describe("controller", () => {
    withProvider();
    pipeTests();
    askTests();
    hostileTests();
});
