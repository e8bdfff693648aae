#include "probe_winsock.hpp"

#include "spi/system_library.hpp"

namespace winsock_spi::rescue {

ProbeWinsock::~ProbeWinsock() {
    if (started_) {
        WSACleanup();
    }
}

spi::Status ProbeWinsock::start() {
    if (spi::Status status = spi::load_system_library(L"ws2_32.dll", module_); !status.ok()) {
        return status;
    }
#define WINSOCK_SPI_FIND(name)                                                                                         \
    if (spi::Status status = spi::find_function(module_, name, #name); !status.ok()) {                                 \
        return status;                                                                                                 \
    }
    WINSOCK_SPI_PROBE_FUNCTIONS(WINSOCK_SPI_FIND)
#undef WINSOCK_SPI_FIND
    WSADATA data{};
    if (const int error = WSAStartup(MAKEWORD(2, 2), &data); error != 0) {
        return spi::system_error(static_cast<std::uint32_t>(error), "WSAStartup");
    }
    started_ = true;
    return {};
}

spi::Status ProbeWinsock::failed(const char* call) const {
    const auto error = static_cast<std::uint32_t>(WSAGetLastError());
    return error == 0 ? spi::own_error("ERR_PROBE_FAILED", std::string(call) + " failed and gave no reason")
                      : spi::system_error(error, call);
}

} // namespace winsock_spi::rescue
