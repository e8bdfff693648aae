// Where each finding of the doctor is planted: on a real catalog (test/windows/doctor-faults), or in made-up facts
// (test/unit/doctor), for what cannot be planted without breaking the machine or on every machine.
import type { FindingCode } from "winsock-spi";

export const plantedInFacts = [
    "catalog-missing", // every program of that bitness would fail, this test's among them
    "winsock-differs", // for as long as a program runs that saw another catalog
    "operation-unfinished", // the executor's own tests leave and recover one
    "base-replaced", // the tests of replace-base do it
    "base-replaced-lost", // likewise
    "change-unconfirmed", // the tests of confirm have one
    "dll-altered", // needs a small DLL that somebody else has signed
    "not-tried", // a package without rescue for that bitness
    "winsock-start", // no Node would start
    "namespace-windows", // lacks or has them by itself
] as const satisfies readonly FindingCode[];
