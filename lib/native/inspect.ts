// Native functions of the addon part inspect: what is known of a DLL, and what it does when it is loaded.

/** Whether a file is signed, and by whom. */
export interface FileSignature {
    /** By a signature within the file, by a security catalog of the system, or not at all. */
    by: "embedded" | "catalog" | "none";
    /** This machine trusts it. False where there is none. */
    trusted: boolean;
    /** The file is not what was signed. */
    altered: boolean;
    /** What WinVerifyTrust said where it does not trust it (TRUST_E_..., CERT_E_...), else 0. */
    error: number;
    /** Name in the signer's certificate; empty where it could not be read. */
    signer: string;
}

/** What a run of `winsock-spi-rescue inspect` gave. */
export interface InspectRun {
    /** 32 bits; what it ended with, if `timedOut` is false. */
    exitCode: number;
    timedOut: boolean;
    /** The beginning of what it printed, at most 1 MiB. */
    output: string;
}

/** Whether Windows decides which DLLs programs may load. */
export interface CodeIntegrity {
    smartAppControl: "absent" | "off" | "on" | "evaluation";
    /** Some policy decides it: Smart App Control, or one of App Control for Business (WDAC). */
    userMode: boolean;
    /** It only writes down what it would have refused. */
    auditOnly: boolean;
}

export interface InspectBinding {
    codeIntegrity(): CodeIntegrity;
    /**
     * The signature of the file at a full path, embedded or by security catalog. Nothing is fetched from the network.
     * https://learn.microsoft.com/windows/win32/api/wintrust/nf-wintrust-winverifytrust
     */
    readSignature(path: string): Promise<FileSignature>;
    /**
     * Runs a `winsock-spi-rescue.exe` (full path) as `inspect REQUEST` and ends it, with everything that it started,
     * after so many milliseconds. The request and the lines that it prints are described in native/spi/inspect.hpp.
     */
    runInspect(program: string, request: string, milliseconds: number): Promise<InspectRun>;
}

export const inspectMethods = [
    "codeIntegrity",
    "readSignature",
    "runInspect",
] as const satisfies readonly (keyof InspectBinding)[];
