// Writes down calls while somebody watches.
#pragma once

#include "control_view.hpp"
#include "core/ring.hpp"
#include "raw_clock.hpp"

#include <atomic>
#include <cstdint>

namespace winsock_spi::lsp {

// The recording half of the process state.
class Recorder {
public:
    // Not 0: somebody watches. One read of each control file; both pointers are set before any function of ours is
    // given away.
    std::uint32_t watchers() const {
        constexpr auto relaxed = std::memory_order_relaxed;
        return control_.load(relaxed)->watchers.load(relaxed) | watch_.load(relaxed)->watchers.load(relaxed);
    }
    bool observed() const { return watchers() != 0; }

    // control.bin, or zeros where there is none that we know.
    const core::ControlFile& control() const { return *control_.load(std::memory_order_relaxed); }

    // Once per process, before anything else. What it has found as control.bin.
    ControlView initialise();
    // At the end of every WSPStartup: a watched process has its start record from then on, whether it makes a call or
    // not. Without a control file that we know that is all it ever has.
    void announce();
    // Makes the ring at the first observed call. False: this call is not recorded.
    bool ready();
    // From now on this process says that not all of it is seen. Only counts before the ring is made.
    void pass_through(std::wstring_view reason);

    std::uint64_t now() const { return read_clock(clock_); }
    void prepare() const { ring_.prepare(); }
    void write(const core::RecordBody& body) { ring_.append(body); }

private:
    enum class State : std::uint32_t { none, making, ready, failed };

    bool make();

    void stop_observing();

    std::atomic<const core::ControlFile*> control_{};
    std::atomic<const core::ControlFile*> watch_{};
    std::atomic<State> state_{};
    bool silent_ = false; // a start record and nothing else; set before any function of ours is given away
    core::RingClock clock_{};
    core::RingWriter ring_;
    std::atomic<std::uint64_t> early_{}; // calls that came while another thread made the ring
    ReasonText reason_;
    core::ControlFile nobody_{}; // zeros: what is looked at when there is no control file
};

} // namespace winsock_spi::lsp
