// Transport: mailslots. Messages of at most 424 bytes, the size that every mailslot takes.
// https://learn.microsoft.com/windows/win32/ipc/about-mailslots

import { chunkTransport } from "./chunk-transport.js";

export const mailslot = chunkTransport({ kind: "mailslot", messageSize: 424, window: 32 });
