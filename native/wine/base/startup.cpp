// WSPStartup and WSPCleanup, and the table of the 30 functions. Those that are Wine's as they are, are made here.
#include <atomic>
#include <cstring>
#include <new>

#include "base.hpp"
#include "entries.hpp"

namespace winsock_spi::wine::base {

namespace {

constinit WineFunction wine_startup("WSAStartup");
constinit WineFunction wine_cleanup("WSACleanup");
constinit WineFunction wine_address_to_string("WSAAddressToStringW");
constinit WineFunction wine_async_select("WSAAsyncSelect");
constinit WineFunction wine_bind("bind");
constinit WineFunction wine_close("closesocket");
constinit WineFunction wine_connect("WSAConnect");
constinit WineFunction wine_enum_events("WSAEnumNetworkEvents");
constinit WineFunction wine_event_select("WSAEventSelect");
constinit WineFunction wine_get_overlapped("WSAGetOverlappedResult");
constinit WineFunction wine_get_peer("getpeername");
constinit WineFunction wine_get_name("getsockname");
constinit WineFunction wine_get_qos("WSAGetQOSByName");
constinit WineFunction wine_listen("listen");
constinit WineFunction wine_receive_disconnect("WSARecvDisconnect");
constinit WineFunction wine_select("select");
constinit WineFunction wine_send_disconnect("WSASendDisconnect");
constinit WineFunction wine_set_option("setsockopt");
constinit WineFunction wine_shutdown("shutdown");
constinit WineFunction wine_string_to_address("WSAStringToAddressW");

// One of Wine's functions as an SPI function: the same parameters and lpErrno behind them.
template <WineFunction& function, typename Signature, int Failure = SOCKET_ERROR>
struct Plain;

template <WineFunction& function, typename... Parameters, int Failure>
struct Plain<function, int(WSAAPI*)(Parameters...), Failure> {
    static int WSPAPI call(Parameters... parameters, LPINT error) {
        const int result = function.as<int(WSAAPI*)(Parameters...)>()(parameters...);
        if (result == Failure) {
            fail(error, wine_error());
        }
        return result;
    }
};

int WSPAPI address_to_string(LPSOCKADDR address, DWORD length, LPWSAPROTOCOL_INFOW, LPWSTR text, LPDWORD text_length,
                             LPINT error) {
    // Without the info: Wine knows only entries of its own.
    const auto convert = wine_address_to_string.as<decltype(&::WSAAddressToStringW)>();
    return convert(address, length, nullptr, text, text_length) == 0 ? 0 : fail(error, wine_error());
}

int WSPAPI string_to_address(LPWSTR text, INT family, LPWSAPROTOCOL_INFOW, LPSOCKADDR address, LPINT length,
                             LPINT error) {
    const auto convert = wine_string_to_address.as<decltype(&::WSAStringToAddressW)>();
    return convert(text, family, nullptr, address, length) == 0 ? 0 : fail(error, wine_error());
}

int WSPAPI cancel_blocking_call(LPINT error) {
    return fail(error, WSAEINVAL); // Wine calls no blocking hook, so nothing is ever inside one
}

int WSPAPI cleanup(LPINT) {
    stop_wine();
    return 0;
}

constexpr WSPPROC_TABLE functions{
    accept_socket,
    address_to_string,
    Plain<wine_async_select, decltype(&::WSAAsyncSelect)>::call,
    Plain<wine_bind, decltype(&::bind)>::call,
    cancel_blocking_call,
    cleanup,
    Plain<wine_close, decltype(&::closesocket)>::call,
    Plain<wine_connect, decltype(&::WSAConnect)>::call,
    duplicate_socket,
    Plain<wine_enum_events, decltype(&::WSAEnumNetworkEvents)>::call,
    Plain<wine_event_select, decltype(&::WSAEventSelect)>::call,
    Plain<wine_get_overlapped, decltype(&::WSAGetOverlappedResult), FALSE>::call,
    Plain<wine_get_peer, decltype(&::getpeername)>::call,
    Plain<wine_get_name, decltype(&::getsockname)>::call,
    get_option,
    Plain<wine_get_qos, decltype(&::WSAGetQOSByName), FALSE>::call,
    control,
    join_leaf,
    Plain<wine_listen, decltype(&::listen)>::call,
    receive,
    Plain<wine_receive_disconnect, decltype(&::WSARecvDisconnect)>::call,
    receive_from,
    Plain<wine_select, decltype(&::select)>::call,
    send_data,
    Plain<wine_send_disconnect, decltype(&::WSASendDisconnect)>::call,
    send_data_to,
    Plain<wine_set_option, decltype(&::setsockopt)>::call,
    Plain<wine_shutdown, decltype(&::shutdown)>::call,
    open_socket,
    string_to_address,
};

constexpr WORD spi_version = MAKEWORD(2, 2);

constinit std::atomic<const WSPUPCALLTABLE*> latest_upcalls{nullptr};

// A Winsock gives the same functions every time; a table that differs is kept beside the one before, which calls in
// other threads may be reading.
bool remember_upcalls(const WSPUPCALLTABLE& upcalls) noexcept {
    const WSPUPCALLTABLE* known = latest_upcalls.load(std::memory_order_acquire);
    if (known != nullptr && std::memcmp(known, &upcalls, sizeof upcalls) == 0) {
        return true;
    }
    const auto* copy = new (std::nothrow) WSPUPCALLTABLE(upcalls);
    if (copy != nullptr) {
        latest_upcalls.store(copy, std::memory_order_release);
    }
    return copy != nullptr;
}

// Once started this DLL stays: a C++ runtime linked into it does not give back at its unloading what it took at its
// loading (64-bit: about 96 KB of heap; 32-bit: two handles), and a program may start Winsock any number of times. And
// callbacks of the thread pool and APCs (foreign_thread.hpp) may come after the last WSPCleanup.
void stay_loaded() noexcept {
    HMODULE module = nullptr;
    GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_PIN | GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS,
                       reinterpret_cast<LPCWSTR>(&functions), &module);
}

} // namespace

int start_wine() noexcept {
    const auto start = wine_startup.as<decltype(&::WSAStartup)>();
    WSADATA ignored;
    return start != nullptr ? start(spi_version, &ignored) : WSASYSNOTREADY;
}

void stop_wine() noexcept {
    wine_cleanup.as<decltype(&::WSACleanup)>()();
}

const WSPUPCALLTABLE& upcalls() noexcept {
    return *latest_upcalls.load(std::memory_order_acquire);
}

} // namespace winsock_spi::wine::base

using namespace winsock_spi::wine;

extern "C" int WSPAPI WSPStartup(WORD requested, LPWSPDATA data, LPWSAPROTOCOL_INFOW info, WSPUPCALLTABLE upcalls,
                                 LPWSPPROC_TABLE table) {
    if (data == nullptr || info == nullptr || table == nullptr) {
        return WSAEFAULT;
    }
    // 2.2 is the only version of the SPI that was ever in use.
    if (LOBYTE(requested) < 2 || (LOBYTE(requested) == 2 && HIBYTE(requested) < 2)) {
        return WSAVERNOTSUPPORTED;
    }
    const int error = base::start_wine();
    if (error != 0) {
        return error;
    }
    if (!base::remember_upcalls(upcalls)) {
        base::stop_wine();
        return WSA_NOT_ENOUGH_MEMORY;
    }
    base::stay_loaded();
    base::remember_provider(*info);
    base::remember_entries();
    data->wVersion = base::spi_version;
    data->wHighVersion = base::spi_version;
    lstrcpynW(data->szDescription, L"Wine's Winsock as a base provider", WSPDESCRIPTION_LEN + 1);
    *table = base::functions;
    return 0;
}
