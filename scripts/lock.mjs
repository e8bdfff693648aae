// A lock between processes that ends with its holder, however that ends: a listening local socket that nobody
// connects to for any other reason than to wait. Linux: an abstract socket; Windows: a named pipe.
import { createHash } from "node:crypto";
import { statSync } from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { onWindows } from "./paths.mjs";

/** Runs work() while no other process runs its work under the same name, or for the same folder if it is a path. */
export async function withLock(name, work) {
    const key = createHash("sha256")
        .update(`${os.userInfo().uid}:${identity(name)}`)
        .digest("hex")
        .slice(0, 32);
    const address = onWindows ? `\\\\.\\pipe\\winsock-spi-${key}` : `\0winsock-spi-${key}`;
    for (;;) {
        const server = await listen(address);
        if (server !== undefined) {
            try {
                return await work();
            } finally {
                server.stop();
            }
        }
        await ended(address);
    }
}

/** A path names a folder by what it is, not by how it is called: two mount namespaces may call two folders the same. */
function identity(name, rest = "") {
    if (!path.isAbsolute(name)) {
        return name;
    }
    const found = statSync(name, { bigint: true, throwIfNoEntry: false });
    return found === undefined
        ? identity(path.dirname(name), `${path.basename(name)}/${rest}`)
        : `${found.dev}:${found.ino}:${rest}`;
}

function listen(address) {
    return new Promise((resolve, reject) => {
        const waiting = new Set();
        const server = net.createServer((socket) => {
            waiting.add(socket);
            socket
                .on("error", () => {})
                .on("close", () => waiting.delete(socket))
                .resume();
        });
        server.stop = () => {
            server.close();
            waiting.forEach((socket) => socket.destroy());
        };
        server.on("error", (error) =>
            error.code === "EADDRINUSE" || error.code === "EACCES" ? resolve() : reject(error),
        );
        server.listen(address, () => resolve(server));
    });
}

/** Resolves when the holder is gone: it never answers, so the connection ends with it. */
function ended(address) {
    return new Promise((resolve) => {
        const socket = net.connect(address);
        socket
            .on("error", () => {})
            .on("close", resolve)
            .resume();
    });
}
