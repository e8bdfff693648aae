// Native functions of the addon part tcp_owner.

/** The process at one end of a loopback connection, held open: until `close()` its id belongs to no other process. */
export interface TcpOwnerHandle {
    readonly pid: number;
    /** Full path of its program; empty if it may not be asked. */
    readonly program: string;
    /**
     * Whether this process started it, or started what started it, and so on. One whose starter has ended cannot be
     * told from a stranger: false.
     */
    descends(): boolean;
    isAlive(): boolean;
    close(): void;
}

export interface TcpOwnerBinding {
    /**
     * The owner of the end `address`:`port` of an IPv4 connection of this machine, whose other end is given too;
     * addresses as numbers (127.0.0.1 is 0x7f000001). Throws ERR_NO_OWNER if the connection is gone or its maker has
     * ended, ERROR_ACCESS_DENIED if this user may not look at it.
     * https://learn.microsoft.com/windows/win32/api/iphlpapi/nf-iphlpapi-getextendedtcptable
     */
    openTcpOwner(address: number, port: number, otherAddress: number, otherPort: number): TcpOwnerHandle;
}
