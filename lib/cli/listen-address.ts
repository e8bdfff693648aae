// The ADDRESS of `hold --listen` and `--udp`. Pure.

import * as net from "node:net";

export interface ListenAddress {
    /** An IP address, not a name. */
    readonly host: string;
    /** 0: any free port. */
    readonly port: number;
}

/**
 * `8080` and `localhost:8080` (both 127.0.0.1), `0.0.0.0:8080`, `[::1]:8080`. A bare port is this machine's alone:
 * what listens to the network says so.
 *
 * @returns undefined if it is none of these
 */
export function parseListenAddress(text: string): ListenAddress | undefined {
    const parts = /^(?:(?:\[([^\]]+)\]|([^:[\]]+)):)?(\d{1,5})$/.exec(text);
    const port = Number(parts?.[3]);
    if (parts === null || port > 65535) {
        return undefined;
    }
    const [, six, four = "localhost"] = parts;
    if (six !== undefined) {
        return net.isIPv6(six) ? { host: six, port } : undefined;
    }
    const host = four.toLowerCase() === "localhost" ? "127.0.0.1" : four;
    return net.isIPv4(host) ? { host, port } : undefined;
}

/** As {@link parseListenAddress} reads it. */
export function formatListenAddress({ host, port }: ListenAddress): string {
    return net.isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`;
}
