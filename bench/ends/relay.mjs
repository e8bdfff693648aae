// A relay in a process of its own, as a controller has it; admits the calls that it is told of.
import { startRelay } from "winsock-spi";

const relay = await startRelay({ onNotice: ({ message }) => console.error(message) });
process.on("message", async ({ number, pid, local, remote, action }) => {
    const rule = { name: "bench", match: {}, then: { kind: "relay", otherwise: { kind: "allow" }, ...action } };
    const policy = { version: 1, default: { kind: "allow" }, rules: [rule] };
    process.send({
        number,
        answer: await relay.admit({
            pid,
            processStart: 0n,
            program: "",
            call: "ConnectEx",
            protocol: "tcp",
            socket: 0n,
            local,
            remote,
            rule,
            policy,
            generation: 1,
            signal: new AbortController().signal,
        }),
    });
});
process.send("ready");
