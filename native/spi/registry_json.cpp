#include "registry_json.hpp"

#include "core/base64.hpp"
#include "text.hpp"

namespace winsock_spi::spi {
namespace {

using core::json::Member;
using core::json::Object;
using core::json::Value;

constexpr std::int64_t max_registry_type = 0xFFFFFFFF;
constexpr std::size_t max_value_name = 16383;
constexpr std::size_t max_key_name = 255;

Status corrupt(const std::string& what) {
    return own_error("ERR_BACKUP_CORRUPT", "not a registry tree: " + what);
}

Status read_value(const Member& member, RegistryTree& tree) {
    const Value* type = member.second.find("type");
    const Value* data = member.second.find("data");
    const std::optional<std::int64_t> number = type != nullptr ? type->integer() : std::nullopt;
    if (!number || *number < 0 || *number > max_registry_type || data == nullptr || data->string() == nullptr) {
        return corrupt("value " + member.first);
    }
    std::optional<std::vector<std::uint8_t>> bytes = core::decode_base64(*data->string());
    std::wstring name = widen(member.first);
    if (!bytes || name.size() > max_value_name || name.find(L'\0') != std::wstring::npos ||
        tree.value(name) != nullptr) {
        return corrupt("value " + member.first);
    }
    tree.values.push_back({std::move(name), static_cast<std::uint32_t>(*number), std::move(*bytes)});
    return {};
}

} // namespace

Value to_json(const RegistryTree& tree) {
    Object values;
    for (const RegistryValue& value : tree.values) {
        Value item;
        item.add("type", value.type);
        item.add("data", core::encode_base64(value.data));
        values.emplace_back(narrow(value.name), std::move(item));
    }
    Object keys;
    for (const auto& [name, child] : tree.keys) {
        keys.emplace_back(narrow(name), to_json(child));
    }
    Value object;
    object.add("values", std::move(values));
    object.add("keys", std::move(keys));
    if (!tree.security.empty()) {
        object.add("security", tree.security);
    }
    return object;
}

Status from_json(const Value& value, RegistryTree& tree) {
    const Value* values = value.find("values");
    const Value* keys = value.find("keys");
    if (values == nullptr || values->object() == nullptr || keys == nullptr || keys->object() == nullptr) {
        return corrupt("members values and keys are missing");
    }
    if (const Value* security = value.find("security")) {
        if (security->string() == nullptr) {
            return corrupt("security");
        }
        tree.security = *security->string();
    }
    for (const Member& member : *values->object()) {
        if (Status status = read_value(member, tree); !status.ok()) {
            return status;
        }
    }
    for (const Member& member : *keys->object()) {
        std::wstring name = widen(member.first);
        const bool separated = name.find_first_of(std::wstring_view(L"\\\0", 2)) != std::wstring::npos;
        if (name.empty() || name.size() > max_key_name || separated || tree.key(name) != nullptr) {
            return corrupt("key " + member.first);
        }
        tree.keys.push_back({std::move(name), {}});
        if (Status status = from_json(member.second, tree.keys.back().tree); !status.ok()) {
            return status;
        }
    }
    return {};
}

} // namespace winsock_spi::spi
