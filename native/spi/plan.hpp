// A plan: what an operation will do, as plain data. lib/provider and lib/catalog make plans without touching the
// system; the executor carries them out. JSON, UTF-8:
//
// {
//   "format": "winsock-spi-plan", "version": 1,
//   "operation": "install" | "uninstall" | "restore" | ...     for messages; a restore may follow a broken operation
//   "text": string                                             one line for people
//   "backup": string                                           path of the backup taken before, "" where there is none
//   "onFailure": "undo" | "finish"                             what recovery does after a kill (a step that fails is
//                                                              undone at once in both cases)
//   "helpers"?: { "64"?: path, "32"?: path }                   winsock-spi-rescue.exe of each bitness
//   "confirm"?: { "within": ms, "programs": { "64"?: path, "32"?: path } }
//                                                              undone unless it is confirmed within that time after the
//                                                              last step; the programs are winsock-spi-rescue.exe, of
//                                                              which the copies are made that see to it
//   "gate"?: "\\\\.\\pipe\\..."                                   kill test: see write_points.hpp
//   "steps": [ { "do": ..., "text"?: string, ... } ]
// }
//
// Steps (paths absolute; catalog 64 or 32; providerId "{GUID}"; info = the 628 bytes of WSAPROTOCOL_INFOW in Base64;
// chain and order name entries by catalog id or, where that is known only later, by "{GUID}", and of a provider with
// several entries by "{GUID}#n", the one with the n-th lowest id; without "chain" the chain is the one in the info):
//   { "do": "make-folder", path, access: "program" | "data" | "rings" | "private" }    missing parents too
//   { "do": "copy-file", from, to, sha256 }
//   { "do": "write-file", path, data }                                                 data: Base64
//   { "do": "make-control" }                                                           control.bin and watch.bin
//   { "do": "install-provider", catalog, providerId, path, info, chain }               chain [] = hidden entry
//   { "do": "install-entries", catalog, providerId, path, entries: [{ info, chain }] }  all entries of a GUID at once
//   { "do": "write-order", catalog, order }                                            every entry once
//   { "do": "deinstall-provider", catalog, providerId }
//   { "do": "update-provider", catalog, providerId, path, info, chain }                the entry with info's id
//   { "do": "update-provider", catalog, providerId, path, info, id, chain }            the entry with this id or name
//   { "do": "update-provider", catalog, providerId, path, id, chain }                  all else of that entry stays
//   { "do": "set-provider-path", catalog, providerId, path }                           of all entries of a provider
//   { "do": "probe", programs?: { "64"?: path, "32"?: path } }                         default: the helpers
//   { "do": "set-provider-category", catalog, providerId, categories }               0 = none
//   { "do": "set-application-category", program, args?, categories, mark?: true }    null = no entry
//   { "do": "install-namespace", catalog, providerId, name, path, namespace, version, info?: Base64 }
//   { "do": "remove-namespace", catalog, providerId }
//   { "do": "enable-namespace", catalog, providerId, enabled }
//   { "do": "order-namespaces", catalog, order: ["{GUID}"] }                         every provider once
//   { "do": "write-registry", key, tree }                        key relative to WinSock2\Parameters, "" = all of it
//   { "do": "delete-registry", key }                             likewise; no catalog
//   { "do": "clear-policy" }                                     its files and registry key go with the commit
//   { "do": "delete-file", path }
//   { "do": "delete-folder", path, contents?: true }             only if empty, unless contents
//
// What delete-file, delete-folder and copy-file replace is gone for good only when the whole plan is done.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/guid.hpp"
#include "step.hpp"

namespace winsock_spi::spi {

enum class OnFailure { undo, finish };

struct PlannedStep {
    std::string text; // for people
    std::unique_ptr<Step> step;
};

struct Plan {
    std::string operation;
    std::string text;
    std::string backup;
    OnFailure on_failure = OnFailure::undo;
    std::map<int, std::wstring> helpers;
    std::uint64_t confirm_within = 0; // milliseconds; 0 = needs no confirmation
    std::map<int, std::wstring> guards;
    std::wstring gate;
    std::vector<PlannedStep> steps;
    core::json::Value source;
};

// The providers that a plan itself brings to a catalog or takes from it.
std::vector<core::Guid> providers_of(const Plan& plan, int bits);

// ERR_PLAN_INVALID, or another code that names what is wrong with a step, and nothing has happened.
Status parse_plan_text(std::string_view text, Plan& plan);
Status parse_plan(const core::json::Value& source, Plan& plan);

} // namespace winsock_spi::spi
