// The same as chains.test.ts on random catalogs: strangers that install themselves in various manners, come and go.
import assert from "node:assert/strict";
import type { CatalogEntry } from "#lib/catalog/model.js";
import { sameTriplet } from "#lib/catalog/model.js";
import { WinsockError } from "#lib/errors.js";
import { coverableEntries } from "#lib/provider/plan-install.js";
import { Random, baseEntries, cases, entry, newSeed } from "./catalogs.js";
import { ifs, install, isOurs, notIfs, uninstall } from "./chain-catalogs.js";

/** A made-up provider; every chain of it is IFS or none is. */
interface Stranger {
    readonly ifs: boolean;
    readonly hiddenId: number;
}

interface Machine {
    entries: CatalogEntry[];
    strangers: Stranger[];
    nextId: number;
}

describe("chains of others on random catalogs", () => {
    const seed = newSeed();

    it(`ours is met once, never above a layer that is not IFS, and leaves no trace (seed ${seed})`, function () {
        this.timeout(0);
        const random = new Random(seed);
        let rewritten = 0;
        for (let round = 0; round < cases(300); ++round) {
            const before = randomMachine(random);
            const installed = tryInstall(before);
            if (installed === undefined) {
                continue;
            }
            rewritten += checkInstalled(before, installed) ? 1 : 0;
            assert.deepEqual(uninstall(installed), before.entries);
        }
        assert.ok(rewritten > cases(300) / 5, `only ${rewritten} catalogs had a chain to rewrite`);
    });

    it(`providers that come and go meanwhile find what they would without us (seed ${seed})`, function () {
        this.timeout(0);
        const random = new Random(seed);
        let tried = 0;
        for (let round = 0; round < cases(200); ++round) {
            const before = randomMachine(random);
            const installed = tryInstall(before);
            const leaving = before.strangers[random.below(before.strangers.length)];
            if (installed === undefined || leaving === undefined) {
                continue;
            }
            ++tried;
            const without = removeStranger(before.entries, leaving);
            // Gone in between.
            const removed = removeStranger(installed, leaving);
            assert.deepEqual(uninstall(removed), without);
            // Installed again on top of what is there then, or another one; gone after us, and before us.
            for (const from of [removed, installed]) {
                const rest = from === removed ? without : before.entries;
                const now: Machine = { ...before, entries: from, strangers: [], nextId: nextId(from) };
                addStranger(random, now);
                const added = now.strangers[0];
                assert.ok(added !== undefined);
                assert.deepEqual(removeStranger(uninstall(now.entries), added), rest);
                assert.deepEqual(uninstall(removeStranger(now.entries, added)), rest);
            }
        }
        assert.ok(tried > cases(200) / 4, `only ${tried} catalogs`);
    });
});

function tryInstall(before: Machine): CatalogEntry[] | undefined {
    try {
        return install(before.entries);
    } catch (error) {
        assert.ok(error instanceof WinsockError, String(error));
        assert.match(error.code, /^ERR_(CHAIN_FULL|NOTHING_TO_COVER)$/);
        return undefined;
    }
}

const nextId = (entries: readonly CatalogEntry[]): number => Math.max(...entries.map(({ id }) => id)) + 1;

/** Bases, some doubled, and up to four strangers, installed one after the other in different manners. */
function randomMachine(random: Random): Machine {
    const entries = baseEntries().slice(random.below(3));
    if (random.chance(30)) {
        const second = entry({ id: 1050, protocol: 6, providerId: random.guid() });
        entries.splice(random.below(entries.length + 1), 0, second);
    }
    const machine: Machine = { entries, strangers: [], nextId: 1100 };
    for (let count = random.below(5); count > 0; --count) {
        addStranger(random, machine);
    }
    return machine;
}

/**
 * Installs a stranger: on top, or, if it is IFS and there are layers that are not, as ours does: below those, in a
 * manner of its own.
 */
function addStranger(random: Random, machine: Machine): void {
    const isIfs = random.chance(50);
    const hiddenId = machine.nextId++;
    const shared = random.chance(30) ? random.guid() : undefined;
    const byHidden = random.chance(50);
    const stranger: Stranger = { ifs: isIfs, hiddenId };
    const tops = machine.entries.filter(
        (one) =>
            one.kind !== "hidden" &&
            machine.entries.find((other) => other.kind !== "hidden" && sameTriplet(other, one)) === one,
    );
    const added: CatalogEntry[] = [];
    for (const top of tops.filter(() => random.chance(70))) {
        const isHigh = top.kind === "layered" && !top.ifs;
        // An IFS layer has no place above one that is not: it goes over the base, into the chain above it.
        const base = isIfs && isHigh ? machine.entries.find((one) => one.id === top.chain.at(-1)) : undefined;
        const below = base ?? top;
        const named = byHidden && below.kind === "layered" ? below.chain : [below.id, ...below.chain.slice(1)];
        if (named.length + 1 > 7 || (base !== undefined && (base.kind !== "base" || top.chain.length > 6))) {
            continue;
        }
        const id = machine.nextId++;
        added.push(
            entry({
                id,
                name: `over ${top.id}`,
                providerId: shared ?? random.guid(),
                chain: [hiddenId, ...(below.kind === "base" ? [below.id] : named)],
                family: top.family,
                socketType: top.socketType,
                protocol: top.protocol,
                flags: isIfs ? ifs : notIfs,
            }),
        );
        if (base !== undefined) {
            const chain = [...top.chain.slice(0, -1), byHidden ? hiddenId : id, base.id];
            machine.entries[machine.entries.indexOf(top)] = { ...top, chain };
        }
    }
    const high = new Set(added.filter((one) => tops.some((top) => sameTriplet(top, one) && !top.ifs)));
    const dummy = entry({
        id: hiddenId,
        name: "hidden",
        providerId: shared ?? random.guid(),
        chain: [],
        providerFlags: 4,
        flags: random.pick([0, ifs, notIfs]),
    });
    if (isIfs) {
        // behind what it could not be put above
        const behind = added.filter((one) => high.has(one));
        const front = added.filter((one) => !high.has(one));
        const from = machine.entries.findIndex((one) => one.kind === "base");
        machine.entries = [
            ...front,
            ...machine.entries.slice(0, from),
            ...behind,
            ...machine.entries.slice(from),
            dummy,
        ];
    } else {
        machine.entries = [...added, ...machine.entries, dummy];
    }
    machine.strangers.push(stranger);
}

/** As a clean installer removes itself: out of the chains of others first. */
function removeStranger(entries: readonly CatalogEntry[], { hiddenId }: Stranger): CatalogEntry[] {
    const own = new Map(
        entries.filter((one) => one.id === hiddenId || one.chain[0] === hiddenId).map((one) => [one.id, one]),
    );
    return entries
        .filter((one) => !own.has(one.id))
        .map((one) => ({ ...one, chain: one.chain.filter((id) => !own.has(id)) }));
}

/** The layers that a socket passes: of an entry, following its chain, or each layered entry's own (`jump`). */
function travel(entries: readonly CatalogEntry[], from: CatalogEntry, jump: boolean): number[] {
    const passed = [from.id];
    let chain = from.chain.slice(1);
    for (let next = chain.shift(); next !== undefined; next = chain.shift()) {
        const found = entries.find((one) => one.id === next);
        assert.ok(found !== undefined, `${from.id} leads to ${next}, which is not there`);
        passed.push(next);
        if (found.kind === "layered" && (jump || chain.length === 0)) {
            chain = found.chain.slice(1);
        }
        assert.ok(passed.length < 50, "no chain goes round in circles");
    }
    return passed;
}

/** Checks each covered triplet; whether a chain had to be rewritten. */
function checkInstalled(before: Machine, installed: readonly CatalogEntry[]): boolean {
    const others = installed.filter((one) => !isOurs(one));
    const apartFromChain = (one: CatalogEntry): CatalogEntry => ({ ...one, chain: [] });
    assert.deepEqual(others.map(apartFromChain), before.entries.map(apartFromChain));
    assert.ok(installed.every((one) => one.chain.length <= 7));
    const ourHidden = installed.find((one) => isOurs(one) && one.kind === "hidden");
    assert.ok(ourHidden !== undefined);
    const notIfsIds = new Set(
        before.strangers
            .filter((one) => !one.ifs)
            .flatMap(({ hiddenId }) => [
                hiddenId,
                ...before.entries.filter((one) => one.chain[0] === hiddenId).map((one) => one.id),
            ]),
    );
    let rewritten = false;
    for (const base of coverableEntries(before.entries)) {
        const peers = installed.filter((one) => one.kind !== "hidden" && sameTriplet(one, base));
        const ours = peers.filter(isOurs);
        const own = ours[0];
        assert.ok(own !== undefined && ours.length === 1);
        assert.equal(own.chain[0], ourHidden.id);
        const formerTop = before.entries.find((one) => one.kind !== "hidden" && sameTriplet(one, base));
        assert.ok(formerTop !== undefined);
        const needed = travel(before.entries, formerTop, false).some((id) => notIfsIds.has(id));
        const top: CatalogEntry | undefined = peers[0];
        assert.equal(top?.id, needed ? formerTop.id : own.id);
        rewritten ||= needed;
        assert.ok(
            own.chain.every((id) => !notIfsIds.has(id)),
            "ours is never above a layer that is not IFS",
        );
        for (const jump of [false, true]) {
            const now: number[] = travel(installed, top, jump);
            assert.equal(now.filter((id) => id === own.id).length, 1, "a new socket passes ours once");
            assert.ok(now.slice(now.indexOf(own.id)).every((id) => !notIfsIds.has(id)));
        }
        // Whoever follows each entry's own chain may find other layers there; ours stands over those of the top's.
        const provider = (id: number): number => before.entries.find((one) => one.id === id)?.chain[0] || id;
        const then: number[] = travel(before.entries, formerTop, false).map(provider);
        const now = travel(installed, top, false)
            .filter((id) => id !== own.id)
            .map(provider);
        assert.deepEqual(now, then, "and what it passed before, in that order");
        for (const peer of peers.filter((one) => one.kind === "layered" && one !== own)) {
            assert.ok(peer.chain.filter((id) => id === own.id).length <= 1);
            const way = travel(installed, peer, false);
            const low = way.findLastIndex((id) => notIfsIds.has(id));
            if (needed && low !== -1 && way.at(-1) === own.chain.at(-1)) {
                assert.equal(way[low + 1], own.id, "ours is directly below the lowest layer that is not IFS");
            } else {
                assert.ok(!way.includes(own.id), "and nowhere else");
            }
        }
        if (needed) {
            const behind = installed.slice(installed.indexOf(own) + 1);
            const isBehind = (id: number): boolean => behind.some((one) => one.id === id);
            assert.ok(own.chain.slice(1).every(isBehind), "ours is asked before them");
        }
    }
    return rewritten;
}
