// Native functions of the addon part socket_owners.

export interface SocketOwnersBinding {
    /**
     * The processes that own the end `address`:`port` of a TCP connection of this machine whose other end is given too;
     * none: it is gone, or not there yet. Addresses are 4 or 16 bytes in network byte order.
     * https://learn.microsoft.com/windows/win32/api/iphlpapi/nf-iphlpapi-getextendedtcptable
     */
    tcpOwners(address: Uint8Array, port: number, otherAddress: Uint8Array, otherPort: number): number[];
    /**
     * The processes that have a UDP socket bound to that address and port, or to the port at any address.
     * https://learn.microsoft.com/windows/win32/api/iphlpapi/nf-iphlpapi-getextendedudptable
     */
    udpOwners(address: Uint8Array, port: number): number[];
}

export const socketOwnersMethods = ["tcpOwners", "udpOwners"] as const;
