// How much the tests do: `npm test` takes the first number, `npm run test:full` the second. The only place where the
// two differ.
const full = process.env["WINSOCK_SPI_FULL"] === "1";

const table = {
    /** Seconds of each fuzzer of native/core. */
    fuzzSeconds: [3, 120],
    /** Multiplies the random cases of each property in test/unit. */
    cases: [1, 20],
    /** Random catalogs that each promise of plans (install and uninstall, restore) is tried on. */
    catalogs: [60, 10_000],
    /** Mutated backups that the parser, the doctor and the plans are given. */
    mutatedBackups: [2000, 1_000_000],
    /** Restarts of an HTTP server under load, one after the other. */
    restarts: [3, 20],
    /** Inputs that each parser of hand-overs is given. */
    parserInputs: [50_000, 1_000_000],
    /** Mutated policy files that the parser is given. */
    policyTexts: [1000, 1_000_000],
    /** Connections to a receiver of sockets that never say anything. */
    silentConnections: [500, 10_000],
    /** Size of the big transfer, each way. */
    transferMegabytes: [10, 100],
    /** Connections open at once. */
    connections: [200, 200],
    /** HTTP requests of a scenario, one after the other. */
    requests: [20, 100],
    datagrams: [30, 100],
    /** Requests that each program of other people's answers, or makes. */
    programRequests: [100, 1000],
    /** Connections to PostgreSQL, which makes a process for each. */
    databaseConnections: [0, 50],
    /** Connections opened and closed, half of them before the second look at handles and memory. */
    soakConnections: [1000, 100_000],
    soakNodeConnections: [200, 20_000],
    /** Pairs of WSAStartup and WSACleanup. */
    startups: [2000, 100_000],
    /** Times that the provider is started and cleaned up, or its DLL loaded and unloaded. */
    providerStarts: [100, 2000],
    clusterRequests: [20, 40],
    sentSockets: [3, 10],
    /** Adopted sockets that are written to without a pause. */
    stressedSockets: [20, 1000],
    /** Sockets handed from process to process under traffic, and how often one of these processes is killed meanwhile. */
    handOvers: [400, 20_000],
    handOverKills: [4, 60],
    /** 1: every combination of cases; 0: every case once, in some combination. */
    everyCombination: [0, 1],
    /** 1: from every catalog of up to three strange providers and ours every installation and removal; 0: two stacks. */
    everyStacking: [0, 1],
    /** Upgrades, each with the downgrade after it, in a row. */
    upgrades: [1, 5],
    /** Places of an operation, evenly spread, at which it is killed; at most all of them. */
    killPoints: [6, 1000],
    /** The same of an operation that changes chains of others. */
    killPointsOfChains: [3, 1000],
    /** The same of changes of categories and namespace providers. */
    killPointsOfPrograms: [2, 1000],
    /** The same of a restore by Winsock's functions. */
    killPointsOfRestore: [2, 1000],
    /** The same of a change of the policy. */
    killPointsOfPolicy: [3, 1000],
    /** Workers that end while a plan of theirs is executed. */
    endedWorkers: [10, 200],
    /** The same of a change to be confirmed, its confirmation and its undoing. */
    killPointsOfConfirmation: [2, 1000],
    /** Rounds of three workers that are terminated in the middle of using the addon. */
    terminatedWorkers: [1, 100],
    /** Facts and registries that the doctor is given, mutated at random. */
    doctorInputs: [2000, 1_000_000],
    /** Random sequences of installs, removals, orders and restores on the live catalog. */
    catalogSequences: [3, 200],
    /** Calls of each of two processes that are held at once. */
    heldCalls: [50, 500],
    /** A listener goes from process to process this often while clients connect. */
    listenerHandovers: [6, 40],
    /** Streams through the relay at once. */
    relayStreams: [200, 1000],
    /** Answers of proxies, damaged. */
    proxyAnswers: [2000, 200_000],
    /** Policies applied one after the other while connects run, and these connects. */
    policyChanges: [10, 100],
    policyConnects: [300, 10_000],
} as const satisfies Readonly<Record<string, readonly [quick: number, full: number]>>;

export const counts = Object.fromEntries(
    Object.entries(table).map(([name, numbers]) => [name, numbers[full ? 1 : 0]]),
) as Readonly<Record<keyof typeof table, number>>;
