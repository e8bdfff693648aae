// What the tests of the doctor share: providers put into the catalogs by hand, faults planted in the registry, and the
// catalogs as they were between two of them.
import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { type Examination, type Finding, type FindingCode, type RegistryTree, examine } from "winsock-spi";
import type { CatalogName } from "#lib/catalog/model.js";
import { decodeCatalogItem, encodeCatalogItem, encodeProtocolInfo } from "#lib/catalog/protocol-info.js";
import { dwordValue, entriesKey, own, protocolCatalogKey, treeOfKey } from "#lib/catalog/registry.js";
import { native } from "#lib/native.js";
import { planFormat, planVersion, type Step } from "#lib/plan/plan.js";
import { expectCode, parameters, providerFile, rescueFile, run, temporaryFolder } from "./acceptance-support.js";
import type { Bits } from "./acceptance-support.js";

/** The registry below WinSock2\Parameters as plain data. */
export const readTree = (): RegistryTree => treeOfKey(native().readRegistry());

/** Does steps by the executor, without a backup. */
export async function execute(steps: readonly Step[]): Promise<void> {
    const plan = {
        format: planFormat,
        version: planVersion,
        operation: "repair",
        text: "plant",
        onFailure: "undo",
        helpers: { "64": rescueFile(64), "32": rescueFile(32) },
        steps,
    };
    const { error } = await native().executePlan(JSON.stringify(plan), () => undefined);
    assert.equal(error, undefined, JSON.stringify(error));
}

/** Makes the registry below WinSock2\Parameters this tree (counters go on counting). */
export async function writeTree(tree: RegistryTree): Promise<void> {
    await execute([{ do: "write-registry", key: "", tree, text: "the registry" }]);
}

/** Everything but the two counters that only ever go up, and what a new key inherits. */
export function withoutCounters({ values, keys }: RegistryTree): unknown {
    return {
        values: Object.fromEntries(
            Object.entries(values).filter(([name]) => name !== "Serial_Access_Num" && name !== "Next_Catalog_Entry_ID"),
        ),
        keys: Object.fromEntries(Object.entries(keys).map(([name, key]) => [name, withoutCounters(key)])),
    };
}

export async function setDword(key: string, name: string, value: number): Promise<void> {
    const args = ["add", `${parameters}\\${key}`, "/v", name, "/t", "REG_DWORD", "/d", String(value), "/f"];
    expectCode(await run("reg.exe", args), 0);
}

/** A copy of the DLL that is broken as its name says, in a folder of its own. */
export function faultyDll(bits: Bits, fault: string): string {
    return copyOf(providerFile(bits, "doctor_fault.dll"), bits, `${fault}.dll`);
}

export function copyOf(file: string, bits: Bits, name: string): string {
    const folder = path.join(temporaryFolder(), `dlls-${bits}`);
    fs.mkdirSync(folder, { recursive: true });
    const copy = path.join(folder, name);
    if (!fs.existsSync(copy)) {
        fs.copyFileSync(file, copy);
    }
    return copy;
}

/** An entry to be planted. */
export interface Planted {
    id: number;
    name: string;
    guid: string;
    path: string;
    /** Empty: a hidden entry. Absent: as `like` has it. */
    chain?: readonly number[];
    /** The entry whose other members it takes, by its place in the catalog. */
    like: number;
    flags?: number;
}

/** The protocol catalog of one bitness in a tree, to be changed: its entries as registry keys, in catalog order. */
export class CatalogTree {
    readonly key: RegistryTree;
    readonly #catalog: RegistryTree;

    constructor(
        readonly tree: RegistryTree,
        readonly bits: CatalogName,
    ) {
        const catalog = own(tree.keys, protocolCatalogKey);
        const key = own(catalog?.keys, entriesKey[bits]);
        assert.ok(catalog !== undefined && key !== undefined);
        this.#catalog = catalog;
        this.key = key;
    }

    items(): RegistryTree[] {
        return Object.keys(this.key.keys)
            .sort()
            .map((name) => this.key.keys[name]!);
    }

    decoded(): ReturnType<typeof decodeCatalogItem>[] {
        return this.items().map(({ values }) =>
            decodeCatalogItem(Buffer.from(values["PackedCatalogItem"]!.data, "base64")),
        );
    }

    /** Numbers and counts the entries. */
    set(items: readonly RegistryTree[]): void {
        this.key.keys = Object.fromEntries(items.map((item, index) => [String(index + 1).padStart(12, "0"), item]));
        this.#catalog.values[this.bits === "64" ? "Num_Catalog_Entries64" : "Num_Catalog_Entries"] = dwordValue(
            items.length,
        );
    }

    make({ id, name, guid, path: file, chain, like, flags }: Planted): RegistryTree {
        const { info } = this.decoded()[like]!;
        const changed = encodeProtocolInfo(
            {
                name,
                providerId: guid,
                catalogEntryId: id,
                serviceFlags1: flags ?? info.serviceFlags1,
                ...(chain === undefined
                    ? {}
                    : { chainLength: chain.length, chainEntries: [...chain, 0, 0, 0, 0, 0, 0, 0].slice(0, 7) }),
                ...(chain?.length === 0 ? { providerFlags: 4 } : {}),
            },
            info.bytes,
        );
        const data = Buffer.from(encodeCatalogItem({ path: file, info: changed })).toString("base64");
        return { values: { PackedCatalogItem: { type: 3, data } }, keys: {} };
    }

    /** Adds entries before (or, hidden ones, behind) all others. */
    plant(...planted: readonly Planted[]): void {
        const items = planted.map((one) => ({ hidden: one.chain?.length === 0, item: this.make(one) }));
        this.set([
            ...items.filter(({ hidden }) => !hidden).map(({ item }) => item),
            ...this.items(),
            ...items.filter(({ hidden }) => hidden).map(({ item }) => item),
        ]);
    }

    /** Changes members of the entry with this id. */
    change(id: number, fields: Parameters<typeof encodeProtocolInfo>[0], file?: string): void {
        const index = this.decoded().findIndex(({ info }) => info.catalogEntryId === id);
        const item = this.decoded()[index]!;
        const bytes = encodeCatalogItem({ path: file ?? item.path, info: encodeProtocolInfo(fields, item.info.bytes) });
        this.items()[index]!.values["PackedCatalogItem"] = { type: 3, data: Buffer.from(bytes).toString("base64") };
    }

    /** Takes out the entry with this id. */
    take(id: number): void {
        const index = this.decoded().findIndex(({ info }) => info.catalogEntryId === id);
        this.set(this.items().filter((_, at) => at !== index));
    }
}

export const quick = (): Promise<Examination> => examine({ load: false });

export function codes(findings: readonly Finding[]): FindingCode[] {
    return findings.map(({ code }) => code);
}

/** Findings that make the exit code 1. */
export function serious(findings: readonly Finding[]): string[] {
    return findings.filter(({ severity }) => severity !== "info").map(({ code, message }) => `${code}: ${message}`);
}
