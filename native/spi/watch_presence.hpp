// The watching word: tells every process that has the provider loaded whether somebody watches.
//
// An administrator counts in control.bin, anyone else in watch.bin (native/core/control_format.hpp). A watcher also
// holds a lock on one byte of that file, far behind its end, which the system lets go of when the watcher ends, however
// it ends. The word is always written as the number of locks held, so a watcher that crashed is counted out by the next
// one that comes or goes.
//
// Everyone who may read the files may lock such bytes too. That can keep a watcher from having a byte of its own, never
// from watching: it then keeps the word from being 0 by itself (see `keep`).
#pragma once

#include "status.hpp"
#include "unique.hpp"

#include "core/control_format.hpp"

#include <cstdint>
#include <string>

namespace winsock_spi::spi {

// A file of ControlFile's layout, mapped. Unmaps and closes by itself.
class MappedControl {
public:
    MappedControl() = default;
    MappedControl(MappedControl&& other) noexcept;
    MappedControl& operator=(MappedControl&& other) noexcept;
    ~MappedControl();

    Status open(const std::wstring& path, bool writable);
    bool is_open() const { return view_ != nullptr; }
    HANDLE file() const { return file_.get(); }
    core::ControlFile& control() const { return *view_; }

private:
    UniqueFile file_;
    core::ControlFile* view_ = nullptr;
};

class WatchPresence {
public:
    enum class Place { none, control, watch };

    WatchPresence() = default;
    WatchPresence(const WatchPresence&) = delete;
    WatchPresence& operator=(const WatchPresence&) = delete;
    ~WatchPresence() { leave(); }

    // Opens the files in the data folder. ERR_NOT_INSTALLED where there are none.
    Status open(const std::wstring& data_folder);

    // Counts this watcher in; no effect if it is already.
    void enter();
    // Counts it out; no effect if it is not in.
    void leave();
    // Counts it out and lets go of the files.
    void close();

    Place place() const { return place_; }
    // Call it from time to time: puts the word right if somebody has set it to 0 while this watcher watches.
    void keep();
    // Whether another watcher is alive, as far as locks tell.
    bool others() const;

private:
    const MappedControl& own() const { return place_ == Place::control ? control_ : watch_; }
    // Live watchers that count in this file, this one not included.
    unsigned count_others(const MappedControl& mapped) const;

    MappedControl control_; // read-only unless this watcher counts there
    MappedControl watch_;
    Place place_ = Place::none;
    bool watching_ = false;
    int slot_ = -1; // the byte that this watcher has locked
};

// The two clocks and the system time, read as closely together as the machine allows.
struct ClockSample {
    std::uint64_t tsc;
    std::uint64_t qpc;
    std::uint64_t qpc_frequency;
    std::uint64_t filetime;
};
ClockSample read_clocks();

// Milliseconds of a clock that never goes back.
std::uint64_t milliseconds();

} // namespace winsock_spi::spi
