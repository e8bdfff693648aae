// In the place of a base provider: where its own DLL is; see replaced_base.hpp.
//
// Without it this process has no network, so there are four places to learn of it, tried in this order:
//   1. the registry below WinSock2\Parameters, beside the catalog: who can read one can read the other;
//   2. a text file beside our DLL;
//   3. the catalog itself, where it has changed back since this process read it;
//   4. for Windows' own TCP/IP, what is registered on every Windows.
#include "replaced_base.hpp"

#include <array>
#include <bit>
#include <string_view>

#include "core/replaced_base.hpp"
#include "process.hpp"
#include "spi/nt_registry.hpp"
#include "spi/system_path.hpp"

namespace winsock_spi::lsp {

namespace {

using spi::PathText;
using GuidText = spi::WideText<39>; // {XXXXXXXX-XXXX-XXXX-XXXX-XXXXXXXXXXXX}

bool own_path(PathText& path) {
    HMODULE module = nullptr;
    constexpr DWORD flags = GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT;
    if (!GetModuleHandleExW(flags, std::bit_cast<LPCWSTR>(&own_path), &module)) {
        return false;
    }
    const DWORD length = GetModuleFileNameW(module, path.buffer(), PathText::capacity);
    path.finish();
    return length != 0 && length < PathText::capacity;
}

GuidText text_of(const core::Guid& guid) {
    GuidText text;
    text << L"{";
    text.append_hex(guid.data1, 8);
    text << L"-";
    text.append_hex(guid.data2, 4);
    text << L"-";
    text.append_hex(guid.data3, 4);
    text << L"-";
    for (std::size_t index = 0; index < guid.data4.size(); ++index) {
        if (index == 2) {
            text << L"-";
        }
        text.append_hex(guid.data4[index], 2);
    }
    text << L"}";
    return text;
}

bool usable(const PathText& raw, std::wstring_view own_name, PathText& path) {
    return raw.length() != 0 && raw.whole() && spi::expand_path(raw.view(), path) &&
           core::is_usable_original(path.view(), own_name);
}

bool saved_in_registry(const core::Guid& provider, PathText& raw) {
    constexpr std::wstring_view name = sizeof(void*) == 8 ? core::replaced_key_64 : core::replaced_key_32;
    PathText key_path;
    key_path << L"SYSTEM\\CurrentControlSet\\Services\\WinSock2\\Parameters\\" << name;
    const spi::UniqueHandle key = spi::open_machine_key(key_path.view());
    constexpr std::size_t room = PathText::capacity * sizeof(wchar_t);
    const bool found =
        key && spi::read_value(key.get(), text_of(provider).view(), REG_EXPAND_SZ, raw.buffer(), room) != 0;
    raw.finish();
    return found;
}

bool saved_in_file(const PathText& own, const core::Guid& provider, PathText& raw) {
    PathText path;
    const std::size_t folder = own.length() - core::file_name(own.view()).size();
    path << core::first_of(own.view(), folder) << core::replaced_file;
    constexpr DWORD share = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE;
    const spi::UniqueFile file(
        CreateFileW(path.c_str(), GENERIC_READ, share, nullptr, OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, nullptr));
    spi::HeapArray<wchar_t> units;
    DWORD bytes = 0;
    if (!path.whole() || !file || !units.allocate(core::replaced_file_most) ||
        !ReadFile(file.get(), units.data(), core::replaced_file_most * sizeof(wchar_t), &bytes, nullptr)) {
        return false;
    }
    raw << core::original_in({units.data(), bytes / sizeof(wchar_t)}, text_of(provider).view());
    return raw.length() != 0;
}

// MSAFD Tcpip, IPv4 and IPv6. https://learn.microsoft.com/windows/win32/winsock/winsock-service-provider-interface-spi
constexpr core::Guid windows_tcpip[] = {
    {0xE70F1AA0, 0xAB8B, 0x11CF, {0x8C, 0xA3, 0x00, 0x80, 0x5F, 0x48, 0xA1, 0x92}},
    {0xF9EAB0C0, 0x26D4, 0x11D0, {0xBB, 0xBF, 0x00, 0xAA, 0x00, 0x6C, 0x34, 0xE4}},
};

// Wine's mswsock.dll is a base provider by its name only: what it exports ends the program that calls it.
bool is_wine() {
    const HMODULE ntdll = GetModuleHandleW(L"ntdll.dll");
    return ntdll != nullptr && GetProcAddress(ntdll, "wine_get_version") != nullptr;
}

bool known_to_everybody(const core::Guid& provider, PathText& raw) {
    if (is_wine()) {
        return false;
    }
    for (const core::Guid& guid : windows_tcpip) {
        if (guid == provider) {
            raw << L"%SystemRoot%\\system32\\mswsock.dll";
            return true;
        }
    }
    return false;
}

bool candidate(int place, const WSPUPCALLTABLE& upcalls, const core::ProtocolInfo& base, const PathText& own,
               PathText& raw) {
    switch (place) {
    case 0: return saved_in_registry(base.provider_id, raw);
    case 1: return saved_in_file(own, base.provider_id, raw);
    case 2: return spi::provider_path(upcalls, base.provider_id, raw);
    default: return known_to_everybody(base.provider_id, raw);
    }
}

// While a thread starts the original, its coming back to us means that the original leads to us by another name.
class StartingScope {
public:
    StartingScope() {
        const DWORD self = GetCurrentThreadId();
        DWORD nobody = 0;
        entered_ = process.starting_original.compare_exchange_strong(nobody, self);
        again_ = nobody == self;
    }
    ~StartingScope() {
        if (entered_) {
            process.starting_original.store(0);
        }
    }
    StartingScope(const StartingScope&) = delete;
    StartingScope& operator=(const StartingScope&) = delete;

    bool again() const { return again_; }

private:
    bool entered_ = false;
    bool again_ = false;
};

} // namespace

bool leads_to_us(const WSPUPCALLTABLE& upcalls, const core::ProtocolInfo& provider) {
    PathText own;
    PathText path;
    return core::is_base(provider) && own_path(own) && spi::provider_path(upcalls, provider.provider_id, path) &&
           core::equal_ascii_names(core::file_name(path.view()), core::file_name(own.view()));
}

int start_original(const WSPUPCALLTABLE& upcalls, const core::ProtocolInfo& base, spi::LoadedProvider& loaded) {
    const StartingScope scope;
    PathText own;
    if (scope.again() || !own_path(own)) {
        return WSAEPROVIDERFAILEDINIT;
    }
    constexpr int places = 4;
    int error = WSAEPROVIDERFAILEDINIT;
    for (int place = 0; place < places; ++place) {
        PathText raw;
        PathText path;
        if (candidate(place, upcalls, base, own, raw) && usable(raw, core::file_name(own.view()), path)) {
            error = spi::load_provider_at(upcalls, path, base, loaded);
            if (error == 0) {
                return 0;
            }
        }
    }
    return error;
}

} // namespace winsock_spi::lsp
