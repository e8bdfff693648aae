#include "backup.hpp"

#include <algorithm>
#include <cstdio>

#include "catalog_items.hpp"
#include "core/sha256.hpp"
#include "executor.hpp"
#include "files.hpp"
#include "registry_json.hpp"
#include "step_members.hpp"
#include "text.hpp"

namespace winsock_spi::spi {
namespace {

using core::json::Value;

constexpr std::int64_t backup_version = 1;

Status corrupt(const std::string& what) {
    return own_error("ERR_BACKUP_CORRUPT", "the backup is damaged: " + what);
}

std::string checksum_of(const Value& registry) {
    return "sha256:" + core::sha256_hex(core::json::write(registry));
}

Status check_catalogs(const Value& file, const Machine& machine, const RegistryTree& registry) {
    const RegistryTree* catalog = registry.key(protocol_catalog);
    std::vector<int> stored;
    for (const int bits : {64, 32}) {
        if (catalog != nullptr && catalog->key(entries_key(bits)) != nullptr) {
            stored.push_back(bits);
        }
    }
    if (stored.empty()) {
        return corrupt("there is no protocol catalog in it");
    }
    const Value* facts = file.find("machine");
    const Value* said = facts != nullptr ? facts->find("catalogs") : nullptr;
    if (said == nullptr || said->array() == nullptr) {
        return corrupt("it does not tell of its machine");
    }
    const bool agrees =
        said->array()->size() == machine.catalogs.size() && std::ranges::all_of(*said->array(), [&](const Value& bits) {
            return std::ranges::find(machine.catalogs, bits.integer().value_or(0)) != machine.catalogs.end();
        });
    return agrees && stored == machine.catalogs
               ? Status{}
               : own_error("ERR_BACKUP_BITNESS", "the backup is from another kind of Windows: its catalogs are not "
                                                 "those of this machine");
}

std::string iso_time(const SYSTEMTIME& now) {
    char text[32];
    const int length = std::snprintf(text, sizeof(text), "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ", now.wYear, now.wMonth,
                                     now.wDay, now.wHour, now.wMinute, now.wSecond, now.wMilliseconds);
    return {text, static_cast<std::size_t>(length)};
}

} // namespace

Status parse_backup(std::string_view text, const Machine& machine, Backup& backup) {
    if (text.starts_with("\xEF\xBB\xBF")) {
        text.remove_prefix(3);
    }
    core::json::Error error;
    const std::optional<Value> file = core::json::parse(text, &error);
    if (!file) {
        return corrupt(std::string(error.what) + " at byte " + std::to_string(error.offset));
    }
    if (text_member(*file, "format") != L"winsock-spi-backup") {
        return own_error("ERR_BACKUP_FOREIGN", "the file is no backup of winsock-spi");
    }
    const Value* version = file->find("version");
    const std::int64_t number = version != nullptr ? version->integer().value_or(0) : 0;
    if (number > backup_version) {
        return own_error("ERR_BACKUP_NEWER", "the backup was made by a newer version of winsock-spi");
    }
    const Value* registry = file->find("registry");
    if (number != backup_version || registry == nullptr) {
        return corrupt("version or registry is missing");
    }
    if (narrow(text_member(*file, "checksum")) != checksum_of(*registry)) {
        return corrupt("its registry does not fit its checksum");
    }
    if (Status status = from_json(*registry, backup.registry); !status.ok()) {
        return status;
    }
    backup.created = narrow(text_member(*file, "created"));
    return check_catalogs(*file, machine, backup.registry);
}

Status read_backup(const std::wstring& path, const Machine& machine, Backup& backup) {
    std::vector<std::uint8_t> bytes;
    if (Status status = read_file(path, bytes); !status.ok()) {
        const bool missing = status.number == ERROR_FILE_NOT_FOUND || status.number == ERROR_PATH_NOT_FOUND;
        return missing ? own_error("ERR_FILE_NOT_FOUND", "there is no file " + narrow(path)) : status;
    }
    return parse_backup({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, machine, backup);
}

Status make_backup(const Machine& machine, std::string& text) {
    RegistryTree registry;
    if (Status status = read_tree(winsock_parameters, registry); !status.ok()) {
        return status;
    }
    SYSTEMTIME now{};
    GetSystemTime(&now);
    Value facts;
    facts.add("computer", narrow(machine.computer));
    facts.add("windows", machine.windows);
    facts.add("arch", machine.arch);
    facts.add("catalogs", core::json::Array(machine.catalogs.begin(), machine.catalogs.end()));
    const Value tree = to_json(registry);
    Value decoded;
    decoded.add("protocols", core::json::Object{});
    decoded.add("namespaces", core::json::Object{});
    Value file;
    file.add("format", "winsock-spi-backup");
    file.add("version", backup_version);
    file.add("created", iso_time(now));
    file.add("machine", std::move(facts));
    file.add("registry", tree);
    file.add("decoded", std::move(decoded));
    file.add("dlls", core::json::Object{});
    file.add("checksum", checksum_of(tree));
    text = core::json::write(file) + "\n";
    return {};
}

Status write_automatic_backup(const Machine& machine, std::wstring& path) {
    std::wstring data;
    std::wstring folder;
    if (Status status = prepare_folders(data, folder); !status.ok()) {
        return status;
    }
    std::string text;
    if (Status status = make_backup(machine, text); !status.ok()) {
        return status;
    }
    SYSTEMTIME now{};
    GetSystemTime(&now);
    std::string name = iso_time(now);
    std::erase_if(name, [](char c) { return c == '-' || c == ':' || c == '.'; });
    path = folder + L"\\" + widen(name) + L".json";
    WritePoints uncounted;
    return write_new_file(path, text.data(), text.size(), Access::private_access, uncounted);
}

} // namespace winsock_spi::spi
