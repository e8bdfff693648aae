// Shows: killed while chains of a stranger are led through ours or past it, everything is as before or as after.
import assert from "node:assert/strict";
import { install, uninstall } from "winsock-spi";
import { counts } from "../support/counts.js";
import { keepCatalog } from "./acceptance-support.js";
import { killAtEveryPoint, recover } from "./executor-support.js";
import { installSecond } from "./second-provider.js";

describe("acceptance: order among strangers, interrupted", function () {
    this.timeout(900_000);
    keepCatalog({ each: true });

    const tally = { tried: 0, losses: 0 };
    after(() => console.log(`      ${tally.tried} kill points tried, ${tally.losses} losses`));
    const code = (error: unknown): string | undefined => (error as { code?: string }).code;
    const begone = async (): Promise<void> => {
        await uninstall({ leftovers: true }).catch((error: unknown) => assert.equal(code(error), "ERR_NOT_INSTALLED"));
    };

    it("an installation that is killed: everything is as before or as after", async () => {
        await begone();
        await installSecond({ guid: "entry", chain: "hidden" }, "--ifs", "no");
        const { plan: operation } = await install({ dryRun: true });
        await killAtEveryPoint(
            {
                operation,
                onFailure: "undo",
                most: counts.killPointsOfChains,
                begin: async () => {
                    await begone();
                    await recover(false);
                },
            },
            tally,
        );
        await begone();
    });

    it("an uninstallation that is killed: everything is as before or as after", async () => {
        await begone();
        await installSecond({ guid: "shared", chain: "entry" }, "--ifs", "no");
        await install();
        const { plan: operation } = await uninstall({ dryRun: true });
        await killAtEveryPoint(
            {
                operation,
                onFailure: "finish",
                most: counts.killPointsOfChains,
                begin: async () => {
                    await install().catch((error: unknown) => assert.equal(code(error), "ERR_ALREADY_INSTALLED"));
                    await recover(false);
                },
            },
            tally,
        );
        await begone();
    });
});
