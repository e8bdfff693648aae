// The addon's functions about namespace providers.

import type { Bits } from "../native.js";

/** A namespace provider as Winsock lists it. Its DLL is in the registry only. */
export interface ListedNamespace {
    /** As shown to people: a reference to a resource string is resolved. */
    name: string;
    /** GUID, upper case in braces. */
    providerId: string;
    namespace: number;
    version: number;
    enabled: boolean;
    /** What the provider left for itself when it was installed; mostly empty. */
    info: Uint8Array;
}

export interface NamespacesBinding {
    /**
     * The namespace providers of one catalog, in catalog order. Winsock must be able to start; no provider is loaded.
     * Throws ERR_OTHER_BITNESS for the 64-bit catalog from a 32-bit process.
     * https://learn.microsoft.com/windows/win32/api/winsock2/nf-winsock2-wsaenumnamespaceprovidersexw
     */
    enumNamespaces(bits: Bits): ListedNamespace[];
}

export const namespacesMethods = ["enumNamespaces"] as const satisfies readonly (keyof NamespacesBinding)[];
