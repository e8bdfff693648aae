// What each mechanism that carries bytes between processes implements, and the two threads (native/addon/link.hpp)
// call.
//
// There are two kinds. A *port* takes messages from anyone who knows its name and sends messages to other ports by
// their names (mailslot, WM_COPYDATA, atoms, DDE). A *line* has exactly one other end and carries a stream (shared
// memory, anonymous pipes); it ignores `target`.
#pragma once

#include "../status.hpp"
#include "../win32.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace winsock_spi::spi {

using Bytes = std::span<const std::uint8_t>;

// Where the receiving thread puts what came in. Bounded: who reads slowly must not fill memory.
class Inbox {
public:
    virtual ~Inbox() = default;
    // Everything is set up: others can send now. Called once.
    virtual void ready() = 0;
    virtual void deliver(Bytes bytes) = 0;
    // More stands here than should: leave the next message where it is, or refuse it.
    virtual bool full() = 0;
    // Waits until there is room again. False: the mechanism is to stop.
    virtual bool wait_for_room() = 0;
};

class Mechanism {
public:
    Mechanism() = default;
    virtual ~Mechanism() = default;
    Mechanism(const Mechanism&) = delete;
    Mechanism& operator=(const Mechanism&) = delete;

    // On the thread of the environment: takes the name, so that one that is taken is known at once
    // (ERR_ADDRESS_IN_USE).
    virtual Status open() = 0;
    // On the receiving thread, until `stop` is set or the other end of a line closes it (which is no error).
    virtual Status receive(Inbox& inbox, HANDLE stop) = 0;
    // On the sending thread: one message, or the next part of a stream. May wait, but not beyond `stop`.
    //   ERROR_FILE_NOT_FOUND   nobody has that name (any more)
    //   ERROR_BUSY             it was not taken this time
    virtual Status send(const std::wstring& target, Bytes bytes, HANDLE stop) = 0;
    // On the sending thread: nothing more will be sent to `target`.
    virtual void forget(const std::wstring&) {}
    // On the sending thread, after the last send: a line tells its other end that nothing more comes.
    virtual void finish() {}
    // On the sending thread, before it ends.
    virtual void end_sending() {}
    // How the sending thread waits for one of the events; who has windows on that thread serves them meanwhile.
    virtual void wait(const HANDLE* events, DWORD count) { WaitForMultipleObjects(count, events, FALSE, INFINITE); }
    // For calls that do not wait for `stop`: breaks off what either thread is in. It is called, after `stop` was set,
    // again and again until both threads have ended. False: there are no such calls.
    virtual bool interrupt() { return false; }
};

struct MechanismOptions {
    std::wstring name;
    std::wstring sddl; // who may send; empty: the user of this process and nobody else
};

// Letters, digits, '.', '_', '-', at most 100: what is safe in the name of every kind of object.
bool valid_port_name(std::wstring_view name);

std::unique_ptr<Mechanism> make_mailslot_port(const MechanismOptions& options);
std::unique_ptr<Mechanism> make_copydata_port(const MechanismOptions& options);
std::unique_ptr<Mechanism> make_atom_port(const MechanismOptions& options);
std::unique_ptr<Mechanism> make_dde_port(const MechanismOptions& options);

} // namespace winsock_spi::spi
