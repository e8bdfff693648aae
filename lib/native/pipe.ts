// What the addon knows of named pipes (native/addon/pipe.cpp). https://learn.microsoft.com/windows/win32/ipc/named-pipes

/** A pipe that clients can connect to, several at a time. Keeps the event loop alive until closed. */
export interface PipeListenerHandle {
    /** Nothing is handed out after this. May be called again; so does the end of the environment. */
    close(): void;
}

export interface PipeBinding {
    /**
     * Makes a pipe and calls `onConnection` with a file descriptor of libuv (the receiver closes it) and the client's
     * process id for each connection. Refuses clients of other machines; `sddl` says who may connect, by default this
     * process's user alone. Throws `ERR_ADDRESS_IN_USE`, `ERR_RUNTIME_UNSUPPORTED`, and Windows' own codes for a name
     * that cannot be.
     * https://learn.microsoft.com/windows/win32/api/namedpipeapi/nf-namedpipeapi-createnamedpipew
     */
    listenPipe(
        path: string,
        sddl: string | undefined,
        onConnection: (fd: number, pid: number) => void,
    ): PipeListenerHandle;
    /**
     * Connects and gives a file descriptor of libuv and the server's process id; `undefined` where somebody listens
     * but cannot take the connection at this moment. The server may learn who this is and nothing more. Throws
     * `ERR_NO_LISTENER`, `ERROR_ACCESS_DENIED`, `ERR_RUNTIME_UNSUPPORTED`.
     */
    connectPipe(path: string): { fd: number; pid: number } | undefined;
    /** Process id of that end of an open pipe. */
    pipeProcess(fd: number, end: "client" | "server"): number;
}
