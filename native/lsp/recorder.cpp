// Writes down calls while somebody watches; see recorder.hpp.
#include "recorder.hpp"

#include "ring_file.hpp"
#include "spi/last_error.hpp"

namespace winsock_spi::lsp {

ControlView Recorder::initialise() {
    clock_ = best_clock();
    ReasonText reason;
    const core::ControlFile* const watch = map_control_file(L"watch.bin", reason).file; // only its `watchers` counts
    const ControlView control = map_control_file(L"control.bin", reason);
    control_ = control.file != nullptr ? control.file : &nobody_;
    watch_ = watch != nullptr ? watch : &nobody_;
    silent_ = !control.known;
    if (silent_) {
        pass_through(reason.view());
    }
    return control;
}

void Recorder::announce() {
    if (observed()) {
        ready();
    }
}

void Recorder::stop_observing() {
    control_ = &nobody_;
    watch_ = &nobody_;
}

void Recorder::pass_through(std::wstring_view reason) {
    if (reason_.length() == 0) {
        reason_ << reason;
    }
}

bool Recorder::ready() {
    switch (state_.load(std::memory_order_acquire)) {
    case State::ready: return !silent_;
    case State::none:
        if (make()) {
            return !silent_;
        }
        break;
    case State::making:
    case State::failed: break;
    }
    // Another thread makes the ring: never wait for it, but tell that a call is missing.
    early_.fetch_add(1);
    if (state_.load() == State::ready && !silent_) {
        ring_.skip(early_.exchange(0));
    }
    return false;
}

bool Recorder::make() {
    State expected = State::none;
    if (!state_.compare_exchange_strong(expected, State::making)) {
        return false;
    }
    const spi::LastErrorKeeper keeper;
    if (!make_ring(ring_, clock_, reason_.view())) {
        // Nobody will ever see this process: back to the cheap way for good.
        stop_observing();
        state_.store(State::failed);
        return false;
    }
    ring_.publish();
    state_.store(State::ready);
    if (silent_) {
        stop_observing(); // the start record is all there will be
        return true;
    }
    ring_.skip(early_.exchange(0));
    return true;
}

} // namespace winsock_spi::lsp
