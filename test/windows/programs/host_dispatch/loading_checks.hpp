// Loading providers: what a broken one makes of the program's call, that it leaves nothing behind, and that the next
// call tries again.
#pragma once

#include "strange_setup.hpp"

inline std::wstring temporary_file(const wchar_t* name) {
    wchar_t folder[MAX_PATH];
    GetTempPathW(MAX_PATH, folder);
    return std::wstring(folder) + L"host-dispatch-" + std::to_wstring(GetCurrentProcessId()) + L"-" + name;
}

// A file with the first half of another.
inline bool copy_half(const std::wstring& from, const std::wstring& to) {
    if (!CopyFileW(from.c_str(), to.c_str(), FALSE)) {
        return false;
    }
    const HANDLE file = CreateFileW(to.c_str(), GENERIC_WRITE, 0, nullptr, OPEN_EXISTING, 0, nullptr);
    LARGE_INTEGER size{};
    GetFileSizeEx(file, &size);
    size.QuadPart /= 2;
    const bool done = SetFilePointerEx(file, size, nullptr, FILE_BEGIN) && SetEndOfFile(file);
    CloseHandle(file);
    return done;
}

inline int open_tcp_error() {
    const SOCKET socket = ::socket(AF_INET, SOCK_STREAM, IPPROTO_TCP);
    if (socket == INVALID_SOCKET) {
        return WSAGetLastError();
    }
    closesocket(socket);
    return 0;
}

inline void check_bad_file(Checks& checks, const char* what, const std::wstring& path) {
    checks.section(what);
    checks.equal("can be installed", Strange::install(Mode::silent, path, {Strange::info_of(Mode::silent)}), 0);
    checks.equal("opening a socket fails", Strange::error_of_open(Mode::silent), WSAEPROVIDERFAILEDINIT);
    checks.equal("again", Strange::error_of_open(Mode::silent), WSAEPROVIDERFAILEDINIT);
    checks.equal("other sockets work", open_tcp_error(), 0);
    checks.equal("can be removed", Strange::remove(Mode::silent), 0);
    checks.equal("then there is no such protocol", Strange::error_of_open(Mode::silent), WSAESOCKTNOSUPPORT);
}

inline void check_bad_start(Checks& checks, Strange& strange, const char* what, Mode mode, int error, long cleanups) {
    checks.section(what);
    checks.equal("can be installed", strange.install(mode), 0);
    checks.equal("opening a socket fails", Strange::error_of_open(mode), error);
    checks.is_true("the DLL is let go", !strange.loaded());
    checks.equal("WSPCleanup was called as often as WSPStartup succeeded", strange.calls(mode, strange::call_cleanup),
                 cleanups);
    checks.equal("again", Strange::error_of_open(mode), error);
    checks.equal("each call tries again", strange.calls(mode, strange::call_startup), 2);
    checks.equal("other sockets work", open_tcp_error(), 0);
    checks.equal("can be removed", Strange::remove(mode), 0);
}

inline void check_loading(Checks& checks, Strange& strange, const std::wstring& other_bitness_dll) {
    const Winsock winsock;
    check_bad_file(checks, "a provider DLL that is missing", L"C:\\no such folder\\provider.dll");
    check_bad_file(checks, "a provider DLL without WSPStartup", L"%SystemRoot%\\system32\\version.dll");
    const std::wstring half = temporary_file(L"half.dll");
    checks.is_true("half a DLL can be made", copy_half(strange.dll(), half));
    check_bad_file(checks, "a provider DLL that is truncated", half);
    DeleteFileW(half.c_str());
    if (!other_bitness_dll.empty()) {
        check_bad_file(checks, "a provider DLL of the wrong bitness", other_bitness_dll);
    }
    check_bad_start(checks, strange, "a provider that leaves out a function", Mode::null_entry, WSAEINVALIDPROCTABLE,
                    1);
    check_bad_start(checks, strange, "a provider of another version", Mode::old_version, WSAEINVALIDPROVIDER, 1);
    strange.report.start_error = WSAENETDOWN;
    check_bad_start(checks, strange, "a provider whose WSPStartup fails", Mode::start_fails, WSAEPROVIDERFAILEDINIT, 0);

    checks.section("a provider that is mended");
    checks.equal("is broken at first",
                 Strange::install(Mode::silent, L"C:\\no such folder\\p.dll", {Strange::info_of(Mode::silent)}), 0);
    checks.equal("so sockets fail", Strange::error_of_open(Mode::silent), WSAEPROVIDERFAILEDINIT);
    GUID id = strange::guid_of(Mode::silent);
    WSAPROTOCOL_INFOW info = Strange::info_of(Mode::silent);
    int error = 0;
    checks.equal("gets its right path", WSCUpdateProvider(&id, strange.dll().c_str(), &info, 1, &error), 0);
    checks.equal("and works in the same process", Strange::error_of_open(Mode::silent), 0);
    checks.equal("can be removed", Strange::remove(Mode::silent), 0);
}

inline void check_sharing(Checks& checks, Strange& strange) {
    const Winsock winsock;
    checks.section("one provider with two entries");
    WSAPROTOCOL_INFOW second = Strange::info_of(Mode::silent);
    second.iSocketType = SOCK_SEQPACKET;
    const long before = strange.calls(Mode::silent, strange::call_startup);
    checks.equal("can be installed",
                 Strange::install(Mode::silent, strange.dll(), {Strange::info_of(Mode::silent), second}), 0);
    checks.equal("the first opens", Strange::error_of_open(Mode::silent), 0);
    const SOCKET other = WSASocketW(AF_INET, SOCK_SEQPACKET, strange::protocol_of(Mode::silent), nullptr, 0, 0);
    checks.is_true("the second opens", other != INVALID_SOCKET);
    checks.equal("it was started once", strange.calls(Mode::silent, strange::call_startup) - before, 1);
    closesocket(other);

    checks.section("a provider removed while it has a socket");
    const SOCKET socket = Strange::open(Mode::silent);
    const long cleanups = strange.calls(Mode::silent, strange::call_cleanup);
    checks.equal("can be removed", Strange::remove(Mode::silent), 0);
    checks.equal("new sockets are refused", Strange::error_of_open(Mode::silent), WSAESOCKTNOSUPPORT);
    checks.equal("the old socket works on", error_after(listen(socket, 1)), 0);
    checks.equal("the provider runs on", strange.calls(Mode::silent, strange::call_cleanup), cleanups);
    checks.equal("the old socket closes", error_after(closesocket(socket)), 0);
    checks.equal("and with it the provider goes", strange.calls(Mode::silent, strange::call_cleanup), cleanups + 1);
    checks.is_true("and its DLL", !strange.loaded());

    checks.section("a provider that opens sockets in WSPStartup");
    checks.equal("can be installed", strange.install(Mode::reenters), 0);
    checks.equal("opens in the end", Strange::error_of_open(Mode::reenters), 0);
    checks.equal("sockets of its own kind failed", strange.report.reentry_own, WSAEPROVIDERFAILEDINIT);
    checks.equal("sockets of others did not", strange.report.reentry_tcp, 0);
    checks.equal("can be removed", Strange::remove(Mode::reenters), 0);
}

inline void check_choice(Checks& checks, Strange& strange) {
    const Winsock winsock;
    checks.section("choice of the entry");
    // Two entries of one triplet: the first declines.
    WSAPROTOCOL_INFOW both = Strange::info_of(Mode::declines);
    WSAPROTOCOL_INFOW second = Strange::info_of(Mode::silent);
    second.iProtocol = both.iProtocol;
    second.iProtocolMaxOffset = 0;
    checks.equal("a provider that declines", strange.install(Mode::declines), 0);
    checks.equal("alone: its error", Strange::error_of_open(Mode::declines), WSAEINPROGRESS);
    GUID id = strange::guid_of(Mode::silent);
    int error = 0;
    // The second entry's WSPStartup tells its mode by the protocol; a range that begins at its own serves both.
    second.iProtocol = strange::first_protocol;
    second.iProtocolMaxOffset = static_cast<int>(Mode::declines);
    checks.equal("one behind it", WSCInstallProvider(&id, strange.dll().c_str(), &second, 1, &error), 0);
    const long asked = strange.calls(Mode::declines, strange::call_socket);
    checks.equal("takes what the first declined", Strange::error_of_open(Mode::declines), 0);
    checks.equal("the first was asked", strange.calls(Mode::declines, strange::call_socket) - asked, 1);

    WSAPROTOCOL_INFOW by_id{};
    by_id.dwCatalogEntryId = Strange::id_of(Mode::silent);
    WSASocketW(FROM_PROTOCOL_INFO, FROM_PROTOCOL_INFO, FROM_PROTOCOL_INFO, &by_id, 0, 0);
    checks.equal("an info without a family is WSAEAFNOSUPPORT", WSAGetLastError(), WSAEAFNOSUPPORT);
    by_id.iAddressFamily = AF_INET;
    const SOCKET direct = WSASocketW(FROM_PROTOCOL_INFO, FROM_PROTOCOL_INFO, FROM_PROTOCOL_INFO, &by_id, 0, 0);
    checks.is_true("by id the entry is taken as it is named", direct != INVALID_SOCKET);
    checks.equal("and the first was not asked", strange.calls(Mode::declines, strange::call_socket) - asked, 1);
    closesocket(direct);
    by_id.dwCatalogEntryId = 0x7FFFFFF0;
    checks.equal("an unknown id", error_after_handle(WSASocketW(AF_INET, SOCK_STREAM, IPPROTO_TCP, &by_id, 0, 0)),
                 WSAEINVAL);
    checks.equal("can be removed", Strange::remove(Mode::silent) + Strange::remove(Mode::declines), 0);

    const struct {
        int family, type, protocol, error;
    } cases[] = {{AF_UNSPEC, 0, 0, WSAEINVAL},
                 {AF_UNSPEC, SOCK_STREAM, 0, WSAEINVAL},
                 {AF_UNSPEC, 0, IPPROTO_TCP, 0},
                 {AF_INET, 0, 0, 0},
                 {AF_INET, SOCK_STREAM, 0, 0},
                 {AF_INET, SOCK_STREAM, IPPROTO_UDP, WSAEPROTONOSUPPORT},
                 {AF_INET, SOCK_DGRAM, IPPROTO_TCP, WSAEPROTONOSUPPORT},
                 {AF_INET, 99, 0, WSAESOCKTNOSUPPORT},
                 {99, SOCK_STREAM, 0, WSAEAFNOSUPPORT},
                 {AF_INET6, SOCK_DGRAM, 0, 0}};
    for (const auto& [family, type, protocol, expected] : cases) {
        const SOCKET socket = ::socket(family, type, protocol);
        checks.equal("socket(" + std::to_string(family) + ", " + std::to_string(type) + ", " +
                         std::to_string(protocol) + ")",
                     error_after_handle(socket), expected);
        if (socket != INVALID_SOCKET) {
            closesocket(socket);
        }
    }
}
