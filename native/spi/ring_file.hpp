// Files of rings, as a watcher sees them: %ProgramData%\winsock-spi\rings\<pid>-<process start, 16 hex digits>[-2].ring
//
// Whoever may write there can put anything there, so a file is opened in a way that cannot be stalled (an oplock that
// its owner never gives up, a pipe or directory of that name) and mapped only in the size that its name and header
// can account for.
#pragma once

#include "status.hpp"
#include "unique.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace winsock_spi::spi {

// A process for ever: a pid alone is used again.
struct ProcessIdentity {
    std::uint32_t pid = 0;
    std::uint64_t start = 0; // FILETIME
};

// Whose ring it is, and the how manieth of that process, counted from 1: each version of the provider in it has one.
struct RingName {
    ProcessIdentity process;
    unsigned part = 1;
};

// "4711-01dc3a5b00000000.ring" or "4711-01dc3a5b00000000-2.ring", and back; nothing if the name is not exactly of that
// form.
std::wstring ring_name(const RingName& name);
std::optional<RingName> parse_ring_name(std::wstring_view name);

// Names of the rings in `folder`, at most `limit`. ERROR_ACCESS_DENIED where this user may not list it.
Status list_ring_names(const std::wstring& folder, std::size_t limit, std::vector<std::wstring>& names);

// Names that the first rings of all processes which this user may ask for their creation time would have.
Status list_process_ring_names(std::vector<std::wstring>& names);

// A process as its ring's reader follows it. Holding it keeps the system from using the pid again.
class RingOwner {
public:
    explicit RingOwner(const ProcessIdentity& process);

    // True also where the system does not let us ask: a process of that pid exists and may be the one.
    bool is_alive() const;

    // What the system says of it: full path of its program, and 32 or 64. Empty and 0 where it may not be asked.
    std::wstring program() const;
    int bits() const;

    // Whether the file is that process's own: its owner is the user that the process runs as, or whom that user's files
    // belong to (Administrators, for elevated processes). Anybody may make files in the folder of rings, also one that
    // bears another process's name. Of a process that has ended or may not be asked only this user's own and the
    // system's files are believed.
    bool made(HANDLE file) const;

private:
    UniqueHandle process_;
    bool unknown_ = false;
};

// A whole ring file, mapped read-only.
class RingFile {
public:
    RingFile() = default;
    RingFile(const RingFile&) = delete;
    RingFile& operator=(const RingFile&) = delete;
    ~RingFile() { close(); }

    // ERROR_FILE_INVALID as long as the file has not got its size; ERROR_INVALID_OWNER where it is not of that process.
    Status open(const std::wstring& path, const RingOwner& owner, std::size_t smallest, std::size_t largest);
    void close();

    const std::uint8_t* data() const { return view_; }
    std::size_t size() const { return size_; }

private:
    const std::uint8_t* view_ = nullptr;
    std::size_t size_ = 0;
};

// Fine also if the file is gone already: another watcher sweeps too.
Status remove_ring(const std::wstring& path);

} // namespace winsock_spi::spi
