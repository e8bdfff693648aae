// Transport: global atoms. At most 255 UTF-16 units hold 444 bytes; the table is small and belongs to the whole session, so
// there is one atom at a time for each direction. https://learn.microsoft.com/windows/win32/dataxchg/about-atom-tables

import { chunkTransport } from "./chunk-transport.js";

export const atoms = chunkTransport({ kind: "atoms", messageSize: 444, window: 8 });
