// One connection to the controller: opened, checked, and read and written without waiting.
#pragma once

#include "core/controller_messages.hpp"
#include "spi/unique.hpp"
#include "spi/win32.hpp"

#include <array>

namespace winsock_spi::lsp {

// Belongs to the worker thread. One read and one write are under way at most; both have an event of their own.
class ControllerPipe {
public:
    static constexpr std::size_t batch = 32; // requests in one write

    enum class Opened {
        yes,
        busy, // the controller is there, but has no free instance at this moment
        no,   // nobody there, or nobody to be believed
    };

    ControllerPipe() = default;
    ~ControllerPipe() { close(); }
    ControllerPipe(const ControllerPipe&) = delete;
    ControllerPipe& operator=(const ControllerPipe&) = delete;

    // Connects to the pipe of this process and begins to read. Believed is only the process of that number, by a pipe
    // whose owner is Administrators or SYSTEM: others may make pipes of any name, but not in these names.
    Opened open(std::uint32_t pid);
    void close();
    bool is_open() const { return static_cast<bool>(file_); }
    std::uint32_t pid() const { return pid_; }

    HANDLE read_event() const { return read_event_.get(); }
    HANDLE write_event() const { return write_event_.get(); }
    bool writing() const { return writing_; }

    // The batch that write() sends; not to be touched while writing().
    std::array<core::ControllerRequest, batch>& requests() { return out_; }
    // False: the pipe has broken.
    bool write(std::size_t count);
    bool written();
    // After read_event: what came is taken over. False: the pipe has broken.
    bool arrived();
    core::AnswerReader& answers() { return in_; }
    bool read_on();

private:
    bool believed(std::uint32_t pid) const;

    spi::UniqueFile file_;
    spi::UniqueHandle read_event_;
    spi::UniqueHandle write_event_;
    std::uint32_t pid_ = 0;
    bool reading_ = false;
    bool writing_ = false;
    DWORD expected_ = 0;
    OVERLAPPED read_{};
    OVERLAPPED write_{};
    core::AnswerReader in_{};
    std::array<core::ControllerRequest, batch> out_{};
};

} // namespace winsock_spi::lsp
