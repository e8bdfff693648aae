// Transport: DDE. Each message is poked into a DDE server of the other end.
// https://learn.microsoft.com/windows/win32/dataxchg/about-dynamic-data-exchange

import { chunkTransport } from "./chunk-transport.js";

export const dde = chunkTransport({ kind: "dde", messageSize: 32 * 1024, window: 4 });
