// What the addon knows of the policy in force and of the controller (native/addon/policy.cpp, native/spi/policy_store.hpp).

/** What control.bin and the registry say. */
export interface PolicyState {
    /** Set where control.bin cannot be read: `ERR_NOT_INSTALLED`, `ERR_CONTROL_DAMAGED`, `ERR_CONTROL_VERSION`. */
    readonly fault?: Error & { code: string };
    /** Number of the policy in force; 0: none. */
    readonly generation: number;
    /** The one before, kept for processes that cannot read the present one; 0: none. */
    readonly previous: number;
    readonly failClosed: boolean;
    /** The same bit in the registry, for the case that control.bin is lost or damaged. */
    readonly registryFailClosed: boolean;
    /** 0: none. One that crashed leaves its number. */
    readonly controllerPid: number;
    readonly controllerStart: bigint;
}

/** Changes of the policy; no other process makes one until it is closed. */
export interface PolicyStoreHandle {
    /** A number that no policy has had or will have. Throws `ERR_NOT_INSTALLED`, `ERR_CONTROL_DAMAGED`. */
    reserve(): number;
    /** Writes image and text of a reserved generation and puts them in force. */
    publish(generation: number, image: Uint8Array, text: string, failClosed: boolean): void;
    /** No policy. With a missing or damaged control.bin it clears the rest and then throws that. */
    clear(): void;
    close(): void;
}

/** This process as the machine's controller. */
export interface ControllerEntryHandle {
    /** Takes it out of control.bin. May be called again; so does the garbage collector. */
    leave(): void;
}

export interface PolicyBinding {
    readPolicyState(): PolicyState;
    /** Whether anything of a policy is on this machine: one in force, files, the registry key. */
    hasPolicyTraces(): boolean;
    /** The JSON text of a generation. Throws `ERROR_ACCESS_DENIED`, `ERROR_FILE_NOT_FOUND`, `ERR_UNTRUSTED_FILE`. */
    readPolicyText(generation: number): string;
    /** Owner and DACL of both files of a generation, and of HKLM\SOFTWARE\winsock-spi, as SDDL. */
    readPolicySecurity(generation: number): { image: string; text: string; key: string };
    /** Owner and DACL of a file, folder or pipe as SDDL. */
    readSecurity(path: string): string;
    /**
     * Waits up to 30 seconds for other changes of policy or catalog. Throws `ERR_BUSY`.
     *
     * @param gate A named pipe that is told of every write before it is made, and answers: for kill tests.
     */
    openPolicyStore(gate?: string): PolicyStoreHandle;
    /** Throws `ERR_CONTROLLER_RUNNING`, `ERR_NOT_INSTALLED`, `ERROR_ACCESS_DENIED`. */
    enterController(): ControllerEntryHandle;
    /**
     * SID of a user or group. Throws `ERR_NO_USER`.
     * https://learn.microsoft.com/windows/win32/api/winbase/nf-winbase-lookupaccountnamew
     */
    findUser(name: string): string;
}

export const policyMethods = [
    "readPolicyState",
    "hasPolicyTraces",
    "readPolicyText",
    "readPolicySecurity",
    "readSecurity",
    "openPolicyStore",
    "enterController",
    "findUser",
] as const satisfies readonly (keyof PolicyBinding)[];

export const policyStoreMethods = [
    "reserve",
    "publish",
    "clear",
    "close",
] as const satisfies readonly (keyof PolicyStoreHandle)[];
