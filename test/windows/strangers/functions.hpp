// The 30 functions of a service provider by name, and how often each was called: what every provider of this folder
// reports when it goes, as one line of JSON at the end of the file that STRANGERS_REPORT names.
#pragma once

#include <winsock2.h>
#include <ws2spi.h>

#include <windows.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdio>
#include <cstring>

// clang-format off
#define STRANGER_FUNCTIONS(X)                                                                                          \
    X(WSPAccept) X(WSPAddressToString) X(WSPAsyncSelect) X(WSPBind) X(WSPCancelBlockingCall) X(WSPCleanup)             \
    X(WSPCloseSocket) X(WSPConnect) X(WSPDuplicateSocket) X(WSPEnumNetworkEvents) X(WSPEventSelect)                    \
    X(WSPGetOverlappedResult) X(WSPGetPeerName) X(WSPGetSockName) X(WSPGetSockOpt) X(WSPGetQOSByName) X(WSPIoctl)      \
    X(WSPJoinLeaf) X(WSPListen) X(WSPRecv) X(WSPRecvDisconnect) X(WSPRecvFrom) X(WSPSelect) X(WSPSend)                 \
    X(WSPSendDisconnect) X(WSPSendTo) X(WSPSetSockOpt) X(WSPShutdown) X(WSPSocket) X(WSPStringToAddress)
// clang-format on

namespace stranger {

enum class Call : std::size_t {
#define STRANGER_ENUMERATOR(name) name,
    STRANGER_FUNCTIONS(STRANGER_ENUMERATOR)
#undef STRANGER_ENUMERATOR
        WSPStartup, // not of the table, but counted too
    AcceptEx,
    ConnectEx,
    count,
};

inline constexpr std::size_t call_count = static_cast<std::size_t>(Call::count);

inline constexpr std::array<const char*, call_count> call_names{
#define STRANGER_NAME(name) #name,
    STRANGER_FUNCTIONS(STRANGER_NAME)
#undef STRANGER_NAME
        "WSPStartup",
    "AcceptEx",
    "ConnectEx",
};

// Trivial to destroy: calls may come until the very end of the process.
inline std::array<std::atomic<unsigned>, call_count> counters{};

inline void count(Call call) {
    counters[static_cast<std::size_t>(call)].fetch_add(1, std::memory_order_relaxed);
}

// From DLL_PROCESS_DETACH, so only what kernel32 does alone. `more` is added to the object as it stands.
inline void write_report(const char* provider, const char* more = "") {
    wchar_t path[MAX_PATH];
    const DWORD path_length = GetEnvironmentVariableW(L"STRANGERS_REPORT", path, MAX_PATH);
    if (path_length == 0 || path_length >= MAX_PATH) {
        return;
    }
    static char line[65536];
    int length = std::snprintf(line, sizeof line, "{\"provider\":\"%s\",\"pid\":%lu,\"bits\":%u,\"counts\":{", provider,
                               GetCurrentProcessId(), static_cast<unsigned>(sizeof(void*) * 8));
    const char* separator = "";
    for (std::size_t index = 0; index < call_count; ++index) {
        if (const unsigned calls = counters[index].load(std::memory_order_relaxed); calls != 0) {
            length += std::snprintf(line + length, sizeof line - static_cast<std::size_t>(length), "%s\"%s\":%u",
                                    separator, call_names[index], calls);
            separator = ",";
        }
    }
    length += std::snprintf(line + length, sizeof line - static_cast<std::size_t>(length), "}%s}\n", more);
    // One WriteFile of FILE_APPEND_DATA: lines of several processes do not mix.
    const HANDLE file = CreateFileW(path, FILE_APPEND_DATA, FILE_SHARE_READ | FILE_SHARE_WRITE, nullptr, OPEN_ALWAYS,
                                    FILE_ATTRIBUTE_NORMAL, nullptr);
    if (file != INVALID_HANDLE_VALUE) {
        DWORD written = 0;
        WriteFile(file, line, static_cast<DWORD>(length), &written, nullptr);
        CloseHandle(file);
    }
}

} // namespace stranger
