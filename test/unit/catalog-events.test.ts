// The XML of Windows' events of catalog changes: who did what, and nothing from what is no such event.
import assert from "node:assert/strict";
import { parseCatalogEvent } from "#lib/catalog/catalog-events.js";
import { Random, cases, newSeed } from "./catalogs.js";

interface Shape {
    id?: number;
    provider?: string;
    data?: string;
}

const guid = "51d0c0de-0000-0000-9b42-d6f03e8a51c7";
const named =
    "<EventData><Data Name='LSPName'>A &amp; B &#x65E5;</Data><Data Name='Catalog'>64</Data>" +
    `<Data Name='Installer'>C:\\setup &lt;1&gt;.exe</Data><Data Name='GUID'>{${guid}}</Data>` +
    "<Data Name='Category'>1007</Data></EventData>";

const event = ({ id = 1, provider = "Microsoft-Windows-Winsock-WS2HELP", data = named }: Shape = {}): string =>
    "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System>" +
    `<Provider Name='${provider}' Guid='{D5C25F9A-4D47-493E-9184-40DD397A004D}'/><EventID>${id}</EventID><Version>0</Version>` +
    "<Level>4</Level><TimeCreated SystemTime='2026-11-21T19:35:03.1234567Z'/><EventRecordID>7</EventRecordID>" +
    "<Execution ProcessID='4711' ThreadID='42'/><Channel>Microsoft-Windows-Winsock-WS2HELP/Operational</Channel>" +
    `<Computer>PC</Computer><Security UserID='S-1-5-21-1-2-3-1001'/></System>${data}</Event>`;

describe("events of catalog changes", () => {
    it("says who did what", () => {
        assert.deepEqual(parseCatalogEvent(event()), {
            event: "install",
            time: "2026-11-21T19:35:03.123Z",
            program: "C:\\setup <1>.exe",
            pid: 4711,
            user: "S-1-5-21-1-2-3-1001",
            catalog: "64",
            name: "A & B 日",
            providerId: `{${guid.toUpperCase()}}`,
        });
        const names = [1, 2, 3, 4].map((id) => parseCatalogEvent(event({ id }))?.event);
        assert.deepEqual(names, ["install", "remove", "disable", "reset"]);
    });

    it("takes parameters by their place where the names are others, and from UserData too", () => {
        const data =
            "<UserData><LspInstall xmlns='x'><Param1>Layer</Param1><Param2>32</Param2><Param3>D:\\i.exe</Param3>" +
            `<Param4>${guid}</Param4></LspInstall></UserData>`;
        const parsed = parseCatalogEvent(event({ data }));
        assert.equal(parsed?.name, "Layer");
        assert.equal(parsed?.catalog, "32");
        assert.equal(parsed?.program, "D:\\i.exe");
        assert.equal(parsed?.providerId, `{${guid.toUpperCase()}}`);
    });

    it("leaves out what the event does not say", () => {
        assert.deepEqual(Object.keys(parseCatalogEvent(event({ data: "" }))!), ["event", "time", "pid", "user"]);
        const odd = parseCatalogEvent(event({ data: named.replace(">64<", ">63<").replace(guid, "x") }));
        assert.equal(odd?.catalog, undefined);
        assert.equal(odd?.providerId, undefined);
    });

    it("is nothing for any other event and any other text", () => {
        for (const text of [
            "",
            "<Event>",
            event({ id: 5 }),
            event({ id: 11 }),
            event({ provider: "Somebody" }),
            event().slice(0, 100),
            event() + " ".repeat(40_000),
        ]) {
            assert.equal(parseCatalogEvent(text), undefined, text.slice(0, 200));
        }
    });

    it("ends, whatever the text is", () => {
        const seed = newSeed();
        const random = new Random(seed);
        const pieces = [
            "<",
            ">",
            "'",
            "<Data Name='",
            "</Data>",
            "<Data>",
            "&#x10FFFF;",
            "&#99999999;",
            "&amp;",
            "<EventData>",
            "\0",
        ];
        for (let round = 0; round < cases(2000); round++) {
            let text = event();
            for (let count = random.below(6); count >= 0; count--) {
                const at = random.below(text.length);
                text =
                    text.slice(0, at) +
                    random.pick(pieces).repeat(1 + random.below(3)) +
                    text.slice(at + random.below(40));
            }
            const begin = performance.now();
            const parsed = parseCatalogEvent(text);
            assert.ok(performance.now() - begin < 2000, `seed ${seed}`);
            assert.ok(parsed === undefined || ["install", "remove", "disable", "reset"].includes(parsed.event));
        }
    });
});
