// The declarations of native/addon/catalog_watch.cpp: word of changes of the Winsock catalogs.

/** What came since the last call. */
export interface CatalogNews {
    /** There was a change, and no writer is at work now; what told of it first. */
    source?: "registry" | "winsock";
    /** With `source`: when the first sign of it came, 100 ns since 1601-01-01 UTC. */
    filetime?: bigint;
    /** Events of the channel Microsoft-Windows-Winsock-WS2HELP/Operational, each as the XML that Windows makes of it. */
    events: string[];
    /** The watch cannot go on; nothing comes after this. */
    failure?: Error;
}

/** A watch that is running; it keeps the event loop alive. The end of the thread of JavaScript ends it too. */
export interface CatalogWatchHandle {
    /** WSAProviderConfigChange tells of changes too. */
    readonly winsock: boolean;
    /** The channel of events is there and switched on. */
    readonly events: boolean;
    /** Nothing is told any more. May be called again. */
    close(): void;
}

/** What the addon exports for it. */
export interface CatalogWatchBinding {
    /**
     * Calls `onNews` when the catalogs have changed, from the moment when this returns. Changes that come while
     * JavaScript is busy are told as one.
     * https://learn.microsoft.com/windows/win32/api/winreg/nf-winreg-regnotifychangekeyvalue
     */
    openCatalogWatch(onNews: (news: CatalogNews) => void): CatalogWatchHandle;
}
