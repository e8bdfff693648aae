// Transport: DDE. Each message is poked into a DDE server of the other end.
// https://learn.microsoft.com/windows/win32/dataxchg/about-dynamic-data-exchange
//
// A conversation begins with a message to every window of the desktop, each of which may let it wait: hence the time-out.

import { chunkTransport } from "./chunk-transport.js";

export const dde = chunkTransport({ kind: "dde", messageSize: 32 * 1024, window: 4, timeout: 30_000 });
