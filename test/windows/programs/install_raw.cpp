// Puts the provider into this bitness's catalog with plain WSC* calls and takes it out again: for tests of the provider
// alone, without addon, executor or backup.
//   install_raw install DLL   one hidden entry, one layered entry over what stands on top for TCP, UDP and RAW of IPv4
//                             and IPv6, first in order; and the data folder with empty control files and the
//                             folder of the rings
//   install_raw remove
//   install_raw watch COUNT   sets the number of watchers in control.bin
// Exit code 0 and "ok", or 1 and what failed.
#include <winsock2.h>
#include <ws2spi.h>
#include <windows.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <cwchar>
#include <string>
#include <vector>

namespace {

constexpr GUID hidden_guid{0x7C1E5A3D, 0, 0, {0x9B, 0x42, 0xD6, 0xF0, 0x3E, 0x8A, 0x51, 0xC7}};

GUID layered_guid(const WSAPROTOCOL_INFOW& base) {
    GUID guid = hidden_guid;
    guid.Data2 = static_cast<unsigned short>(base.iAddressFamily);
    guid.Data3 = static_cast<unsigned short>(base.iSocketType << 8 | base.iProtocol);
    return guid;
}

bool is_ours(const GUID& guid) {
    return guid.Data1 == hidden_guid.Data1 && std::memcmp(guid.Data4, hidden_guid.Data4, sizeof(guid.Data4)) == 0;
}

[[noreturn]] void fail(const char* what, int error) {
    std::printf("failed: %s: %d\n", what, error);
    std::exit(1);
}

std::vector<WSAPROTOCOL_INFOW> read_catalog() {
    std::vector<WSAPROTOCOL_INFOW> entries(256);
    auto size = static_cast<DWORD>(entries.size() * sizeof(entries[0]));
    int error = 0;
    const int count = WSCEnumProtocols(nullptr, entries.data(), &size, &error);
    if (count == SOCKET_ERROR) {
        fail("WSCEnumProtocols", error);
    }
    entries.resize(static_cast<std::size_t>(count));
    return entries;
}

DWORD install_entry(GUID guid, const wchar_t* dll, WSAPROTOCOL_INFOW info) {
    info.ProviderId = guid;
    int error = 0;
    if (WSCInstallProvider(&guid, dll, &info, 1, &error) != 0) {
        fail("WSCInstallProvider", error);
    }
    for (const WSAPROTOCOL_INFOW& entry : read_catalog()) {
        if (std::memcmp(&entry.ProviderId, &guid, sizeof(guid)) == 0) {
            return entry.dwCatalogEntryId;
        }
    }
    fail("the entry is not in the catalog", 0);
}

void order_first(const std::vector<DWORD>& first) {
    using WriteOrder = int(WSPAPI*)(LPDWORD, DWORD);
    const auto write = reinterpret_cast<WriteOrder>(
        reinterpret_cast<void*>(GetProcAddress(GetModuleHandleW(L"ws2_32.dll"), "WSCWriteProviderOrder")));
    std::vector<DWORD> order = first;
    for (const WSAPROTOCOL_INFOW& entry : read_catalog()) {
        bool listed = false;
        for (const DWORD id : first) {
            listed = listed || id == entry.dwCatalogEntryId;
        }
        if (!listed) {
            order.push_back(entry.dwCatalogEntryId);
        }
    }
    const int error = write == nullptr ? WSASYSNOTREADY : write(order.data(), static_cast<DWORD>(order.size()));
    if (error != 0) {
        fail("WSCWriteProviderOrder", error);
    }
}

// The entry that programs get for the triplet of `base` now.
const WSAPROTOCOL_INFOW& top_entry(const std::vector<WSAPROTOCOL_INFOW>& catalog, const WSAPROTOCOL_INFOW& base) {
    for (const WSAPROTOCOL_INFOW& entry : catalog) {
        if (entry.ProtocolChain.ChainLen > 0 && entry.iAddressFamily == base.iAddressFamily &&
            entry.iSocketType == base.iSocketType && entry.iProtocol == base.iProtocol) {
            return entry;
        }
    }
    return base;
}

WSAPROTOCOLCHAIN chain_over(const WSAPROTOCOL_INFOW& top, DWORD hidden) {
    WSAPROTOCOLCHAIN chain{};
    chain.ChainEntries[0] = hidden;
    chain.ChainEntries[1] = top.dwCatalogEntryId;
    chain.ChainLen = 2;
    for (int index = 1; index < top.ProtocolChain.ChainLen && chain.ChainLen < MAX_PROTOCOL_CHAIN; ++index) {
        chain.ChainEntries[chain.ChainLen++] = top.ProtocolChain.ChainEntries[index];
    }
    return chain;
}

void install(const wchar_t* dll) {
    const std::vector<WSAPROTOCOL_INFOW> bases = read_catalog();
    std::vector<DWORD> layered;
    DWORD hidden = 0;
    for (const WSAPROTOCOL_INFOW& base : bases) {
        const bool covered =
            base.ProtocolChain.ChainLen == 1 && (base.iAddressFamily == AF_INET || base.iAddressFamily == AF_INET6) &&
            (base.iSocketType == SOCK_STREAM || base.iSocketType == SOCK_DGRAM || base.iSocketType == SOCK_RAW);
        if (!covered) {
            continue;
        }
        WSAPROTOCOL_INFOW info = base;
        if (hidden == 0) {
            info.dwProviderFlags |= PFL_HIDDEN;
            info.ProtocolChain.ChainLen = 0;
            std::wcscpy(info.szProtocol, L"winsock-spi");
            hidden = install_entry(hidden_guid, dll, info);
            info = base;
        }
        info.ProtocolChain = chain_over(top_entry(bases, base), hidden);
        std::wcscpy(info.szProtocol, L"winsock-spi over [");
        std::wcsncat(info.szProtocol, base.szProtocol, 200);
        std::wcscat(info.szProtocol, L"]");
        layered.push_back(install_entry(layered_guid(base), dll, info));
    }
    order_first(layered);
}

void remove() {
    for (const WSAPROTOCOL_INFOW& entry : read_catalog()) {
        GUID guid = entry.ProviderId;
        int error = 0;
        if (is_ours(guid) && WSCDeinstallProvider(&guid, &error) != 0) {
            fail("WSCDeinstallProvider", error);
        }
    }
}

std::wstring data_folder() {
    wchar_t folder[MAX_PATH];
    if (ExpandEnvironmentStringsW(L"%ProgramData%\\winsock-spi", folder, MAX_PATH) == 0) {
        fail("ProgramData", static_cast<int>(GetLastError()));
    }
    return folder;
}

// magic, abi and size, then zeros: native/core/control_format.hpp.
void make_control(const std::wstring& path) {
    std::vector<unsigned char> bytes(4096);
    const std::uint32_t magic = 0x43495357;
    const std::uint16_t abi = 1;
    const std::uint16_t size = 4096;
    std::memcpy(bytes.data(), &magic, sizeof(magic));
    std::memcpy(bytes.data() + 4, &abi, sizeof(abi));
    std::memcpy(bytes.data() + 6, &size, sizeof(size));
    const HANDLE file = CreateFileW(path.c_str(), GENERIC_WRITE, FILE_SHARE_READ, nullptr, CREATE_NEW, 0, nullptr);
    if (file == INVALID_HANDLE_VALUE) {
        return; // it is there
    }
    DWORD written = 0;
    WriteFile(file, bytes.data(), size, &written, nullptr);
    CloseHandle(file);
}

void make_data() {
    const std::wstring folder = data_folder();
    CreateDirectoryW(folder.c_str(), nullptr);
    CreateDirectoryW((folder + L"\\rings").c_str(), nullptr);
    make_control(folder + L"\\control.bin");
    make_control(folder + L"\\watch.bin");
}

void set_watchers(std::uint32_t count) {
    const std::wstring path = data_folder() + L"\\control.bin";
    const HANDLE file =
        CreateFileW(path.c_str(), GENERIC_READ | GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
                    nullptr, OPEN_EXISTING, 0, nullptr);
    const HANDLE section =
        file == INVALID_HANDLE_VALUE ? nullptr : CreateFileMappingW(file, nullptr, PAGE_READWRITE, 0, 4096, nullptr);
    void* const view = section == nullptr ? nullptr : MapViewOfFile(section, FILE_MAP_WRITE, 0, 0, 4096);
    if (view == nullptr) {
        fail("control.bin", static_cast<int>(GetLastError()));
    }
    constexpr std::size_t watchers = 20; // offset in the control file
    *reinterpret_cast<volatile std::uint32_t*>(static_cast<unsigned char*>(view) + watchers) = count;
    UnmapViewOfFile(view);
    CloseHandle(section);
    CloseHandle(file);
}

} // namespace

int wmain(int count, wchar_t** arguments) {
    WSADATA data;
    WSAStartup(MAKEWORD(2, 2), &data);
    const std::wstring command = count > 1 ? arguments[1] : L"";
    if (command == L"install" && count == 3) {
        make_data();
        install(arguments[2]);
    } else if (command == L"remove" && count == 2) {
        remove();
    } else if (command == L"watch" && count == 3) {
        set_watchers(static_cast<std::uint32_t>(std::wcstoul(arguments[2], nullptr, 10)));
    } else {
        std::printf("usage: install_raw install DLL | remove | watch COUNT\n");
        return 64;
    }
    std::printf("ok\n");
    return 0;
}
