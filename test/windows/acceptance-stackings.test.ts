// Shows: every stacking of up to three strange providers with ours, in every order: traffic flows, each layer sees what
// it should; whoever is removed, in whatever order, the catalog works.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { Random, newSeed } from "../unit/catalogs.js";
import { counts } from "../support/counts.js";
import { bitnesses, exportRegistry, keepCatalog, project } from "./acceptance-support.js";
import {
    expectTraffic,
    installLayer,
    layers,
    layersInPath,
    removeLayer,
    shapeOfCatalog,
    strangers,
} from "./strangers-support.js";
import type { Layer } from "./strangers-support.js";

function shuffled<Item>(items: readonly Item[], random: Random): Item[] {
    const result = [...items];
    for (let index = result.length - 1; index > 0; index -= 1) {
        const other = random.below(index + 1);
        [result[index], result[other]] = [result[other]!, result[index]!];
    }
    return result;
}

/** Everybody who is installed is in the path of new TCP sockets, once, and nobody else. */
async function expectAllInPath(installed: readonly Layer[]): Promise<void> {
    for (const bits of bitnesses) {
        assert.deepEqual([...(await layersInPath(bits))].sort(), [...installed].sort(), `${bits}: all are in the path`);
    }
}

interface Move {
    readonly do: "install" | "remove";
    readonly layer: Layer;
}

async function make(move: Move, installed: readonly Layer[]): Promise<Layer[]> {
    if (move.do === "install") {
        await installLayer(move.layer);
        return [...installed, move.layer];
    }
    await removeLayer(move.layer);
    return installed.filter((layer) => layer !== move.layer);
}

/** Three strangers and ours, at most. */
function possibleMoves(installed: readonly Layer[]): Move[] {
    const room = installed.filter((layer) => layer !== "ours").length < 3;
    return layers.flatMap((layer): Move[] => {
        if (installed.includes(layer)) {
            return [{ do: "remove", layer }];
        }
        return layer === "ours" || room ? [{ do: "install", layer }] : [];
    });
}

interface State {
    readonly installed: readonly Layer[];
    /** By `do layer`: the state that it leads to; undefined as long as it has not been tried. */
    readonly moves: Map<string, string | undefined>;
}

const nameOf = (move: Move): string => `${move.do} ${move.layer}`;

/** The shortest way over known moves to a state with one that has not been tried, that one included. */
function wayToUntried(states: ReadonlyMap<string, State>, from: string): Move[] | undefined {
    const queue: { shape: string; way: Move[] }[] = [{ shape: from, way: [] }];
    const seen = new Set([from]);
    for (const { shape, way } of queue) {
        const state = states.get(shape)!;
        for (const move of possibleMoves(state.installed)) {
            const next = state.moves.get(nameOf(move));
            if (next === undefined) {
                return [...way, move];
            }
            if (!seen.has(next)) {
                seen.add(next);
                queue.push({ shape: next, way: [...way, move] });
            }
        }
    }
    return undefined;
}

describe("acceptance: stackings of strange providers", function () {
    this.timeout(0);
    keepCatalog({ each: false });

    it("strangers include Windows' headers and their own, and no other", () => {
        const folder = path.join(project, "test", "windows", "strangers");
        const files = fs.readdirSync(folder).filter((name) => /\.[ch]pp$/.test(name));
        assert.ok(files.length >= 15);
        for (const file of files) {
            const includes = fs.readFileSync(path.join(folder, file), "utf8").match(/^\s*#\s*include\s*".*$/gm) ?? [];
            for (const include of includes) {
                const included = /"([^"]*)"/.exec(include)![1]!;
                assert.ok(files.includes(included), `${file} includes ${included}`);
            }
        }
    });

    if (counts.everyStacking === 0) {
        const seed = newSeed();
        it(`every provider, every place, some order of removal (seed ${seed})`, async () => {
            const random = new Random(seed);
            const before = await exportRegistry();
            const order = shuffled(strangers, random);
            // Two stacks of four; between them every stranger.
            for (const [index, some] of [order.slice(0, 3), [...order.slice(3), order[random.below(3)]!]].entries()) {
                let installed: Layer[] = [];
                const stack = shuffled<Layer>([...some, "ours"], random);
                for (const layer of stack) {
                    installed = await make({ do: "install", layer }, installed);
                }
                await expectAllInPath(installed);
                for (const bits of bitnesses) {
                    await expectTraffic(bits, installed, { args: ["--rounds", "2"] });
                }
                for (const [turn, layer] of shuffled(installed, random).entries()) {
                    installed = await make({ do: "remove", layer }, installed);
                    await expectAllInPath(installed);
                    if (installed.length > 0) {
                        await expectTraffic(bitnesses[(index + turn) % 2]!, installed);
                    }
                }
                assert.equal(await exportRegistry(), before, `after ${stack.join(", ")}: nothing is left`);
            }
        });
    } else {
        it("all of them: from every catalog that can arise, every installation and every removal", async () => {
            const before = await exportRegistry();
            const states = new Map<string, State>();
            let shape = await shapeOfCatalog();
            const empty = shape;
            states.set(shape, { installed: [], moves: new Map() });
            let moves = 0;
            for (;;) {
                const way = wayToUntried(states, shape);
                if (way === undefined) {
                    break;
                }
                for (const move of way) {
                    const state = states.get(shape)!;
                    const installed = await make(move, state.installed);
                    moves += 1;
                    if (moves % 100 === 0) {
                        console.log(`      ${states.size} catalogs, ${moves} installations and removals so far`);
                    }
                    shape = await shapeOfCatalog();
                    state.moves.set(nameOf(move), shape);
                    if (!states.has(shape)) {
                        states.set(shape, { installed, moves: new Map() });
                        await expectAllInPath(installed);
                        for (const bits of bitnesses) {
                            await expectTraffic(bits, installed);
                        }
                    }
                    assert.equal(shape === empty, installed.length === 0, "no layer, no entry");
                    if (installed.length === 0) {
                        assert.equal(await exportRegistry(), before, "nothing is left");
                    }
                }
            }
            console.log(`      ${states.size} catalogs, ${moves} installations and removals`);
            for (const layer of states.get(shape)!.installed) {
                await removeLayer(layer);
            }
            assert.equal(await exportRegistry(), before, "nothing is left");
        });
    }
});
