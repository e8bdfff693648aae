/**
 * The host name that a client gives away with its first bytes: in a TLS ClientHello (server_name, RFC 6066), which may
 * come in pieces of any size, in the head of an HTTP/1 request, or nowhere. Pure; bounded; whatever the bytes, it ends.
 */

export type NameState =
    /** More bytes may tell. */
    | { readonly state: "more" }
    | { readonly state: "known"; readonly name: string }
    /** These bytes give no name away, and no more bytes will. */
    | { readonly state: "none" };

/** A client that has said so much without a name has none. */
export const mostFirstBytes = 32 * 1024;

const more: NameState = { state: "more" };
const none: NameState = { state: "none" };

export function nameIn(bytes: Buffer): NameState {
    if (bytes.length === 0) {
        return more;
    }
    const found = bytes[0] === handshakeRecord ? nameInTls(bytes) : nameInHttp(bytes);
    return found.state === "more" && bytes.length >= mostFirstBytes ? none : found;
}

const labelForm = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/;

/** In lower case, without the dot at its end. Addresses are no names. */
function known(text: string): NameState {
    const name = text.toLowerCase().replace(/\.$/, "");
    const isName = name.length <= 253 && name.split(".").every((label) => labelForm.test(label));
    return isName && !/^[\d.]+$/.test(name) ? { state: "known", name } : none;
}

const handshakeRecord = 22;
const clientHello = 1;
const serverName = 0;
const hostName = 0;

/** The handshake messages in the records at the beginning, as far as they are there; undefined: this is no TLS. */
function handshakeBytes(bytes: Buffer): Buffer | undefined {
    const parts: Buffer[] = [];
    for (let at = 0; at < bytes.length;) {
        if (bytes[at] !== handshakeRecord || (at + 1 < bytes.length && bytes[at + 1] !== 3)) {
            return at === 0 || parts.length === 0 ? undefined : Buffer.concat(parts);
        }
        if (at + 5 > bytes.length) {
            break;
        }
        const length = bytes.readUInt16BE(at + 3);
        if (length === 0 || length > 16_384 + 256) {
            return undefined;
        }
        parts.push(bytes.subarray(at + 5, at + 5 + length));
        at += 5 + length;
    }
    return Buffer.concat(parts);
}

/** Walks through a message; what is not there is `undefined`, and every later read too. */
class Walk {
    #at = 0;
    constructor(readonly bytes: Buffer) {}

    number(size: 1 | 2 | 3): number | undefined {
        const end = this.#at + size;
        const value = end <= this.bytes.length ? this.bytes.readUIntBE(this.#at, size) : undefined;
        this.#at = value === undefined ? this.bytes.length + 1 : end;
        return value;
    }

    /** What a length of so many bytes in front says. */
    vector(size: 1 | 2 | 3): Buffer | undefined {
        const length = this.number(size);
        return length === undefined ? undefined : this.take(length);
    }

    take(length: number): Buffer | undefined {
        const end = this.#at + length;
        const taken = end <= this.bytes.length ? this.bytes.subarray(this.#at, end) : undefined;
        this.#at = taken === undefined ? this.bytes.length + 1 : end;
        return taken;
    }
}

function nameInTls(bytes: Buffer): NameState {
    const message = handshakeBytes(bytes);
    if (message === undefined || (message.length > 0 && message[0] !== clientHello)) {
        return none;
    }
    const outer = new Walk(message);
    outer.number(1);
    const hello = outer.vector(3);
    if (hello === undefined) {
        return more;
    }
    const walk = new Walk(hello);
    walk.take(2 + 32); // version, random
    walk.vector(1); // session
    walk.vector(2); // cipher suites
    walk.vector(1); // compression
    const extensions = walk.vector(2);
    if (extensions === undefined) {
        return none;
    }
    const list = new Walk(extensions);
    for (;;) {
        const type = list.number(2);
        const content = list.vector(2);
        if (type === undefined || content === undefined) {
            return none;
        }
        if (type === serverName) {
            const names = new Walk(new Walk(content).vector(2) ?? Buffer.alloc(0));
            const kind = names.number(1);
            const name = names.vector(2);
            return kind === hostName && name !== undefined ? known(name.toString("latin1")) : none;
        }
    }
}

/** How a request's target begins, but for CONNECT: a path, `*`, a URL. What is there of it may be nothing yet. */
const beginsTarget = /^(?:$|\/|\*|h(?:$|t(?:$|t(?:$|p(?:$|s?(?:$|:))))))/i;
/** Whoever begins with another word, and waits for an answer before there is a blank, must not be held up. */
const methods = [
    "GET",
    "HEAD",
    "POST",
    "PUT",
    "DELETE",
    "CONNECT",
    "OPTIONS",
    "TRACE",
    "PATCH",
    "QUERY",
    "PROPFIND",
    "PROPPATCH",
    "MKCOL",
    "COPY",
    "MOVE",
    "LOCK",
    "UNLOCK",
    "REPORT",
    "SEARCH",
    "M-SEARCH",
    "NOTIFY",
    "SUBSCRIBE",
    "UNSUBSCRIBE",
];
const method = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}$/;

function nameInHttp(bytes: Buffer): NameState {
    const text = bytes.toString("latin1");
    const lineEnd = text.indexOf("\r\n");
    if (lineEnd < 0) {
        const [word = "", target] = text.split(" ", 2);
        if (target === undefined) {
            return methods.some((each) => each.startsWith(word)) ? more : none;
        }
        return method.test(word) && (word === "CONNECT" || beginsTarget.test(target)) ? more : none;
    }
    const [word, target, protocol, ...rest] = text.slice(0, lineEnd).split(" ");
    if (!method.test(word!) || target === undefined || !/^HTTP\/1\.[01]$/.test(protocol ?? "") || rest.length > 0) {
        return none;
    }
    // Who names the host in the request's target overrules the field.
    const absolute = word === "CONNECT" ? target : /^https?:\/\/([^/?#]+)/i.exec(target)?.[1];
    if (absolute !== undefined) {
        return known(withoutPort(absolute.replace(/^.*@/s, "")));
    }
    const headEnd = text.indexOf("\r\n\r\n", lineEnd);
    const fields = text.slice(lineEnd + 2, headEnd < 0 ? text.lastIndexOf("\r\n") : headEnd).split("\r\n");
    for (const field of fields) {
        const match = /^host:[ \t]*([^ \t]*)[ \t]*$/i.exec(field);
        if (match !== null) {
            return known(withoutPort(match[1]!));
        }
    }
    return headEnd < 0 ? more : none;
}

function withoutPort(authority: string): string {
    return authority.replace(/:\d*$/, "");
}
