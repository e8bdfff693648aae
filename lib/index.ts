/// <reference types="node" preserve="true" />
// The library. Importing it works on any operating system; calling what needs Winsock elsewhere than on Windows throws
// a WinsockError with the code ERR_UNSUPPORTED_PLATFORM.

export { WinsockError, type ErrorReport, type WinsockErrorOptions } from "./errors.js";

export { backup, parseBackup, readBackup, type Backup, type BackupOptions } from "./catalog/backup.js";
export { listBackups, type BackupListing } from "./catalog/backups.js";
export {
    diff,
    formatDiff,
    type CatalogDiff,
    type EntryChange,
    type FieldChange,
    type RegistryChange,
} from "./catalog/diff.js";
export { parseCatalogEvent, type CatalogEvent, type CatalogEventName } from "./catalog/catalog-events.js";
export { formatCatalog } from "./catalog/format.js";
export { categoryNames, lspCategories, type LspCategoryName } from "./catalog/categories.js";
export type { ApplicationEntry, Catalog, CatalogEntry, CatalogName, NamespaceEntry } from "./catalog/model.js";
export { formatSvg, type SvgOptions } from "./catalog/svg.js";
export { formatTree, type TreeOptions } from "./catalog/tree.js";
export {
    watchCatalog,
    type CatalogChange,
    type CatalogWatch,
    type WatchCatalogOptions,
} from "./catalog/watch-catalog.js";
export {
    decodeProtocolInfo,
    encodeProtocolInfo,
    type ProtocolInfo,
    type ProtocolInfoFields,
} from "./catalog/protocol-info.js";
export { readCatalog, type CatalogSource, type LiveCatalog, type ReadCatalogOptions } from "./catalog/read.js";
export type { RegistryTree, RegistryTreeValue } from "./catalog/registry.js";
export {
    planRestore,
    restore,
    type RestoreOptions,
    type RestorePlanOptions,
    type RestoreTarget,
    type RestoreWay,
} from "./catalog/restore.js";
export { diagnose } from "./doctor/diagnose.js";
export { examine, repair, type Examination, type RepairRunOptions } from "./doctor/doctor.js";
export {
    findingCodes,
    type Finding,
    type FindingCode,
    type FindingProvider,
    type Severity,
} from "./doctor/findings.js";
export type { Facts, FileFacts, LibraryFacts, Outcome, SocketFacts, Trial } from "./doctor/facts.js";
export type { PortableExecutable } from "./doctor/portable-executable.js";
export { planRepair, type RepairOptions } from "./doctor/plan-repair.js";
export type { CollectOptions } from "./doctor/collect.js";
export {
    confirm,
    pendingChange,
    rollBack,
    withConfirmation,
    type ConfirmResult,
    type PendingChange,
} from "./plan/confirm.js";
export { recover, type ChangeOptions, type ChangeResult } from "./plan/execute.js";
export type { RecoveryResult } from "./native.js";
export { formatPlan, type Confirmation, type Plan, type Step, type StepAction } from "./plan/plan.js";
export { install, type InstallMethod, type InstallOptions } from "./provider/install.js";
export {
    planInstall,
    type InstallPlanOptions,
    type ProviderFile,
    type ProviderFiles,
} from "./provider/plan-install.js";
export type { InstalledFolder } from "./provider/installed.js";
export { order, type OrderOptions } from "./provider/order.js";
export { planOrder, type OrderPlanOptions } from "./provider/plan-order.js";
export { planUpgrade, type UpgradePlanOptions } from "./provider/plan-upgrade.js";
export { exclude, include, type ProgramsOptions } from "./provider/exclude.js";
export { planExclude, planInclude, type ProgramsPlanOptions } from "./provider/plan-exclude.js";
export {
    enableNamespace,
    installNamespace,
    orderNamespaces,
    removeNamespace,
    type EnableNamespaceOptions,
    type InstallNamespaceOptions,
    type OrderNamespacesOptions,
    type RemoveNamespaceOptions,
} from "./provider/namespaces.js";
export {
    planEnableNamespace,
    planInstallNamespace,
    planOrderNamespaces,
    planRemoveNamespace,
    type InstallNamespacePlanOptions,
    type NamespaceChoice,
    type OrderNamespacesPlanOptions,
} from "./provider/plan-namespaces.js";
export { removeProvider, type RemoveOptions } from "./provider/remove.js";
export { planRemove, type RemovePlanOptions } from "./provider/plan-remove.js";
export { planReplace, type ReplacePlanOptions } from "./provider/plan-replace.js";
export {
    isReplaced,
    originalsInRegistry,
    replacedEntries,
    type Originals,
    type ProviderPaths,
} from "./provider/replaced.js";
export { planUninstall, type UninstallPlanOptions } from "./provider/plan-uninstall.js";
export { uninstall, type UninstallOptions } from "./provider/uninstall.js";

export { RecordBatch, callName } from "./hooks/decode.js";
export { ProcessTree, type TreeMember } from "./hooks/process-tree.js";
export type {
    CallName,
    CallRecord,
    DroppedRecord,
    StartRecord,
    UnknownCall,
    VerdictName,
    WatchMode,
    WatchRecord,
    WatchedProcess,
} from "./hooks/records.js";
export type { RecordFilter } from "./hooks/record-filter.js";
export type { ProcessIdentity } from "./hooks/ring-names.js";
export type { ProcessFilter, WatchNotice } from "./hooks/session.js";
export { watch, watchBatches, type Watch, type WatchOptions } from "./hooks/watch.js";

export {
    adoptedPath,
    adoptRaw,
    adoptSocket,
    socketFromRaw,
    type AdoptOptions,
    type PathOptions,
} from "./share/adopt.js";
export { duplicateSocket, revoke, type RevokeOptions, type SharedSocketInfo } from "./share/duplicate.js";
export { listSockets, type SocketListing } from "./share/list-sockets.js";
export type { SharedKind, ShareMode, SocketPath, SocketState } from "./share/model.js";
export {
    openDatagram,
    openListener,
    RawSocket,
    type OpenDatagramOptions,
    type OpenListenerOptions,
    type OpenSocketOptions,
} from "./share/raw-socket.js";
export { releaseSocket, resumeSocket, suspendSocket, takeBuffered, type SuspendOptions } from "./share/release.js";
export { socketOf, type Shareable } from "./share/socket-handle.js";

export { lostExports, type SendOptions, type SentSocket } from "./share/hand-over.js";
export { connectSender, SocketSender, type ConnectOptions } from "./share/sender.js";
export { sendSocket, type SendSocketOptions } from "./share/send.js";
export { receiveSockets, type ReceiveOptions, type SocketReceiver } from "./share/receive.js";
export type { ReceivedOptions, ReceivedSocket } from "./share/received.js";
export { offerSocket, takeSocket, type OfferOptions, type SocketOffer, type TakeOptions } from "./share/offer.js";
export type { PeerCheck, PeerInfo } from "./share/peer.js";
export type {
    Channel,
    ChannelListener,
    Transport,
    TransportName,
    TransportOptions,
} from "./share/transports/channel.js";
export { transport, transportNames } from "./share/transports/index.js";
export {
    parentChannel,
    spawnWithChannel,
    type SpawnedWithChannel,
    type SpawnWithChannelOptions,
} from "./share/transports/anonymous-pipe.js";
export {
    serveSystemfd,
    takeSystemfdSockets,
    type ServeSystemfdOptions,
    type SystemfdServer,
    type SystemfdTaker,
    type TakeSystemfdOptions,
} from "./share/transports/systemfd.js";

export { acceptRaw, type AcceptRawOptions } from "./share/accept-raw.js";
export { adoptDatagram, datagramFromRaw, type AdoptDatagramOptions } from "./share/adopt-datagram.js";
export { adoptServer, serverFromRaw, type AdoptServerOptions, type ServerOptions } from "./share/adopt-server.js";
export { listen, type ListenOptions } from "./share/listen.js";
export { serveRestartable, type RestartOptions, type RestartableServer } from "./share/recipes/restart.js";
export {
    bindRestartable,
    type OnDatagram,
    type RestartDatagramOptions,
    type RestartableDatagram,
} from "./share/recipes/udp.js";
export {
    joinBroker,
    startBroker,
    type Broker,
    type BrokeredConnection,
    type BrokerOptions,
    type BrokerWorker,
    type JoinOptions,
} from "./share/recipes/broker.js";

export { compilePolicy, type CompileOptions } from "./policy/compile.js";
export { decide } from "./policy/decide.js";
export {
    policyCalls,
    type Action,
    type AddressPattern,
    type CallFacts,
    type Decision,
    type Endpoint,
    type Match,
    type Otherwise,
    type Policy,
    type PolicyCall,
    type PortRange,
    type Proxy,
    type RelayAction,
    type Rule,
    type TimeRange,
} from "./policy/model.js";
export { parsePolicy, type ParseOptions } from "./policy/parse.js";
export { onAsk } from "./hooks/ask.js";
export type { AskHook, AskVerdict, Remember } from "./policy/answers.js";
export { applyPolicy, type ApplyOptions, type ApplyResult } from "./policy/apply.js";
export {
    startController,
    type Controller,
    type ControllerNotice,
    type ControllerOptions,
} from "./policy/controller.js";
export type { Answer, HeldCall, RelayService } from "./policy/controller-model.js";
export { openCapture, type Capture } from "./hooks/capture.js";
export { startRelay, type OnStream, type RelayedCall, type RelayNotice, type RelayOptions } from "./relay/relay.js";
export { clearPolicy, readPolicy, type PolicyInForce, type PolicyLayers, type RunLayer } from "./policy/store.js";
