// Reading the members of a step's JSON description, and of what a step noted in the journal.
#pragma once

#include <string>
#include <vector>

#include "core/identity.hpp"
#include "core/json.hpp"
#include "core/packed_catalog_item.hpp"
#include "status.hpp"

namespace winsock_spi::spi {

Status invalid_plan(const std::string& what);

Status read_string(const core::json::Value& object, const char* name, std::string& text);
Status read_path(const core::json::Value& object, const char* name, std::wstring& path); // absolute
Status read_bits(const core::json::Value& object, const char* name, int& bits);          // 32 or 64
Status read_guid(const core::json::Value& object, const char* name, core::Guid& guid);
Status read_number(const core::json::Value& object, const char* name, std::uint32_t& number); // 0 to 0xFFFFFFFF
Status read_info(const core::json::Value& object, const char* name, core::ProtocolInfo& info);
Status read_ids(const core::json::Value& object, const char* name, std::vector<std::uint32_t>& ids);

std::string encode_info(const core::ProtocolInfo& info);
core::json::Value encode_ids(const std::vector<std::uint32_t>& ids);

// A catalog entry named by its id, or by its provider GUID where the id is known only when the step runs; of a provider
// with several entries, "{GUID}#2" is the one with the second-lowest id.
struct EntryName {
    std::uint32_t id = 0; // 0: `guid` tells
    core::Guid guid{};
    std::uint32_t ordinal = 0; // 0: the provider's only entry
};
Status read_entry_name(const core::json::Value& value, const char* where, EntryName& name);
Status read_entry_names(const core::json::Value& object, const char* name, std::vector<EntryName>& names);

// Members that a step wrote into the journal itself; false or empty where they are missing.
bool flag(const core::json::Value& object, const char* name);
std::wstring text_member(const core::json::Value& object, const char* name);

} // namespace winsock_spi::spi
