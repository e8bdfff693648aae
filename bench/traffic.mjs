// What programs do with the network, in every column: each benchmark by its name.
import { sideBySide } from "./side-by-side.mjs";

export const traffic = {
    connect: sideBySide({
        title: "connections made and accepted",
        rows: [{ name: "connect and accept", unit: "per second", call: "connect.connections" }],
    }),
    http: sideBySide({
        title: "HTTP requests, Node's server and client in one process",
        rows: [
            {
                name: "HTTP, kept alive",
                unit: "requests/s",
                call: "http.requests",
                given: { keepAlive: true },
                targeted: true,
            },
            {
                name: "HTTP, new connections",
                unit: "requests/s",
                call: "http.requests",
                given: { keepAlive: false },
                targeted: true,
            },
        ],
    }),
    udp: sideBySide({
        title: "UDP messages of 64 bytes from one dgram socket to another",
        rows: [{ name: "UDP", unit: "messages/s", call: "udp.messages", targeted: true }],
    }),
    dns: sideBySide({
        title: "names looked up: by the system (dns.lookup), and by queries to a DNS server of the benchmark (dns.Resolver)",
        rows: [
            { name: "DNS, lookup", unit: "names/s", call: "dns.lookups", targeted: true },
            { name: "DNS, queries", unit: "names/s", call: "dns.queries", targeted: true },
        ],
    }),
    echo: sideBySide({
        title: "1 KB there and back on one connection",
        rows: [
            {
                name: "echo of 1 KB",
                unit: "per second",
                call: "echo.roundTrips",
                more: [
                    ["medianMicroseconds", "  median, us"],
                    ["p99Microseconds", "  p99, us"],
                ],
            },
        ],
    }),
    bulk: sideBySide({
        title: "one stream from one end of a connection to the other",
        rows: [{ name: "bulk", unit: "MB/s", call: "bulk.megabytes" }],
    }),
};
