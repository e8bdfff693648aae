// One call while it is being observed; see recording.hpp.
#include "recording.hpp"

namespace winsock_spi::lsp {

void Recording::begin(core::Call call, SOCKET socket) {
    active_ = true;
    body_ = {};
    body_.call = static_cast<std::uint16_t>(call);
    body_.socket = socket;
    body_.thread = GetCurrentThreadId();
    body_.begin = process.recorder.now();
}

void Recording::end(int error) {
    body_.end = process.recorder.now();
    if (error == WSA_IO_PENDING) {
        set_flag(core::record_pending);
    } else {
        body_.error = static_cast<std::uint32_t>(error);
    }
}

void Recording::add_cached_addresses(const core::HandleTable::Socket& socket) {
    if (!active_) {
        return;
    }
    const core::HandleTable::Addresses addresses = process.sockets.addresses(socket);
    if (body_.local.family == 0) {
        body_.local = addresses.local;
    }
    if (body_.remote.family == 0) {
        body_.remote = addresses.remote;
    }
}

} // namespace winsock_spi::lsp
