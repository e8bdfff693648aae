/** The client's side of HTTP CONNECT (RFC 9110, 9.3.6), with Basic credentials (RFC 7617). */
import * as net from "node:net";
import type { Duplex } from "node:stream";
import type { Proxy } from "../policy/model.js";
import { WayError } from "./errors.js";
import { Handshake } from "./handshake.js";
import type { Target } from "./socks5.js";

/** No proxy says as much before a tunnel. */
const mostHead = 16 * 1024;

/** What a refusal means. 407 is between us and the proxy; the rest is its word on the destination. */
function refusal(status: number): readonly [code: string, side: "proxy" | "target"] {
    switch (status) {
        case 407:
            return ["WSAEACCES", "proxy"];
        case 401:
        case 403:
        case 405:
        case 451:
            return ["WSAEACCES", "target"];
        case 503:
            return ["WSAECONNREFUSED", "target"];
        case 408:
        case 504:
            return ["WSAETIMEDOUT", "target"];
        default:
            return ["WSAEHOSTUNREACH", "target"];
    }
}

/** From now on `stream` leads through the proxy at its other end to `target`. */
export async function connectHttp(stream: Duplex, { user, password }: Proxy, target: Target): Promise<void> {
    const host = net.isIPv6(target.host) ? `[${target.host}]` : target.host;
    const authority = `${host}:${target.port}`;
    const lines = [`CONNECT ${authority} HTTP/1.1`, `Host: ${authority}`];
    if (user !== undefined) {
        const credentials = Buffer.from(`${user}:${password ?? ""}`).toString("base64");
        lines.push(`Proxy-Authorization: Basic ${credentials}`);
    }
    const talk = new Handshake(stream);
    try {
        talk.write(`${lines.join("\r\n")}\r\n\r\n`);
        for (;;) {
            const head = (await talk.readUntil("\r\n\r\n", mostHead)).toString("latin1");
            const match = /^HTTP\/1\.[01] (\d{3})(?: ([^\r\n]{0,200}))?/.exec(head);
            if (match === null) {
                throw new WayError("the proxy does not answer in HTTP", { code: "WSAECONNABORTED", side: "proxy" });
            }
            const status = Number(match[1]);
            if (status >= 200 && status < 300) {
                return; // what follows is the tunnel, whatever lengths the head names
            }
            if (status >= 200) {
                const [code, side] = refusal(status);
                throw new WayError(`the HTTP proxy on ${authority}: ${status} ${match[2] ?? ""}`, { code, side });
            }
        }
    } finally {
        talk.end();
    }
}
