// Policies from other programs' rules: what they mean, what cannot be told, and that what comes out is a policy.

import * as assert from "node:assert/strict";
import { formatPolicy } from "#lib/policy/format.js";
import { importLittleSnitch } from "#lib/policy/import-lsrules.js";
import { importProxifier } from "#lib/policy/import-proxifier.js";
import { formatAction, formatMatch } from "#lib/policy/format.js";
import type { ImportedPolicy } from "#lib/policy/import-shared.js";
import { parsePolicy } from "#lib/policy/parse.js";

/** The rules as a policy file has them; what is imported can be written out and read. */
function rulesOf({ policy }: ImportedPolicy): object {
    assert.deepEqual(parsePolicy(formatPolicy(policy)), policy);
    return Object.fromEntries(
        policy.rules.map(({ name, match, then }) => [name, { ...formatMatch(match), then: formatAction(then) }]),
    );
}

const proxies = `
  <ProxyList>
    <Proxy id="100" type="SOCKS5"><Address>127.0.0.1</Address><Port>1080</Port><Options>48</Options></Proxy>
    <Proxy id="101" type="HTTPS"><Address>proxy.example.com</Address><Port>3128</Port>
      <Authentication enabled="true"><Username>me &amp; you</Username><Password>AAAB</Password></Authentication></Proxy>
    <Proxy id="102" type="SOCKS4"><Address>10.0.0.1</Address><Port>1080</Port></Proxy>
  </ProxyList>
  <ChainList><Chain id="200" type="simple"><Name>two</Name><Proxy enabled="true">100</Proxy><Proxy enabled="false">102</Proxy><Proxy enabled="true">101</Proxy></Chain></ChainList>`;
const profile = (rules: string): string =>
    `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<ProxifierProfile version="101" platform="Windows" product_id="0" product_minver="310">${proxies}<RuleList>${rules}</RuleList></ProxifierProfile>`;

describe("import of Proxifier profiles", () => {
    it("keeps rules, proxies and chains", () => {
        const imported = importProxifier(
            profile(`
            <Rule enabled="true"><Name>Localhost</Name><Targets>localhost; 127.0.0.1; %ComputerName%; ::1; 192.168.*.*</Targets><Action type="Direct" /></Rule>
            <Rule enabled="true"><Name>browser</Name><Applications>"C:\\Program Files\\x\\b.exe"; chrome*.exe</Applications>
                <Targets>*.example.org;10.0.0.0/8</Targets><Ports>80;443;8000-9000</Ports><Action type="Chain">200</Action></Rule>
            <Rule enabled="true"><Name>browser</Name><Ports>25</Ports><Action type="Block" /></Rule>
            <Rule enabled="false"><Name>off</Name><Action type="Block" /></Rule>
            <Rule enabled="true"><Name>old</Name><Applications>o.exe</Applications><Action type="Proxy">102</Action></Rule>
            <Rule enabled="true"><Name>Default</Name><Action type="Proxy">100</Action></Rule>`),
        );
        const otherwise = { deny: "WSAEACCES" };
        assert.deepEqual(rulesOf(imported), {
            Localhost: {
                call: "connect",
                then: { allow: true },
                to: ["127.0.0.0/8", "[::1]", "127.0.0.1", "[::1]", "192.168.0.0/16"],
            },
            browser: {
                program: ["C:\\Program Files\\x\\b.exe", "chrome*.exe"],
                call: "connect",
                to: ["*.example.org:80,443,8000-9000", "10.0.0.0/8:80,443,8000-9000"],
                then: { proxy: ["socks5://127.0.0.1:1080", "http://me%20%26%20you@proxy.example.com:3128"], otherwise },
            },
            "browser (2)": { call: "connect", to: ":25", then: { deny: "WSAEACCES" } },
            old: { program: "o.exe", call: "connect", then: { deny: "WSAEACCES" } },
            Default: { call: "connect", then: { proxy: "socks5://127.0.0.1:1080", otherwise } },
        });
        const notes = imported.notes.join("\n");
        for (const told of [
            "Proxifier encrypts passwords",
            "proxy 102 (SOCKS4 10.0.0.1) is left out",
            "%ComputerName%",
            '"off" is switched off',
            "its proxy is not known; the rule denies instead",
        ]) {
            assert.ok(notes.includes(told), `${told}:\n${notes}`);
        }
    });
    it("refuses what is no profile", () => {
        for (const text of ["", "<", "<a/>", "<ProxifierProfile", "{}", "<!DOCTYPE x [<!ENTITY a 'b'>]><x>&a;</x>"]) {
            assert.throws(() => importProxifier(text), { code: "ERR_IMPORT" }, text);
        }
        assert.deepEqual(importProxifier("<ProxifierProfile/>").policy.rules, []);
    });
});

describe("import of Little Snitch rules", () => {
    it("puts the most particular rule first", () => {
        const imported = importLittleSnitch(
            JSON.stringify({
                name: "n",
                "denied-remote-addresses": "1.2.3.4-1.2.3.9, 2001:db8::/32",
                "denied-remote-domains": ["ads.example"],
                rules: [
                    { action: "allow", process: "any", remote: "local-net", notes: "lan" },
                    { action: "allow", process: "C:\\x\\a.exe", notes: "a" },
                    {
                        action: "deny",
                        process: "/Applications/Firefox.app/Contents/MacOS/firefox",
                        "remote-domains": "t.example",
                        ports: "443, 80-90",
                        protocol: "tcp",
                        notes: "tracker",
                    },
                    { action: "ask", process: "any", direction: "incoming", ports: "22", notes: "ssh" },
                    { action: "deny", process: "any", priority: "high", protocol: "icmp", notes: "ping" },
                    { action: "allow", disabled: true, notes: "off" },
                    { action: "explode", notes: "bad" },
                    7,
                    { action: "allow", "remote-hosts": "no host!", notes: "nowhere" },
                ],
            }),
        );
        const call = ["connect", "sendto"];
        const then = { deny: "WSAEACCES" };
        assert.deepEqual(
            imported.policy.rules.map(({ name }) => name),
            ["ping", "tracker", "a", "denied domains", "denied addresses", "lan", "ssh"],
        );
        const rules = rulesOf(imported) as Record<string, object>;
        assert.deepEqual(rules["tracker"], {
            program: "firefox.exe",
            call,
            protocol: "tcp",
            to: ["t.example:443,80-90", "*.t.example:443,80-90"],
            then,
        });
        assert.deepEqual(rules["denied addresses"], { call, to: ["1.2.3.4-1.2.3.9", "[2001:db8::]/32"], then });
        assert.deepEqual(rules["ping"], { call, protocol: 1, then });
        assert.deepEqual(rules["ssh"], {
            call: "accept",
            local: ":22",
            then: { ask: true, timeout: "10s", otherwise: { deny: "WSAEACCES" } },
        });
        const notes = imported.notes.join("\n");
        for (const told of [
            '"off" is left out: it is switched off',
            'there is no verdict "explode"',
            "became firefox.exe",
            "rule 8 is left out",
            '"nowhere" is left out',
        ]) {
            assert.ok(notes.includes(told), `${told}:\n${notes}`);
        }
    });
    it("refuses what are no rules", () => {
        for (const text of ["", "[]", "{}", '{"rules":7}', "null", "<a/>"]) {
            assert.throws(() => importLittleSnitch(text), { code: "ERR_IMPORT" }, text);
        }
    });
});
