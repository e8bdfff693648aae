// The categories of layered providers in the registry, and Windows' rule for loading.
#include "lsp_categories.hpp"

#include <algorithm>
#include <string>

#include "../../core/guid_text.hpp"

namespace winsock_spi::wine {

namespace {

constexpr const wchar_t* categories_key_name(Bitness bitness) noexcept {
    return bitness == Bitness::bits64 ? L"Lsp_Categories64" : L"Lsp_Categories";
}

std::wstring value_name(const core::Guid& id) {
    const std::string text = core::format_guid(id); // ASCII
    return std::wstring(text.begin(), text.end());
}

bool parse_value_name(const std::wstring& name, core::Guid& id) {
    std::string text;
    for (const wchar_t unit : name) {
        text += unit < 0x80 ? static_cast<char>(unit) : '?';
    }
    const std::optional<core::Guid> parsed = core::parse_guid(text);
    id = parsed.value_or(core::Guid{});
    return parsed.has_value();
}

auto find(auto& categories, const core::Guid& provider_id) noexcept {
    return std::find_if(categories.begin(), categories.end(),
                        [&](const ProviderCategories& one) { return one.provider_id == provider_id; });
}

} // namespace

LSTATUS read_categories(const RegistryKey& root, Bitness bitness, LspCategories& categories) {
    categories.clear();
    RegistryKey key;
    LSTATUS status = key.open(root.get(), categories_key_name(bitness), KEY_READ);
    if (status == ERROR_FILE_NOT_FOUND) {
        return ERROR_SUCCESS;
    }
    std::vector<std::wstring> names;
    if (status == ERROR_SUCCESS) {
        status = key.list_values(names);
    }
    for (const std::wstring& name : names) {
        ProviderCategories one{};
        if (parse_value_name(name, one.provider_id) && key.read(name.c_str(), one.categories) == ERROR_SUCCESS) {
            categories.push_back(one);
        }
    }
    return status;
}

LSTATUS write_categories(const RegistryKey& root, Bitness bitness, const LspCategories& from, const LspCategories& to) {
    if (from == to) {
        return ERROR_SUCCESS;
    }
    RegistryKey key;
    bool made = false;
    LSTATUS status = key.create(root.get(), categories_key_name(bitness), made);
    for (const ProviderCategories& one : to) {
        if (status == ERROR_SUCCESS) {
            status = key.write(value_name(one.provider_id).c_str(), one.categories);
        }
    }
    for (const ProviderCategories& one : from) {
        if (status == ERROR_SUCCESS && find(to, one.provider_id) == to.end()) {
            status = key.remove_value(value_name(one.provider_id).c_str());
            status = status == ERROR_FILE_NOT_FOUND ? ERROR_SUCCESS : status;
        }
    }
    std::vector<std::wstring> left;
    if (status == ERROR_SUCCESS && to.empty() && key.list_values(left) == ERROR_SUCCESS && left.empty()) {
        key.close();
        status = root.remove(categories_key_name(bitness));
    }
    return status;
}

std::uint32_t categories_of(const LspCategories& categories, const core::Guid& provider_id) noexcept {
    const auto found = find(categories, provider_id);
    return found != categories.end() ? found->categories : 0;
}

void set_categories(LspCategories& categories, const core::Guid& provider_id, std::uint32_t value) {
    const auto found = find(categories, provider_id);
    if (found == categories.end()) {
        if (value != 0) {
            categories.push_back({provider_id, value});
        }
    } else if (value != 0) {
        found->categories = value;
    } else {
        categories.erase(found);
    }
}

bool is_permitted(std::uint32_t categories, std::optional<std::uint32_t> permitted) noexcept {
    if (!permitted) {
        return true;
    }
    // All that the provider is must be permitted, and it must be something that is: a provider without categories is
    // not let into a program that has some. A program with LSP_SYSTEM takes only providers with LSP_SYSTEM.
    constexpr std::uint32_t system = LSP_SYSTEM;
    const bool subset = (categories & ~*permitted) == 0;
    return subset && categories != 0 && ((*permitted & system) == 0 || (categories & system) != 0);
}

} // namespace winsock_spi::wine
