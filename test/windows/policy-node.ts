// What Node's net, http and dgram make of verdicts.
import assert from "node:assert/strict";
import * as dgram from "node:dgram";
import { once } from "node:events";
import * as http from "node:http";
import * as net from "node:net";
import { applyPolicy } from "#lib/policy/apply.js";
import { clearPolicy } from "#lib/policy/store.js";
import { Actor, closeLater, deny, end, house, policyOf, redirect, rule } from "./policy-support.js";

const loopbacks = [
    ["ipv4", "127.0.0.1", "udp4"],
    ["ipv6", "::1", "udp6"],
] as const;
const doors = { deny: 1, redirect: 2 } as const; // nobody listens there

const acting = `
    const datagram = ({ address, port, type, connected }) => new Promise((resolve, reject) => {
        const socket = dgram.createSocket(type).on("error", reject);
        const done = (answer) => { socket.close(); resolve(answer); };
        socket.on("message", (text, { address, port }) => done({ text: String(text), peer: address + " " + port }));
        const sent = (error) => { if (error) { socket.close(); reject(error); } };
        if (connected) { socket.connect(port, address, (error) => error ? sent(error) : socket.send("x", sent)); }
        else { socket.send("x", port, address, sent); }
    });
    const get = ({ address, port }) => new Promise((resolve, reject) => {
        const host = address.includes(":") ? "[" + address + "]" : address;
        http.get("http://" + host + ":" + port + "/", (response) => {
            let text = "";
            response.on("data", (data) => text += data).on("end", () => resolve({ text }));
        }).on("error", reject);
    });
    const listen = ({ address }) => new Promise((resolve, reject) => {
        const server = net.createServer(() => reject(Error("let in"))).on("error", reject);
        server.listen(0, address, () => resolve(server.address().port));
    });
    const act = (question) => question.act === "net" ? connect(question.port, question.address)
        : question.act === "http" ? get(question) : question.act === "listen" ? listen(question) : datagram(question);`;

export function nodeTests(): void {
    describe("policy: Node's net, http and dgram", function () {
        this.timeout(120_000);
        afterEach(() => clearPolicy());

        for (const [family, address, type] of loopbacks) {
            it(`over ${family}: denied calls have the rule's error, redirected ones see their own door`, async () => {
                const actor = await Actor.start(acting);
                const server = closeLater(http.createServer((_request, response) => response.end("http house")));
                await once(server.listen(0, address), "listening");
                const udp = closeLater(dgram.createSocket(type));
                udp.on("message", (_text, { address, port }) => udp.send("udp house", port, address)).bind(0, address);
                await once(udp, "listening");
                const ports = {
                    net: await house(address, "house"),
                    http: (server.address() as net.AddressInfo).port,
                    udp: udp.address().port,
                };
                const apply = (port: number, protocol: "tcp" | "udp"): Promise<unknown> =>
                    applyPolicy(
                        policyOf(
                            rule("no", { pid: [actor.pid], to: end(address, doors.deny) }, deny("WSAEHOSTUNREACH")),
                            rule(
                                "there",
                                { pid: [actor.pid], protocol: [protocol], to: end(address, doors.redirect) },
                                redirect(address, port),
                            ),
                        ),
                    );
                const peer = `${address} ${doors.redirect}`;

                await apply(ports.net, "tcp");
                assert.equal(await actor.ask({ act: "net", address, port: doors.deny }), "EHOSTUNREACH");
                const answer = (act: string): Promise<unknown> => actor.ask({ act, address, port: doors.redirect });
                assert.deepEqual(await answer("net"), { text: "house", peer });
                await apply(ports.http, "tcp");
                assert.equal(await actor.ask({ act: "http", address, port: doors.deny }), "EHOSTUNREACH");
                assert.deepEqual(await answer("http"), { text: "http house" });
                await apply(ports.udp, "udp");
                for (const connected of [false, true]) {
                    const question = { act: "dgram", address, type, connected };
                    assert.equal(await actor.ask({ ...question, port: doors.deny }), "EHOSTUNREACH");
                    const redirected = await actor.ask({ ...question, port: doors.redirect });
                    assert.deepEqual(redirected, { text: "udp house", peer });
                }
            });

            it(`over ${family}: refused connections never reach the server, a denied listen is its error`, async () => {
                const actor = await Actor.start(acting);
                await applyPolicy(policyOf(rule("closed", { pid: [actor.pid], call: ["accept"] }, deny("WSAEACCES"))));
                const port = (await actor.ask({ act: "listen", address })) as number;
                assert.equal(typeof port, "number");
                const client = net
                    .connect(port, address)
                    .on("error", () => undefined)
                    .resume();
                await new Promise((resolve) => client.on("close", resolve)); // by an end or a reset
                const denied = rule("no servers", { pid: [actor.pid], call: ["listen"] }, deny("WSAEACCES"));
                await applyPolicy(policyOf(denied));
                assert.equal(await actor.ask({ act: "listen", address }), "EACCES");
            });
        }
    });
}
