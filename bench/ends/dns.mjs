// Names: looked up by the system, and asked of a DNS server of this process, which answers each question with 127.0.0.1.
import dgram from "node:dgram";
import dns from "node:dns/promises";
import { once } from "node:events";
import { perSecond } from "./timing.mjs";

const lanes = 4;

export async function lookups({ milliseconds }) {
    return { perSecond: await perSecond({ milliseconds, lanes }, () => dns.lookup("localhost", { family: 4 })) };
}

/** The question itself as an answer: one record of 127.0.0.1 for 0 seconds (RFC 1035). */
function answerTo(question) {
    const record = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 127, 0, 0, 1]);
    let end = 12;
    while (question[end] !== 0) {
        end += question[end] + 1;
    }
    const answer = Buffer.concat([question.subarray(0, end + 5), record]);
    answer.writeUInt16BE(0x8180, 2); // an answer, without errors
    answer.writeUInt16BE(1, 6);
    answer.writeUInt32BE(0, 8); // and nothing besides, whatever the question brought
    return answer;
}

let number = 0;

export async function queries({ milliseconds }) {
    const server = dgram.createSocket("udp4").bind(0, "127.0.0.1");
    await once(server, "listening");
    let asked = 0;
    server.on("message", (question, { port, address }) => {
        asked += 1;
        server.send(answerTo(question), port, address);
    });
    const resolver = new dns.Resolver({ timeout: 5000, tries: 1 });
    resolver.setServers([`127.0.0.1:${server.address().port}`]);
    let answered = 0;
    const result = await perSecond({ milliseconds, lanes }, async () => {
        number += 1;
        const [address] = await resolver.resolve4(`name${number}.example`);
        if (address !== "127.0.0.1") {
            throw new Error(`the answer is ${address}`);
        }
        answered += 1;
    });
    server.close();
    if (asked !== answered) {
        throw new Error(`${answered} names came of ${asked} queries`);
    }
    return { perSecond: result };
}
