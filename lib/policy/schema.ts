/**
 * The JSON Schema of policy files, for editors: policy.schema.json is this value (a test compares them). What a text must
 * look like is told by patterns as far as they stay readable; parsePolicy is what decides.
 */

import { denialErrors } from "./parse-action.js";
import { policyCalls } from "./model.js";

const oneOrMore = (item: object, description: string): object => ({
    description,
    anyOf: [item, { type: "array", items: item, minItems: 1 }],
});
const text = { type: "string", minLength: 1, maxLength: 4096 };
const texts = (description: string): object => oneOrMore(text, description);
const pid = { type: "integer", minimum: 0, maximum: 0xffff_ffff };
const duration = (description: string): object => ({
    description,
    type: "string",
    pattern: "^\\d+(\\.\\d+)?\\s*(ms|s|m|h)$",
    examples: ["80ms", "10s"],
});
const percent = (description: string): object => ({
    description,
    type: "string",
    pattern: "^\\d+(\\.\\d+)?\\s*%$",
    examples: ["0.1%"],
});
const denial = {
    description: "A Winsock error, by its name or number",
    anyOf: [{ enum: denialErrors }, { type: "integer" }, { const: true }],
};
const plain = {
    anyOf: [
        { enum: ["allow", "deny"] },
        { type: "object", properties: { deny: denial }, required: ["deny"], additionalProperties: false },
    ],
};
const targetText =
    "like 10.0.0.1, 10.0.0.0/8, 10.0.0.1-10.0.0.9, [2001:db8::]/32:80-90, :443, *.example.com:443, loopback, private";

const match = {
    type: "object",
    description: "All that is said must hold; of a list one element. Nothing said: every call.",
    additionalProperties: false,
    properties: {
        program: texts("Path of the program with * and ?; without a backslash the file's name alone"),
        commandLine: texts("The command line, with * and ?"),
        pid: oneOrMore(pid, "Process id"),
        tree: oneOrMore(
            {
                anyOf: [
                    pid,
                    text,
                    { type: "object", properties: { job: text }, required: ["job"], additionalProperties: false },
                ],
            },
            "A process and what it starts: its id, its program, or { job: NAME }",
        ),
        user: texts("Name (DOMAIN\\name) or SID"),
        module: texts("The module that called Winsock, as with program"),
        call: oneOrMore(
            { enum: policyCalls },
            "connect (also ConnectEx), bind, listen, accept (also AcceptEx), sendto (also WSASendMsg)",
        ),
        direction: { description: "out: connect, sendto; in: bind, listen, accept", enum: ["in", "out"] },
        protocol: oneOrMore(
            { anyOf: [{ enum: ["tcp", "udp"] }, { type: "integer", minimum: 0, maximum: 255 }] },
            "tcp, udp, or a number",
        ),
        family: { description: "An IPv4-mapped IPv6 address counts as IPv4", enum: ["ipv4", "ipv6"] },
        to: texts(`The remote end, ${targetText}`),
        local: texts("The program's own end, as with to; no names"),
        time: oneOrMore({ ...text, examples: ["mon-fri 09:00-17:30", "22:00-06:00"] }, "Local time"),
    },
};

const then = {
    description: "What is done with the call",
    anyOf: [
        { enum: ["allow", "deny", "observe", "ask"] },
        {
            type: "object",
            additionalProperties: false,
            minProperties: 1,
            properties: {
                allow: { description: "It goes on", type: "boolean" },
                observe: { description: "It goes on, and watchers are told the rule's name", type: "boolean" },
                deny: { ...denial, description: "The program gets this error" },
                redirect: texts(
                    "Another address (one of each family): 127.0.0.1:8080, [::1]:8080; without a port it stays",
                ),
                proxy: texts("socks5://user:password@host:port or http://...; a list is a chain, the nearest first"),
                delay: duration("Added to what passes, each way"),
                jitter: duration("So much more or less delay"),
                rate: {
                    description: "At most so much, each way",
                    type: "string",
                    examples: ["1MB/s", "64KiB/s", "10Mbit/s"],
                },
                loss: percent("Share of datagrams that are lost"),
                reset: percent("Share of streams that are reset at some moment"),
                rewrite: { description: "Streams are given to onStream", type: "boolean" },
                capture: { description: "Written to the capture file of a watcher that wants one", type: "boolean" },
                ask: {
                    description: "The controller is asked; a text is shown with the question",
                    anyOf: [{ type: "boolean" }, text],
                },
                timeout: duration("How long an answer to ask is waited for (10s)"),
                otherwise: {
                    ...plain,
                    description: "What holds where that cannot be carried out (deny for redirect, proxy and ask)",
                },
            },
        },
    ],
};

export const policySchema = {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    $id: "https://unpkg.com/winsock-spi/policy.schema.json",
    title: "winsock-spi policy",
    type: "object",
    required: ["version"],
    additionalProperties: false,
    properties: {
        $schema: { type: "string" },
        version: { const: 1 },
        default: { ...plain, description: "What holds where no rule matches (allow)" },
        failClosed: {
            description:
                "Whether nothing may go out where the policy cannot be read. Not said: if the default or some otherwise is deny",
            type: "boolean",
        },
        rules: {
            description: "The first that matches counts",
            anyOf: [
                { type: "null" },
                {
                    type: "array",
                    items: {
                        type: "object",
                        required: ["then"],
                        additionalProperties: false,
                        properties: {
                            name: {
                                description: "For people, records and questions",
                                type: "string",
                                minLength: 1,
                                maxLength: 200,
                            },
                            match,
                            then,
                        },
                    },
                },
            ],
        },
    },
} as const;
