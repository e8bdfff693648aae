// node misuse.cjs ADDON: calls every function of the addon, and every method of the objects that it hands out, with wrong
// arguments and on wrong objects. Whatever they answer is fine, except a crash. Prints how many did what.
"use strict";

const addon = require(process.argv[2]);

const detached = new Uint8Array(628);
structuredClone(detached, { transfer: [detached.buffer] });
const trap = new Proxy(
    {},
    {
        get() {
            throw new Error("trap");
        },
    },
);
const values = [
    undefined,
    null,
    true,
    -1,
    NaN,
    1e300,
    4711,
    2n ** 70n,
    -1n,
    "",
    "x",
    "\ud800\0",
    Symbol("s"),
    {},
    [],
    () => {},
    new Uint8Array(0),
    new Uint8Array(628),
    new Float64Array(79),
    new DataView(new ArrayBuffer(628)),
    new Uint8Array(new SharedArrayBuffer(628)),
    detached,
    trap,
];

const counts = { answered: 0, refused: 0, rejected: 0, objects: 0, methods: 0 };
const objects = [];

function tryCall(name, f, self, args) {
    let answer;
    try {
        answer = Reflect.apply(f, self, args);
    } catch (error) {
        if (!(error instanceof Error)) {
            throw new Error(`${name} threw ${String(error)}`, { cause: error });
        }
        counts.refused++;
        return;
    }
    counts.answered++;
    if (answer instanceof Promise) {
        answer.catch(() => counts.rejected++);
    } else if (typeof answer === "object" && answer !== null && !ArrayBuffer.isView(answer)) {
        objects.push(answer);
    }
}

function misuse(name, f) {
    for (const value of values) {
        for (const args of [
            [value],
            [value, value],
            [value, "x", () => {}],
            ["x", value, value],
            [4711n, value, value],
        ]) {
            tryCall(name, f, value, args);
        }
    }
}

// What is asked for as it should be: objects to be misused.
const sound = [
    () => addon.openPeer(process.pid),
    () => addon.openPolicyStore(),
    () => addon.openControl(),
    () => addon.openTcpOwner(),
    () => addon.openCatalogWatch(() => {}),
];
for (const open of sound) {
    try {
        objects.push(open());
    } catch (error) {
        if (!(error instanceof Error)) {
            throw error;
        }
    }
}
const opened = objects.length;
for (const [name, f] of Object.entries(addon)) {
    misuse(name, f);
}
const wrong = objects.slice(0, 40);
for (const object of wrong) {
    counts.objects++;
    for (const [name, method] of Object.entries(object)) {
        if (typeof method === "function") {
            counts.methods++;
            misuse(name, method);
            for (const other of wrong) {
                tryCall(name, method, other, [other, other]);
            }
        }
    }
}
console.log(JSON.stringify({ functions: Object.keys(addon).length, opened, ...counts }));
process.exit(0);
