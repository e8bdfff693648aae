// The permitted LSP categories of programs, in the registry.
#include "application_category.hpp"

#include <cwchar>
#include <cwctype>
#include <new>
#include <vector>

#include "catalog_registry.hpp"
#include "lock_guards.hpp"

namespace winsock_spi::wine {

namespace {

constexpr wchar_t applications_key[] = L"AppId_Catalog";
constexpr wchar_t path_value[] = L"AppFullPath";
constexpr wchar_t arguments_value[] = L"AppArgs";
constexpr wchar_t categories_value[] = L"PermittedLspCategories";

bool same_text(const std::wstring& left, const std::wstring& right) noexcept {
    return CompareStringOrdinal(left.c_str(), static_cast<int>(left.size()), right.c_str(),
                                static_cast<int>(right.size()), TRUE) == CSTR_EQUAL;
}

std::wstring trimmed(std::wstring_view text) {
    const std::size_t first = text.find_first_not_of(L" \t");
    if (first == std::wstring_view::npos) {
        return {};
    }
    return std::wstring(text.substr(first, text.find_last_not_of(L" \t") - first + 1));
}

std::wstring absolute(const std::wstring& path) {
    wchar_t resolved[MAX_PATH];
    const DWORD length = GetFullPathNameW(path.c_str(), MAX_PATH, resolved, nullptr);
    return length != 0 && length < MAX_PATH ? std::wstring(resolved, length) : path;
}

// FNV-1a over the upper-case units.
std::uint32_t hash_of(const Application& application) {
    std::uint32_t hash = 2166136261u;
    for (const std::wstring* text : {&application.path, &application.arguments}) {
        for (const wchar_t unit : *text + L'\n') {
            hash = (hash ^ static_cast<std::uint32_t>(std::towupper(unit))) * 16777619u;
        }
    }
    return hash;
}

struct Entry {
    std::wstring key;
    Application application;
    std::uint32_t permitted;
};

LSTATUS read_entries(const RegistryKey& root, std::vector<Entry>& entries) {
    std::vector<std::wstring> names;
    const LSTATUS status = root.list_keys(names);
    for (const std::wstring& name : names) {
        RegistryKey key;
        Entry entry{name, {}, 0};
        if (key.open(root.get(), name.c_str(), KEY_READ) != ERROR_SUCCESS ||
            key.read(path_value, entry.application.path) != ERROR_SUCCESS ||
            key.read(categories_value, entry.permitted) != ERROR_SUCCESS) {
            continue; // no entry
        }
        key.read(arguments_value, entry.application.arguments); // mostly there is none
        entry.application = make_application(entry.application.path, entry.application.arguments);
        entries.push_back(std::move(entry));
    }
    return status;
}

// ERROR_FILE_NOT_FOUND where no application has an entry.
LSTATUS open_applications(RegistryKey& root) {
    RegistryKey parameters;
    const LSTATUS status = parameters.open(HKEY_LOCAL_MACHINE, winsock_parameters, KEY_READ);
    return status == ERROR_SUCCESS ? root.open(parameters.get(), applications_key, KEY_READ) : status;
}

const Entry* find(const std::vector<Entry>& entries, const Application& application) {
    for (const Entry& entry : entries) {
        if (same_text(entry.application.path, application.path) &&
            same_text(entry.application.arguments, application.arguments)) {
            return &entry;
        }
    }
    return nullptr;
}

// What follows the program's name in a command line.
std::wstring_view arguments_of(std::wstring_view command_line) {
    std::size_t end = 0;
    bool quoted = false;
    while (end < command_line.size() && (quoted || (command_line[end] != L' ' && command_line[end] != L'\t'))) {
        quoted = command_line[end] == L'"' ? !quoted : quoted;
        ++end;
    }
    return command_line.substr(end);
}

std::optional<std::uint32_t> decide() {
    RegistryKey root;
    std::vector<Entry> entries;
    if (open_applications(root) != ERROR_SUCCESS || read_entries(root, entries) != ERROR_SUCCESS || entries.empty()) {
        return std::nullopt;
    }
    wchar_t path[MAX_PATH];
    const DWORD length = GetModuleFileNameW(nullptr, path, MAX_PATH);
    if (length == 0 || length >= MAX_PATH) {
        return std::nullopt;
    }
    const Application self = make_application({path, length}, arguments_of(GetCommandLineW()));
    const Entry* entry = find(entries, self);
    if (entry == nullptr) {
        entry = find(entries, {self.path, {}});
    }
    return entry != nullptr ? std::optional(entry->permitted) : std::nullopt;
}

// A key of its own; a name that another application has already is passed over.
LSTATUS make_key(const RegistryKey& root, std::uint32_t hash, RegistryKey& key) {
    for (;; ++hash) {
        wchar_t name[16];
        swprintf(name, 16, L"%08X", static_cast<unsigned>(hash));
        bool made = false;
        const LSTATUS status = key.create(root.get(), name, made);
        if (status != ERROR_SUCCESS || made) {
            return status;
        }
    }
}

struct Decision {
    SRWLOCK lock = SRWLOCK_INIT;
    bool made = false;
    std::optional<std::uint32_t> permitted;
};

constinit Decision decision;

} // namespace

Application make_application(std::wstring_view path, std::wstring_view arguments) {
    const std::wstring stored(path);
    std::wstring expanded(32767, L'\0');
    const DWORD units = ExpandEnvironmentStringsW(stored.c_str(), expanded.data(), static_cast<DWORD>(expanded.size()));
    if (units == 0 || units > expanded.size()) {
        expanded = stored;
    } else {
        expanded.resize(units - 1);
    }
    return {absolute(expanded), trimmed(arguments)};
}

int get_application_categories(const Application& application, std::uint32_t& permitted) {
    RegistryKey root;
    std::vector<Entry> entries;
    LSTATUS status = open_applications(root);
    if (status == ERROR_FILE_NOT_FOUND) {
        return WSASERVICE_NOT_FOUND;
    }
    if (status == ERROR_SUCCESS) {
        status = read_entries(root, entries);
    }
    if (status != ERROR_SUCCESS) {
        return winsock_error(status);
    }
    const Entry* entry = find(entries, application);
    if (entry == nullptr) {
        return WSASERVICE_NOT_FOUND;
    }
    permitted = entry->permitted;
    return 0;
}

int add_application_categories(const Application& application, std::uint32_t permitted,
                               std::optional<std::uint32_t>& before) {
    before.reset();
    CatalogLock lock;
    RegistryKey parameters;
    RegistryKey root;
    bool made = false;
    LSTATUS status = lock.acquire();
    if (status == ERROR_SUCCESS) {
        status = parameters.open(HKEY_LOCAL_MACHINE, winsock_parameters, KEY_READ | KEY_WRITE);
    }
    if (status == ERROR_SUCCESS) {
        status = root.create(parameters.get(), applications_key, made);
    }
    std::vector<Entry> entries;
    if (status == ERROR_SUCCESS) {
        status = read_entries(root, entries);
    }
    if (status != ERROR_SUCCESS) {
        return winsock_error(status);
    }
    RegistryKey key;
    if (const Entry* entry = find(entries, application)) {
        before = entry->permitted;
        status = key.open(root.get(), entry->key.c_str(), KEY_READ | KEY_WRITE);
        if (status == ERROR_SUCCESS) {
            status = key.write(categories_value, *before | permitted);
        }
        return winsock_error(status);
    }
    status = make_key(root, hash_of(application), key);
    if (status == ERROR_SUCCESS) {
        status = key.write(path_value, application.path.c_str());
    }
    if (status == ERROR_SUCCESS && !application.arguments.empty()) {
        status = key.write(arguments_value, application.arguments.c_str());
    }
    if (status == ERROR_SUCCESS) {
        status = key.write(categories_value, permitted); // last: without it there is no entry
    }
    return winsock_error(status);
}

std::optional<std::uint32_t> this_programs_categories() noexcept {
    const ExclusiveLock guard(decision.lock);
    if (!decision.made) {
        decision.made = true;
        try {
            decision.permitted = decide();
        } catch (const std::bad_alloc&) {
            decision.permitted.reset(); // as without categories: the network works
        }
    }
    return decision.permitted;
}

} // namespace winsock_spi::wine
