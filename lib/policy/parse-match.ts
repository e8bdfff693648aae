/** `match` of a rule in a policy file. */

import { policyCalls, type Match } from "./model.js";
import { BadText, joinTimes, parseTarget, parseTimes } from "./parse-values.js";
import { MapReader, numberOf, textOf, wordOf } from "./reader.js";
import type { Problems, SourceNode } from "./source.js";

export const matchKeyNames = [
    "program",
    "commandLine",
    "pid",
    "tree",
    "user",
    "module",
    "call",
    "direction",
    "protocol",
    "family",
    "to",
    "local",
    "time",
] as const satisfies readonly (keyof Match)[];

const lastPid = 0xffff_ffff;

/** Other names that people know the calls by. */
const callNames: Readonly<Record<string, (typeof policyCalls)[number]>> = {
    connectex: "connect",
    wspconnect: "connect",
    wsaconnect: "connect",
    acceptex: "accept",
    wspaccept: "accept",
    wsaaccept: "accept",
    wsasendto: "sendto",
    wspsendto: "sendto",
    wsasendmsg: "sendto",
    sendmsg: "sendto",
    send: "sendto",
    wspbind: "bind",
    wsplisten: "listen",
};

function readCall(node: SourceNode): (typeof policyCalls)[number] {
    const other = node.kind === "text" ? callNames[node.text.toLowerCase()] : undefined;
    if (other !== undefined) {
        throw new BadText(`"${textOf(node)}" is called "${other}" in a policy`);
    }
    return wordOf(node, policyCalls);
}

/** A path pattern: slashes are backslashes, as everywhere in Windows. */
function readPath(node: SourceNode): string {
    const text = textOf(node).replaceAll("/", "\\");
    if (text.trim() === "") {
        throw new BadText("an empty pattern matches nothing");
    }
    return text;
}

function readTree(problems: Problems, node: SourceNode): NonNullable<Match["tree"]>[number] {
    if (node.kind === "number") {
        return numberOf(node, "a process id", lastPid);
    }
    if (node.kind !== "map") {
        return readPath(node);
    }
    const job = new MapReader(problems, node, "a process tree", ["job"]).text("job");
    if (job === undefined || job === "") {
        throw new BadText("a process tree is a process id, a program, or { job: NAME }");
    }
    return { job };
}

function readProtocol(node: SourceNode): "tcp" | "udp" | number {
    if (node.kind !== "number") {
        return wordOf<"tcp" | "udp">(node, ["tcp", "udp"]);
    }
    const number = numberOf(node, "a protocol (beside tcp and udp)", 255);
    return number === 6 ? "tcp" : number === 17 ? "udp" : number;
}

export function readMatch(problems: Problems, node: SourceNode): Match {
    const map = new MapReader(problems, node, "match", matchKeyNames);
    const program = map.list("program", readPath);
    const commandLine = map.list("commandLine", textOf);
    const pid = map.list("pid", (each) => numberOf(each, "a process id", lastPid));
    const tree = map.list("tree", (each) => readTree(problems, each));
    const user = map.list("user", (each) => textOf(each).trim());
    const module = map.list("module", readPath);
    const call = map.list("call", readCall);
    const direction = map.word("direction", ["in", "out"]);
    const protocol = map.list("protocol", readProtocol);
    const family = map.word("family", ["ipv4", "ipv6"]);
    const to = map.list("to", (each) => parseTarget(textOf(each)))?.flat();
    const local = map
        .list("local", (each) => {
            const patterns = parseTarget(textOf(each));
            if (patterns.some(({ host }) => host !== undefined)) {
                throw new BadText("a local end has an address, not a name");
            }
            return patterns;
        })
        ?.flat();
    const time = map.list("time", (each) => parseTimes(textOf(each)))?.flat();
    return {
        ...(program && { program }),
        ...(commandLine && { commandLine }),
        ...(pid && { pid }),
        ...(tree && { tree }),
        ...(user && { user }),
        ...(module && { module }),
        ...(call && { call }),
        ...(direction && { direction }),
        ...(protocol && { protocol }),
        ...(family && { family }),
        ...(to && { to }),
        ...(local && { local }),
        ...(time && { time: joinTimes(time) }),
    };
}
