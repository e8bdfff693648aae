// The policy that is in force, as this process has it: which image, mapped and resolved once for all its readers.
//
// Readers take no lock. An image has a holder; a reader counts itself in there, looks whether it is still the current
// one, and counts itself out when it has decided. Whoever finds that control.bin names another generation maps that one
// (one thread at a time, the others go on with what there is), and an image that is no longer current is unmapped when
// its last reader goes. An image that cannot be read leaves the last good one in force; a process that has none takes
// the previous generation; and where that cannot be read either, the fail-closed bit decides: in control.bin, or, since
// a file can be lost, in the registry (HKLM\SOFTWARE\winsock-spi, FailClosed). Both are administrators' to write.
#pragma once

#include "control_view.hpp"
#include "core/policy.hpp"
#include "spi/win32.hpp"

#include <array>
#include <atomic>
#include <cstdint>

namespace winsock_spi::lsp {

// In records: nothing that is closed could be read.
inline constexpr std::uint32_t unknown_generation = 0xFFFFFFFF;

struct MappedPolicy {
    std::atomic<std::uint32_t> users;
    std::uint32_t generation;
    std::uint32_t calls; // of which PolicyCalls anything but the default can apply, or the default is not allow
    core::PolicyImage image;
    const void* view;
    std::byte* resolved; // for this process; `resolved_size` bytes
    std::size_t resolved_size;

    bool concerns(core::PolicyCall call) const { return (calls & static_cast<std::uint32_t>(call)) != 0; }
    std::span<const std::byte> resolution() const { return {resolved, resolved_size}; }
};

class PolicyState {
public:
    // Not 0: there is a policy, or there should be one. Set before any function of ours is given away.
    std::uint32_t generation() const {
        constexpr auto relaxed = std::memory_order_relaxed;
        return control_.load(relaxed)->policy_generation.load(relaxed);
    }
    bool in_force() const { return generation() != 0; }
    // Not 0: some socket of this process has a note (socket_notes.hpp) that calls have to look for.
    std::uint32_t notes_expected() const { return notes_expected_.load(std::memory_order_relaxed); }
    void expect_notes() {
        if (notes_expected() == 0) {
            notes_expected_.store(1, std::memory_order_relaxed);
        }
    }

    // Once per process, before anything else: `control` is control.bin, or that there is none.
    void initialise(const ControlView& control);
    // Whether what cannot be decided is denied. Asks the registry.
    bool fail_closed() const;

    // What decides a call that is made now; see Reading.
    const MappedPolicy* acquire(bool& closed);
    void release(const MappedPolicy* policy);

private:
    // More than one is only in use while an image is replaced.
    static constexpr std::size_t holder_count = 8;

    bool exempt() const;
    bool lost();
    bool replace_current(std::uint32_t wanted, bool wait);
    bool load(std::uint32_t generation);
    bool map(MappedPolicy& holder, std::uint32_t generation);
    void sweep();

    std::atomic<const core::ControlFile*> control_{};
    std::atomic<std::uint32_t> notes_expected_{};
    std::atomic<std::uint32_t> current_{}; // number of the holder, counted from 1; 0 = none
    std::array<MappedPolicy, holder_count> holders_{};
    SRWLOCK loading_{};
    std::atomic<std::uint32_t> failed_generation_{}; // could not be read ...
    std::atomic<std::uint64_t> failed_at_{}; // ... at this tick: not tried again at every call
    const core::ControlFile* file_ = nullptr; // control.bin; nullptr where there is none that we know
    std::atomic<std::uint64_t> asked_at_{}; // when the registry was last asked whether we are still closed
    std::uint32_t own_pid_ = 0;
    std::uint64_t own_start_ = 0;
    core::ControlFile closed_{}; // what is looked at while nothing may go out
    core::ControlFile nobody_{}; // zeros: what is looked at when there is no control file
};

// What decides one call; for the time of that decision.
class Reading {
public:
    explicit Reading(PolicyState& state) : state_(state), policy_(state.acquire(closed_)) {}
    ~Reading() {
        if (policy_ != nullptr) {
            state_.release(policy_);
        }
    }
    Reading(const Reading&) = delete;
    Reading& operator=(const Reading&) = delete;

    // nullptr: no policy (any more), this process is exempt, or none can be read.
    const MappedPolicy* policy() const { return policy_; }
    // None can be read, and then nothing may go out.
    bool closed() const { return closed_; }

private:
    PolicyState& state_;
    bool closed_ = false;
    const MappedPolicy* policy_;
};

} // namespace winsock_spi::lsp
