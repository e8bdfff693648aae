#include "step_members.hpp"

#include <charconv>
#include <cstring>
#include <string_view>

#include "core/base64.hpp"
#include "core/guid_text.hpp"
#include "text.hpp"

namespace winsock_spi::spi {

using core::json::Value;

Status invalid_plan(const std::string& what) {
    return own_error("ERR_PLAN_INVALID", "the plan is invalid: " + what);
}

Status read_string(const Value& object, const char* name, std::string& text) {
    const Value* member = object.find(name);
    if (member == nullptr || member->string() == nullptr) {
        return invalid_plan(std::string(name) + " must be a string");
    }
    text = *member->string();
    return {};
}

Status read_path(const Value& object, const char* name, std::wstring& path) {
    std::string text;
    if (Status status = read_string(object, name, text); !status.ok()) {
        return status;
    }
    path = widen(text);
    const bool on_drive = path.size() > 3 && path[1] == L':' && path[2] == L'\\';
    const bool on_server = path.size() > 3 && path[0] == L'\\' && path[1] == L'\\';
    if ((!on_drive && !on_server) || path.find_first_of(std::wstring_view(L"/\0", 2)) != std::wstring::npos) {
        return invalid_plan(std::string(name) + " must be an absolute Windows path, not \"" + text + "\"");
    }
    return {};
}

Status read_bits(const Value& object, const char* name, int& bits) {
    const Value* member = object.find(name);
    const std::optional<std::int64_t> number = member != nullptr ? member->integer() : std::nullopt;
    if (!number || (*number != 32 && *number != 64)) {
        return invalid_plan(std::string(name) + " must be 32 or 64");
    }
    bits = static_cast<int>(*number);
    return {};
}

Status read_guid(const Value& object, const char* name, core::Guid& guid) {
    std::string text;
    if (Status status = read_string(object, name, text); !status.ok()) {
        return status;
    }
    const std::optional<core::Guid> parsed = core::parse_guid(text);
    if (!parsed) {
        return invalid_plan(std::string(name) + " must be a GUID in braces, not \"" + text + "\"");
    }
    guid = *parsed;
    return {};
}

Status read_number(const Value& object, const char* name, std::uint32_t& number) {
    const Value* member = object.find(name);
    const std::optional<std::int64_t> integer = member != nullptr ? member->integer() : std::nullopt;
    if (!integer || *integer < 0 || *integer > 0xFFFFFFFF) {
        return invalid_plan(std::string(name) + " must be a number from 0 to 4294967295");
    }
    number = static_cast<std::uint32_t>(*integer);
    return {};
}

Status read_info(const Value& object, const char* name, core::ProtocolInfo& info) {
    std::string text;
    if (Status status = read_string(object, name, text); !status.ok()) {
        return status;
    }
    const std::optional<std::vector<std::uint8_t>> bytes = core::decode_base64(text);
    if (!bytes || bytes->size() != sizeof(info)) {
        return invalid_plan(std::string(name) + " must be 628 bytes in Base64");
    }
    std::memcpy(&info, bytes->data(), sizeof(info));
    if (core::check_info(info) != core::ItemFault::none) {
        return invalid_plan(std::string(name) + " is no WSAPROTOCOL_INFOW");
    }
    return {};
}

Status read_entry_names(const Value& object, const char* name, std::vector<EntryName>& names) {
    const Value* member = object.find(name);
    if (member == nullptr || member->array() == nullptr) {
        return invalid_plan(std::string(name) + " must be an array");
    }
    names.clear();
    for (const Value& item : *member->array()) {
        names.emplace_back();
        if (Status status = read_entry_name(item, name, names.back()); !status.ok()) {
            return status;
        }
    }
    return {};
}

Status read_entry_name(const Value& value, const char* where, EntryName& name) {
    name = {};
    const std::optional<std::int64_t> id = value.integer();
    if (id && *id > 0 && *id <= 0xFFFFFFFF) {
        name.id = static_cast<std::uint32_t>(*id);
        return {};
    }
    const std::string text = value.string() != nullptr ? *value.string() : std::string();
    const std::size_t end = text.find('#');
    const std::optional<core::Guid> guid = core::parse_guid(std::string_view(text).substr(0, end));
    if (!guid) {
        return invalid_plan(std::string(where) + " must hold catalog ids and GUIDs");
    }
    name.guid = *guid;
    if (end != std::string::npos) {
        const char* last = text.data() + text.size();
        const auto [stop, error] = std::from_chars(text.data() + end + 1, last, name.ordinal);
        if (error != std::errc{} || stop != last || name.ordinal == 0) {
            return invalid_plan(std::string(where) + " must count entries of a GUID from 1, not \"" + text + "\"");
        }
    }
    return {};
}

Status read_ids(const Value& object, const char* name, std::vector<std::uint32_t>& ids) {
    std::vector<EntryName> names;
    if (Status status = read_entry_names(object, name, names); !status.ok()) {
        return status;
    }
    ids.clear();
    for (const EntryName& entry : names) {
        if (entry.id == 0) {
            return invalid_plan(std::string(name) + " must hold catalog ids");
        }
        ids.push_back(entry.id);
    }
    return {};
}

std::string encode_info(const core::ProtocolInfo& info) {
    return core::encode_base64({reinterpret_cast<const std::uint8_t*>(&info), sizeof(info)});
}

Value encode_ids(const std::vector<std::uint32_t>& ids) {
    core::json::Array items(ids.begin(), ids.end());
    return items;
}

bool flag(const Value& object, const char* name) {
    const Value* member = object.find(name);
    return member != nullptr && member->boolean().value_or(false);
}

std::wstring text_member(const Value& object, const char* name) {
    const Value* member = object.find(name);
    return member != nullptr && member->string() != nullptr ? widen(*member->string()) : std::wstring();
}

} // namespace winsock_spi::spi
