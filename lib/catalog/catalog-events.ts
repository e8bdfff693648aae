// The events that Windows writes when a provider is installed or removed (channel Microsoft-Windows-Winsock-WS2HELP/
// Operational), from their XML. Pure; whatever the text is, it ends.
// https://learn.microsoft.com/windows/win32/winsock/winsock-layered-service-provider-tracing-event-details

/** What an event says that was done. */
export type CatalogEventName = "install" | "remove" | "disable" | "reset";

/** Who did something to a catalog, in the words of Windows' event. */
export interface CatalogEvent {
    event: CatalogEventName;
    /** ISO 8601, UTC. */
    time?: string;
    /** Full path of the program that called. */
    program?: string;
    pid?: number;
    /** Security identifier of its user (`S-1-5-...`). */
    user?: string;
    catalog?: "64" | "32";
    /** Name of the entry. */
    name?: string;
    /** GUID of the provider, upper case in braces. */
    providerId?: string;
}

const provider = /<Provider\s[^>]*Name=(["'])Microsoft-Windows-Winsock-WS2HELP\1/i;
const names: ReadonlyMap<string, CatalogEventName> = new Map([
    ["1", "install"],
    ["2", "remove"],
    ["3", "disable"],
    ["4", "reset"],
]);

const entities: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

function unescapeXml(text: string): string {
    return text.replace(/&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|([a-z]{2,4}));/gi, (whole, decimal, hex, name: string) => {
        const code =
            decimal !== undefined ? Number(decimal) : hex !== undefined ? Number.parseInt(hex as string, 16) : -1;
        return code >= 0 && code <= 0x10_ffff ? String.fromCodePoint(code) : (entities[name ?? ""] ?? whole);
    });
}

/** Longer texts are no events of this channel. */
const longestEvent = 32_768;

/** The parameters of an event in their order, under the names that the event's template gives them. */
function parametersOf(xml: string): { key: string; value: string }[] {
    const body = /<(EventData|UserData)\b[^>]*>([^]*?)<\/\1>/.exec(xml)?.[2] ?? "";
    const parameters: { key: string; value: string }[] = [];
    // <Data Name='Installer'>...</Data>, or in UserData <Installer>...</Installer>
    for (const [, element = "", attributes = "", value = ""] of body.matchAll(/<([\w.-]+)([^<>]*)>([^<]*)<\/\1>/g)) {
        const name = /\bName=(["'])(.*?)\1/.exec(attributes)?.[2];
        parameters.push({
            key: (name ?? element).toLowerCase().replace(/[^a-z]/g, ""),
            value: unescapeXml(value).trim(),
        });
    }
    return parameters;
}

/** Microsoft documents the parameters by title and order, not by the names of the template: both are accepted. */
const order: Readonly<Record<CatalogEventName, readonly string[]>> = {
    install: ["lspname", "catalog", "installer", "guid", "category"],
    remove: ["lspname", "catalog", "installer", "guid", "category"],
    disable: ["lspname", "catalog", "installer", "guid", "category"],
    reset: ["catalog"],
};
const aliases: Readonly<Record<string, readonly string[]>> = {
    lspname: ["lspname", "name"],
    catalog: ["catalog"],
    installer: ["installer", "program", "module"],
    guid: ["guid", "providerid", "lspguid"],
};

/** Reads an event; `undefined` for anything else than one of the four of this channel. */
export function parseCatalogEvent(xml: string): CatalogEvent | undefined {
    if (xml.length > longestEvent || !provider.test(xml)) {
        return undefined;
    }
    const event = names.get(/<EventID\b[^>]*>\s*(\d{1,5})\s*<\/EventID>/.exec(xml)?.[1] ?? "");
    if (event === undefined) {
        return undefined;
    }
    const parameters = parametersOf(xml);
    const parameter = (wanted: string): string | undefined => {
        const named = parameters.find(({ key }) => aliases[wanted]?.includes(key));
        const place = order[event].indexOf(wanted);
        // Without a name that is known, the place counts, unless all of them have names that are.
        return (named ?? (place === -1 ? undefined : parameters[place]))?.value || undefined;
    };
    const pid = /<Execution\b[^>]*\bProcessID=(["'])(\d{1,10})\1/.exec(xml)?.[2];
    const user = /<Security\b[^>]*\bUserID=(["'])(S-[\d-]{3,184})\1/.exec(xml)?.[2];
    const time = /<TimeCreated\b[^>]*\bSystemTime=(["'])([\d:.TZ+-]{10,40})\1/.exec(xml)?.[2];
    const catalog = parameter("catalog");
    const program = parameter("installer");
    const name = parameter("lspname");
    const guid = /^\{?([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\}?$/i.exec(parameter("guid") ?? "")?.[1];
    const when = time === undefined ? Number.NaN : Date.parse(time);
    return {
        event,
        ...(Number.isNaN(when) ? {} : { time: new Date(when).toISOString() }),
        ...(program === undefined ? {} : { program }),
        ...(pid === undefined ? {} : { pid: Number(pid) }),
        ...(user === undefined ? {} : { user }),
        ...(catalog === "64" || catalog === "32" ? { catalog } : {}),
        ...(name === undefined ? {} : { name }),
        ...(guid === undefined ? {} : { providerId: `{${guid.toUpperCase()}}` }),
    };
}
