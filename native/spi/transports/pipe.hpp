// Named pipes between processes of this machine: only for whom the descriptor lets in, never from the network, and with
// the other end's process id from the system. Bytes are moved by whoever gets the handle, not here.
// https://learn.microsoft.com/windows/win32/ipc/named-pipes
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "../status.hpp"
#include "../unique.hpp"

namespace winsock_spi::spi {

enum class PipeEnd { client, server };

// The process at the given end of a pipe, as the system knows it.
Status pipe_process(HANDLE pipe, PipeEnd end, std::uint32_t& pid);

// Opens a pipe for overlapped use. What it says as it is: ERROR_PIPE_BUSY (somebody listens, but no instance is free at
// this moment: try again). ERR_NO_LISTENER where there is no such pipe. The server may learn who we are (its system
// needs that for the process id) but not act for us.
Status connect_pipe(const std::wstring& path, UniqueFile& pipe, std::uint32_t& server_pid);

// Keeps instances of a pipe waiting and hands out those that somebody connected to.
class PipeListener {
public:
    // Called on the listener's thread; must not wait for anything.
    using OnConnection = std::function<void(UniqueFile pipe, std::uint32_t client_pid)>;

    PipeListener();
    ~PipeListener();
    PipeListener(const PipeListener&) = delete;
    PipeListener& operator=(const PipeListener&) = delete;

    // ERR_ADDRESS_IN_USE where somebody has made a pipe of this name. Called once.
    Status open(const std::wstring& path, const std::wstring& sddl, OnConnection on_connection);

    // One of the connections that were handed out has been looked at. While too many have not been, none is taken.
    void taken();

    // Ends the thread and the instances that wait; connections that were handed out are not touched.
    void close();

private:
    struct Instance;
    static DWORD WINAPI thread_main(void* listener);
    void run();
    Status make_instance(UniqueFile& pipe, bool first) const;
    void arm(Instance& instance) const;
    void hand_out(Instance& instance);

    std::wstring path_;
    std::wstring sddl_;
    OnConnection on_connection_;
    UniqueHandle wake_; // auto-reset
    std::vector<Instance> instances_;
    std::atomic<bool> closing_ = false;
    std::atomic<int> untaken_ = 0;
    UniqueHandle thread_;
};

} // namespace winsock_spi::spi
