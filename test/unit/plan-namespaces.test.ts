// Plans of changes in the namespace catalogs.
import assert from "node:assert/strict";
import type { Catalog, NamespaceEntry } from "#lib/catalog/model.js";
import { namespaceName, namespaceNumber } from "#lib/catalog/names.js";
import { WinsockError } from "#lib/errors.js";
import {
    planEnableNamespace,
    planInstallNamespace,
    planOrderNamespaces,
    planRemoveNamespace,
} from "#lib/provider/plan-namespaces.js";

const guid = (digit: string): string => `{${digit.repeat(8)}-0000-0000-0000-000000000000}`;

const provider = (digit: string, name: string, namespace = 12, enabled = true): NamespaceEntry => ({
    name,
    providerId: guid(digit),
    path: `C:\\ns\\${name}.dll`,
    namespace,
    namespaceName: namespaceName(namespace),
    enabled,
    version: 1,
    storesServiceClassInfo: false,
});

const dns = provider("1", "Tcpip");
const nla = provider("2", "NLA", 15);
const own = provider("3", "Own", 12, false);
const catalog: Catalog = { protocols: {}, namespaces: { "64": [nla, dns, own], "32": [nla, dns] } };

const wanted = {
    dlls: { "64": "C:\\ns\\a64.dll", "32": "C:\\ns\\a32.dll" },
    providerId: guid("4"),
    name: "New",
    namespace: 12,
};

const code =
    (expected: string) =>
    (error: unknown): boolean =>
        error instanceof WinsockError && error.code === expected;

describe("plans of namespace providers", () => {
    it("install into each catalog that has a DLL, once", () => {
        const { steps } = planInstallNamespace(catalog, { ...wanted, info: Uint8Array.of(1, 2, 3) });
        assert.deepEqual(
            steps.map((step) => step.do === "install-namespace" && [step.catalog, step.path, step.info, step.version]),
            [
                [64, "C:\\ns\\a64.dll", "AQID", 1],
                [32, "C:\\ns\\a32.dll", "AQID", 1],
            ],
        );
        assert.equal(planInstallNamespace(catalog, { ...wanted, dlls: { "32": "C:\\a.dll" } }).steps.length, 1);
        assert.throws(
            () => planInstallNamespace(catalog, { ...wanted, providerId: guid("1") }),
            code("ERR_ALREADY_INSTALLED"),
        );
        assert.throws(
            () => planInstallNamespace(catalog, { ...wanted, name: "x".repeat(256) }),
            code("ERR_NAME_TOO_LONG"),
        );
        const long = { "64": `C:\\${"x".repeat(300)}` };
        assert.throws(() => planInstallNamespace(catalog, { ...wanted, dlls: long }), code("ERR_PATH_TOO_LONG"));
        for (const bad of [
            { dlls: {} },
            { providerId: "4" },
            { name: "" },
            { namespace: -1 },
            { version: 1.5 },
            { info: "x" },
        ]) {
            assert.throws(
                () => planInstallNamespace(catalog, { ...wanted, ...bad } as never),
                TypeError,
                JSON.stringify(bad),
            );
        }
    });

    it("remove, enable and disable by name, GUID or DLL, in both catalogs or one", () => {
        for (const name of ["nla", "NLA.DLL", guid("2")]) {
            assert.deepEqual(planRemoveNamespace(catalog, { provider: name }).steps.length, 2);
        }
        assert.equal(planRemoveNamespace(catalog, { provider: "NLA", catalog: "32" }).steps.length, 1);
        assert.equal(planEnableNamespace(catalog, { provider: "NLA", enabled: false }).steps.length, 2);
        assert.equal(planEnableNamespace(catalog, { provider: "NLA", enabled: true }).steps.length, 0);
        assert.equal(planEnableNamespace(catalog, { provider: "Own", enabled: true }).steps.length, 1);
        assert.throws(() => planRemoveNamespace(catalog, { provider: "nobody" }), code("ERR_UNKNOWN_PROVIDER"));
        const twice: Catalog = { protocols: {}, namespaces: { "64": [provider("5", "Same"), provider("6", "Same")] } };
        assert.throws(() => planRemoveNamespace(twice, { provider: "same" }), code("ERR_AMBIGUOUS_PROVIDER"));
    });

    it("leave a catalog the last provider that answers for DNS", () => {
        for (const plan of [
            () => planRemoveNamespace(catalog, { provider: "Tcpip" }),
            () => planEnableNamespace(catalog, { provider: "Tcpip", enabled: false }),
        ]) {
            assert.throws(plan, code("ERR_BASE_PROVIDER"));
        }
        const two: Catalog = { protocols: {}, namespaces: { "64": [dns, provider("3", "Own")] } };
        assert.equal(planRemoveNamespace(two, { provider: "Tcpip" }).steps.length, 1);
        assert.equal(planRemoveNamespace(catalog, { provider: "Own" }).steps.length, 1, "disabled: nobody was asked");
    });

    it("bring providers to the front and keep the rest as it is", () => {
        const { steps } = planOrderNamespaces(catalog, { first: ["Own", "Tcpip"] });
        assert.deepEqual(
            steps.map((step) => step.do === "order-namespaces" && [step.catalog, step.order]),
            [
                [64, [guid("3"), guid("1"), guid("2")]],
                [32, [guid("1"), guid("2")]],
            ],
        );
        assert.deepEqual(planOrderNamespaces(catalog, { first: ["NLA", "NLA"] }).steps, []);
        assert.throws(() => planOrderNamespaces(catalog, { first: [] }), TypeError);
        assert.throws(
            () => planOrderNamespaces(catalog, { first: ["Own"], catalog: "32" }),
            code("ERR_UNKNOWN_PROVIDER"),
        );
    });

    it("know namespaces by name and number", () => {
        for (const text of ["NS_DNS", "dns", "12", "ns_12"]) {
            assert.equal(namespaceNumber(text), 12, text);
        }
        for (const text of ["", "nothing", "-1", "99999999999", "5000000000"]) {
            assert.equal(namespaceNumber(text), undefined, text);
        }
    });
});
