// Winsock's numbers and the names that Microsoft's headers (winsock2.h, ws2def.h, nspapi.h) give them. The numbers are
// Windows' own, not those of other systems: AF_INET6 is 23 here. A number without a name is shown as a number.

const families: ReadonlyMap<number, string> = new Map([
    [0, "AF_UNSPEC"],
    [1, "AF_UNIX"],
    [2, "AF_INET"],
    [3, "AF_IMPLINK"],
    [4, "AF_PUP"],
    [5, "AF_CHAOS"],
    [6, "AF_IPX"],
    [7, "AF_OSI"],
    [8, "AF_ECMA"],
    [9, "AF_DATAKIT"],
    [10, "AF_CCITT"],
    [11, "AF_SNA"],
    [12, "AF_DECnet"],
    [13, "AF_DLI"],
    [14, "AF_LAT"],
    [15, "AF_HYLINK"],
    [16, "AF_APPLETALK"],
    [17, "AF_NETBIOS"],
    [18, "AF_VOICEVIEW"],
    [19, "AF_FIREFOX"],
    [21, "AF_BAN"],
    [22, "AF_ATM"],
    [23, "AF_INET6"],
    [24, "AF_CLUSTER"],
    [25, "AF_12844"],
    [26, "AF_IRDA"],
    [28, "AF_NETDES"],
    [32, "AF_BTH"],
    [33, "AF_LINK"],
    [34, "AF_HYPERV"],
]);

const socketTypes: ReadonlyMap<number, string> = new Map([
    [1, "SOCK_STREAM"],
    [2, "SOCK_DGRAM"],
    [3, "SOCK_RAW"],
    [4, "SOCK_RDM"],
    [5, "SOCK_SEQPACKET"],
]);

const ipProtocols: ReadonlyMap<number, string> = new Map([
    [0, "IPPROTO_IP"],
    [1, "IPPROTO_ICMP"],
    [2, "IPPROTO_IGMP"],
    [3, "IPPROTO_GGP"],
    [4, "IPPROTO_IPV4"],
    [6, "IPPROTO_TCP"],
    [12, "IPPROTO_PUP"],
    [17, "IPPROTO_UDP"],
    [22, "IPPROTO_IDP"],
    [41, "IPPROTO_IPV6"],
    [43, "IPPROTO_ROUTING"],
    [50, "IPPROTO_ESP"],
    [51, "IPPROTO_AH"],
    [58, "IPPROTO_ICMPV6"],
    [103, "IPPROTO_PIM"],
    [113, "IPPROTO_PGM"],
    [132, "IPPROTO_SCTP"],
    [255, "IPPROTO_RAW"],
]);

const namespaces: ReadonlyMap<number, string> = new Map([
    [0, "NS_ALL"],
    [1, "NS_SAP"],
    [2, "NS_NDS"],
    [10, "NS_TCPIP_LOCAL"],
    [11, "NS_TCPIP_HOSTS"],
    [12, "NS_DNS"],
    [13, "NS_NETBT"],
    [14, "NS_WINS"],
    [15, "NS_NLA"],
    [16, "NS_BTH"],
    [20, "NS_NBP"],
    [30, "NS_MS"],
    [31, "NS_STDA"],
    [32, "NS_NTDS"],
    [37, "NS_EMAIL"],
    [38, "NS_PNRPNAME"],
    [39, "NS_PNRPCLOUD"],
    [40, "NS_X500"],
    [41, "NS_NIS"],
    [50, "NS_VNS"],
]);

const serviceFlags: readonly (readonly [number, string])[] = [
    [0x0000_0001, "XP1_CONNECTIONLESS"],
    [0x0000_0002, "XP1_GUARANTEED_DELIVERY"],
    [0x0000_0004, "XP1_GUARANTEED_ORDER"],
    [0x0000_0008, "XP1_MESSAGE_ORIENTED"],
    [0x0000_0010, "XP1_PSEUDO_STREAM"],
    [0x0000_0020, "XP1_GRACEFUL_CLOSE"],
    [0x0000_0040, "XP1_EXPEDITED_DATA"],
    [0x0000_0080, "XP1_CONNECT_DATA"],
    [0x0000_0100, "XP1_DISCONNECT_DATA"],
    [0x0000_0200, "XP1_SUPPORT_BROADCAST"],
    [0x0000_0400, "XP1_SUPPORT_MULTIPOINT"],
    [0x0000_0800, "XP1_MULTIPOINT_CONTROL_PLANE"],
    [0x0000_1000, "XP1_MULTIPOINT_DATA_PLANE"],
    [0x0000_2000, "XP1_QOS_SUPPORTED"],
    [0x0000_4000, "XP1_INTERRUPT"],
    [0x0000_8000, "XP1_UNI_SEND"],
    [0x0001_0000, "XP1_UNI_RECV"],
    [0x0002_0000, "XP1_IFS_HANDLES"],
    [0x0004_0000, "XP1_PARTIAL_MESSAGE"],
    [0x0008_0000, "XP1_SAN_SUPPORT_SDP"],
];

const providerFlags: readonly (readonly [number, string])[] = [
    [0x0000_0001, "PFL_MULTIPLE_PROTO_ENTRIES"],
    [0x0000_0002, "PFL_RECOMMENDED_PROTO_ENTRY"],
    [0x0000_0004, "PFL_HIDDEN"],
    [0x0000_0008, "PFL_MATCHES_PROTOCOL_ZERO"],
    [0x0000_0010, "PFL_NETWORKDIRECT_PROVIDER"],
];

/** XP1_IFS_HANDLES of dwServiceFlags1: the provider's sockets are real file handles of the system. */
export const XP1_IFS_HANDLES = 0x0002_0000;
/** PFL_HIDDEN of dwProviderFlags: WSAEnumProtocols leaves the entry out. */
export const PFL_HIDDEN = 0x0000_0004;
/** MAX_PROTOCOL_CHAIN: how many entries a protocol chain can have. */
export const MAX_PROTOCOL_CHAIN = 7;
/** WSAPROTOCOL_LEN: how many UTF-16 units a protocol's name can have. */
export const WSAPROTOCOL_LEN = 255;
/** MAX_PATH: how many characters a provider's path can have, with the terminating zero. */
export const MAX_PATH = 260;

export const AF_INET = 2;
export const AF_INET6 = 23;
export const SOCK_STREAM = 1;
export const SOCK_DGRAM = 2;
export const SOCK_RAW = 3;
export const IPPROTO_IP = 0;
export const IPPROTO_TCP = 6;
export const IPPROTO_UDP = 17;

/** `AF_INET6` for 23; `AF_99` for a number without a name. */
export function familyName(family: number): string {
    return families.get(family) ?? `AF_${family}`;
}

/** `SOCK_STREAM` for 1; `SOCK_99` for a number without a name. */
export function socketTypeName(socketType: number): string {
    return socketTypes.get(socketType) ?? `SOCK_${socketType}`;
}

/**
 * `IPPROTO_TCP` for 6 in the families of IP. Other families number their protocols themselves: there the number is
 * given as text.
 */
export function protocolName(family: number, protocol: number): string {
    const known = family === AF_INET || family === AF_INET6 ? ipProtocols.get(protocol) : undefined;
    return known ?? String(protocol);
}

/** `NS_DNS` for 12; `NS_99` for a number without a name. */
export function namespaceName(namespace: number): string {
    return namespaces.get(namespace) ?? `NS_${namespace}`;
}

/** 12 for `NS_DNS`, `DNS`, `dns` or `12`; undefined for what is no namespace. */
export function namespaceNumber(text: string): number | undefined {
    const upper = text.toUpperCase();
    const [named] = [...namespaces].find(([, name]) => name === upper || name === `NS_${upper}`) ?? [];
    const digits = /^(?:NS_)?(\d{1,10})$/.exec(upper)?.[1];
    const number = named ?? (digits === undefined ? undefined : Number(digits));
    return number !== undefined && number <= 0xffff_ffff ? number : undefined;
}

/** Names of the bits that are set, as the table has them; bits without a name come last, together, in hex. */
export function flagNames(value: number, table: readonly (readonly [number, string])[]): string[] {
    const names: string[] = [];
    let rest = value >>> 0;
    for (const [bit, name] of table) {
        if ((rest & bit) !== 0) {
            names.push(name);
            rest = (rest & ~bit) >>> 0;
        }
    }
    if (rest !== 0) {
        names.push(`0x${rest.toString(16)}`);
    }
    return names;
}

/** The XP1_ names in dwServiceFlags1, lowest bit first; bits without a name come last, together, in hex. */
export function serviceFlagNames(flags: number): string[] {
    return flagNames(flags, serviceFlags);
}

/** The PFL_ names in dwProviderFlags, lowest bit first; bits without a name come last, together, in hex. */
export function providerFlagNames(flags: number): string[] {
    return flagNames(flags, providerFlags);
}
