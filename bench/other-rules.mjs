// Rules about connects that nothing measured makes: what a long policy costs calls that it has nothing to say about.

/** A policy of 1,000 such rules, with those given (as YAML) behind them. */
export function longPolicy(...rules) {
    const others = Array.from(
        { length: 1000 },
        (_, number) => `
  - name: other ${number}
    match: { call: connect, to: '10.${number >> 8}.${number & 255}.0/24:${1000 + number}' }
    then: { deny: WSAEACCES }`,
    );
    return `version: 1\ndefault: allow\nrules:${others.join("")}\n${rules.join("\n")}\n`;
}
