#include "winsock_api.hpp"

#include "../system_library.hpp"

namespace winsock_spi::spi {
namespace {

struct Loaded {
    Status status;
    WinsockApi api;
};

Status load(WinsockApi& api) {
    UniqueModule library;
    if (Status status = load_system_library(L"ws2_32.dll", library); !status.ok()) {
        return status;
    }
#define WINSOCK_SPI_FIND(name)                                                                                         \
    if (Status status = find_function(library, api.name, #name); !status.ok()) {                                       \
        return status;                                                                                                 \
    }
    WINSOCK_SPI_SOCKET_FUNCTIONS(WINSOCK_SPI_FIND)
#undef WINSOCK_SPI_FIND
    decltype(&::WSAStartup) startup = nullptr;
    if (Status status = find_function(library, startup, "WSAStartup"); !status.ok()) {
        return status;
    }
    WSADATA data;
    if (const int error = startup(MAKEWORD(2, 2), &data); error != 0) {
        return system_error(static_cast<std::uint32_t>(error), "WSAStartup");
    }
    library.release(); // kept for good, as its sockets are
    return {};
}

} // namespace

Status winsock_api(const WinsockApi*& api) {
    static const Loaded loaded = [] {
        Loaded result;
        result.status = load(result.api);
        return result;
    }();
    api = &loaded.api;
    return loaded.status;
}

} // namespace winsock_spi::spi
