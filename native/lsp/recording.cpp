// One call while it is being observed; see recording.hpp.
#include "recording.hpp"

namespace winsock_spi::lsp {

void Recording::begin(core::Call call, SOCKET socket) {
    active_ = true;
    process.recorder.prepare();
    // Member by member: for the whole at once compilers choose a string instruction, which takes long to begin.
    body_.end = 0;
    body_.socket = socket;
    body_.requested = 0;
    body_.bytes = 0;
    body_.error = 0;
    body_.call = static_cast<std::uint16_t>(call);
    body_.flags = 0;
    body_.thread = GetCurrentThreadId();
    body_.rule = 0;
    body_.verdict = 0;
    body_.generation = 0;
    body_.local = {};
    body_.remote = {};
    for (std::uint8_t& byte : body_.padding) {
        byte = 0;
    }
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
