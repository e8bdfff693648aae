/** Seeing Winsock calls: what the package exports of this folder. */
export { watch, watchBatches } from "./watch.js";
export type { Watch, WatchOptions } from "./watch.js";
export { RecordBatch, callName } from "./decode.js";
export { ProcessTree } from "./process-tree.js";
export type { TreeMember } from "./process-tree.js";
export type { ProcessIdentity } from "./ring-names.js";
export type { ProcessFilter, WatchNotice } from "./session.js";
export type {
    CallName, CallRecord, DroppedRecord, StartRecord, UnknownCall, WatchRecord, WatchedProcess,
} from "./records.js";
