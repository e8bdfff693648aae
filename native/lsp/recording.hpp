// One call while it is being observed: opened before the lower provider is called, written down when it goes out of
// scope. Not observed, it does nothing; so functions that have work to do in either case are written once.
#pragma once

#include "policy_decision.hpp"
#include "process.hpp"

namespace winsock_spi::lsp {

class Recording {
public:
    Recording(core::Call call, SOCKET socket) {
        if (process.recorder.observed() && process.recorder.ready()) [[unlikely]] {
            begin(call, socket);
        }
    }
    ~Recording() {
        if (active_) {
            process.recorder.write(body_);
        }
    }
    Recording(const Recording&) = delete;
    Recording& operator=(const Recording&) = delete;

    bool active() const { return active_; }

    // The clock starts now: what came before was our own work.
    void restart() {
        if (active_) {
            body_.begin = process.recorder.now();
        }
    }
    // Right after the lower provider's call. `error` is read only when it failed; a failure without an error is what
    // Winsock makes of it.
    void returned(bool failed, const int* error) {
        if (active_) {
            end(!failed ? 0 : *error != 0 ? *error : WSASYSCALLFAILURE);
        }
    }
    // The call succeeded, or is under way (pending).
    bool accepted() const { return active_ && body_.error == 0; }
    bool succeeded() const { return accepted() && (body_.flags & core::record_pending) == 0; }

    void set_socket(SOCKET socket) { body_.socket = socket; }
    void set_flag(core::RecordFlags flag) { body_.flags = static_cast<std::uint16_t>(body_.flags | flag); }
    void set_local(const core::RecordAddress& address) { body_.local = address; }
    void set_remote(const core::RecordAddress& address) { body_.remote = address; }
    void set_addresses(const core::HandleTable::Addresses& addresses) {
        body_.local = addresses.local;
        body_.remote = addresses.remote;
    }
    // What a socket's cache knows, where the call itself has not said it.
    void add_cached_addresses(const core::HandleTable::Socket& socket);
    void set_requested(std::uint64_t requested) {
        body_.requested = requested;
        set_flag(core::record_has_requested);
    }
    void set_bytes(std::uint64_t bytes) {
        body_.bytes = bytes;
        set_flag(core::record_has_bytes);
    }
    // What the policy said; nothing where nobody decided.
    void set_decision(const Decision& decision) {
        if (active_ && decision.decided()) {
            body_.verdict = static_cast<std::uint32_t>(decision.verdict.kind);
            body_.rule = decision.verdict.rule;
            body_.generation = decision.generation;
            set_flag(core::record_has_verdict);
        }
    }
    // The call fails with this error, whatever the lower provider said.
    void fail(int error) {
        if (active_) {
            end(error);
        }
    }
    // Takes over begin and end: for a record that tells another side of the same call.
    void same_time_as(const Recording& other) {
        body_.begin = other.body_.begin;
        body_.end = other.body_.end;
    }

private:
    void begin(core::Call call, SOCKET socket);
    void end(int error);

    bool active_ = false;
    core::RecordBody body_; // set only when active
};

} // namespace winsock_spi::lsp
