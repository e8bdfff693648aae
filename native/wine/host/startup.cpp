// WSAStartup and WSACleanup.
#include <algorithm>
#include <cstring>

#include "../wine_dll.hpp"
#include "application_category.hpp"
#include "host.hpp"
#include "lock_guards.hpp"

namespace winsock_spi::wine {

namespace {

constexpr WORD highest_version = MAKEWORD(2, 2);

// What Windows answers for each version asked for: the versions that exist are 1.0, 1.1, 2.0, 2.1 and 2.2.
WORD agree_on_version(WORD requested) noexcept {
    const BYTE major = LOBYTE(requested);
    const BYTE minor = HIBYTE(requested);
    if (major == 1) {
        return MAKEWORD(1, std::min<BYTE>(minor, 1));
    }
    if (major == 2) {
        return MAKEWORD(2, std::min<BYTE>(minor, 2));
    }
    return highest_version;
}

void fill(WSADATA& data, WORD version) noexcept {
    // Only for Winsock 1.x programs, which size their tables by it.
    const bool old = LOBYTE(version) == 1;
    data.wVersion = version;
    data.wHighVersion = highest_version;
    std::memcpy(data.szDescription, "WinSock 2.0", sizeof "WinSock 2.0");
    std::memcpy(data.szSystemStatus, "Running", sizeof "Running");
    data.iMaxSockets = old ? 32767 : 0;
    data.iMaxUdpDg = old ? 65467 : 0;
}

constinit WineFunction wine_startup("WSAStartup");
constinit WineFunction wine_cleanup("WSACleanup");

// Wine's own count: above zero while ours is, so that what is forwarded works, and what Wine does at its last
// WSACleanup happens after ours.
int start_wine() noexcept {
    const auto start = wine_startup.as<decltype(&::WSAStartup)>();
    WSADATA ignored;
    return start != nullptr ? start(highest_version, &ignored) : WSASYSNOTREADY;
}

void stop_wine() noexcept {
    if (const auto stop = wine_cleanup.as<decltype(&::WSACleanup)>()) {
        stop();
    }
}

} // namespace

bool winsock_started() noexcept {
    return started();
}

} // namespace winsock_spi::wine

using namespace winsock_spi::wine;

extern "C" int WSAAPI WSAStartup(WORD requested, LPWSADATA data) {
    if (LOBYTE(requested) == 0) {
        if (data != nullptr) {
            data->wVersion = highest_version;
            data->wHighVersion = highest_version;
        }
        return WSAVERNOTSUPPORTED;
    }
    if (data == nullptr) {
        return WSAEFAULT;
    }
    const WORD version = agree_on_version(requested);
    // Looked up before the lock below is taken: looking up takes the loader's lock, which another thread may hold
    // while it waits for ours.
    wine_startup.address();
    wine_cleanup.address();
    this_programs_categories(); // decided here, for good
    {
        Host& state = host();
        const ExclusiveLock guard(state.startup_lock);
        const unsigned count = state.startups.load(std::memory_order_relaxed);
        if (count == 0) {
            const int error = start_wine();
            if (error != 0) {
                return error;
            }
            state.version.store(version, std::memory_order_relaxed);
        } else {
            // One program part that speaks 2.x makes the process a 2.x process.
            const WORD known = state.version.load(std::memory_order_relaxed);
            const bool newer = LOBYTE(version) > LOBYTE(known);
            state.version.store(newer ? version : known, std::memory_order_relaxed);
        }
        state.startups.store(count + 1, std::memory_order_release);
    }
    fill(*data, version);
    return 0;
}

extern "C" int WSAAPI WSACleanup() {
    Host& state = host();
    {
        const ExclusiveLock guard(state.startup_lock);
        const unsigned count = state.startups.load(std::memory_order_relaxed);
        if (count == 0) {
            SetLastError(WSANOTINITIALISED);
            return SOCKET_ERROR;
        }
        state.startups.store(count - 1, std::memory_order_release);
        if (count > 1) {
            return 0;
        }
    }
    // Outside the lock: providers may call back while they end.
    state.sockets.remove_all();
    state.providers.clear();
    stop_wine();
    return 0;
}

extern "C" int WSAAPI WSAGetLastError() {
    return static_cast<int>(GetLastError());
}

extern "C" void WSAAPI WSASetLastError(int error) {
    SetLastError(static_cast<DWORD>(error));
}
