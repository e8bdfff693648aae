// Transport: WM_COPYDATA between message-only windows of one desktop; processes of lower integrity are kept out by Windows
// (UIPI). https://learn.microsoft.com/windows/win32/dataxchg/wm-copydata

import { chunkTransport } from "./chunk-transport.js";

export const copydata = chunkTransport({ kind: "copydata", messageSize: 32 * 1024, window: 4 });
