#include "pipe.hpp"

#include <array>

#include "../security.hpp"
#include "../text.hpp"

namespace winsock_spi::spi {
namespace {

// Instances that wait for somebody at a time: so many can connect between two turns of the listener's thread.
constexpr std::size_t instance_count = 8;
// Connections handed out and not looked at; more wait in their instances.
constexpr int most_untaken = 64;
// Both directions: what a process has written before it was killed must not wait in its memory for a reader.
constexpr DWORD buffer_size = 256 * 1024;
// Until the next try, where an instance could not be made (out of memory, quota).
constexpr DWORD retry_milliseconds = 100;

} // namespace

Status pipe_process(HANDLE pipe, PipeEnd end, std::uint32_t& pid) {
    ULONG value = 0;
    const bool client = end == PipeEnd::client;
    if (!(client ? GetNamedPipeClientProcessId(pipe, &value) : GetNamedPipeServerProcessId(pipe, &value))) {
        return last_error(client ? "GetNamedPipeClientProcessId" : "GetNamedPipeServerProcessId");
    }
    pid = value;
    return {};
}

Status connect_pipe(const std::wstring& path, UniqueFile& pipe, std::uint32_t& server_pid) {
    pipe.reset(CreateFileW(path.c_str(), GENERIC_READ | GENERIC_WRITE, 0, nullptr, OPEN_EXISTING,
                           FILE_FLAG_OVERLAPPED | SECURITY_SQOS_PRESENT | SECURITY_IDENTIFICATION, nullptr));
    if (!pipe) {
        const DWORD error = GetLastError();
        if (error == ERROR_FILE_NOT_FOUND || error == ERROR_PATH_NOT_FOUND) {
            return own_error("ERR_NO_LISTENER", "Nobody listens at " + narrow(path) + ".");
        }
        return system_error(error, "CreateFileW", "connect to " + narrow(path));
    }
    return pipe_process(pipe.get(), PipeEnd::server, server_pid);
}

struct PipeListener::Instance {
    enum class State { none, waiting, connected };

    UniqueFile pipe;
    UniqueHandle event; // manual reset
    OVERLAPPED overlapped{};
    State state = State::none;
};

PipeListener::PipeListener() = default;
PipeListener::~PipeListener() {
    close();
}

Status PipeListener::make_instance(UniqueFile& pipe, bool first) const {
    SecurityAttributes security(sddl_.c_str());
    if (security.get() == nullptr) {
        return last_error("ConvertStringSecurityDescriptorToSecurityDescriptorW", narrow(sddl_));
    }
    const DWORD open_mode =
        PIPE_ACCESS_DUPLEX | FILE_FLAG_OVERLAPPED | (first ? DWORD{FILE_FLAG_FIRST_PIPE_INSTANCE} : 0);
    pipe.reset(CreateNamedPipeW(path_.c_str(), open_mode,
                                PIPE_TYPE_BYTE | PIPE_READMODE_BYTE | PIPE_WAIT | PIPE_REJECT_REMOTE_CLIENTS,
                                PIPE_UNLIMITED_INSTANCES, buffer_size, buffer_size, 0, security.get()));
    if (!pipe) {
        const DWORD error = GetLastError();
        if (first && (error == ERROR_ACCESS_DENIED || error == ERROR_PIPE_BUSY)) {
            return own_error("ERR_ADDRESS_IN_USE", "Another listener, or somebody who pretends to be one, has made " +
                                                       narrow(path_) + " already.");
        }
        return system_error(error, "CreateNamedPipeW", narrow(path_));
    }
    return {};
}

Status PipeListener::open(const std::wstring& path, const std::wstring& sddl, OnConnection on_connection) {
    path_ = path;
    sddl_ = sddl;
    on_connection_ = std::move(on_connection);
    wake_.reset(CreateEventW(nullptr, FALSE, FALSE, nullptr));
    if (!wake_) {
        return last_error("CreateEventW");
    }
    instances_ = std::vector<Instance>(instance_count);
    if (Status status = make_instance(instances_.front().pipe, true); !status.ok()) {
        return status;
    }
    for (Instance& instance : instances_) {
        instance.event.reset(CreateEventW(nullptr, TRUE, FALSE, nullptr));
        if (!instance.event) {
            return last_error("CreateEventW");
        }
    }
    thread_.reset(CreateThread(nullptr, 0, thread_main, this, 0, nullptr));
    if (!thread_) {
        return last_error("CreateThread");
    }
    return {};
}

void PipeListener::arm(Instance& instance) const {
    if (!instance.pipe && !make_instance(instance.pipe, false).ok()) {
        return;
    }
    ResetEvent(instance.event.get());
    instance.overlapped = {};
    instance.overlapped.hEvent = instance.event.get();
    if (ConnectNamedPipe(instance.pipe.get(), &instance.overlapped)) {
        instance.state = Instance::State::connected;
        return;
    }
    switch (GetLastError()) {
    case ERROR_IO_PENDING: instance.state = Instance::State::waiting; return;
    case ERROR_PIPE_CONNECTED: instance.state = Instance::State::connected; return;
    default: instance.pipe.reset(); // connected and gone again: a new instance in the next round
    }
}

void PipeListener::hand_out(Instance& instance) {
    instance.state = Instance::State::none;
    UniqueFile pipe = std::move(instance.pipe);
    std::uint32_t pid = 0;
    if (pipe_process(pipe.get(), PipeEnd::client, pid).ok()) {
        ++untaken_;
        on_connection_(std::move(pipe), pid);
    }
}

DWORD WINAPI PipeListener::thread_main(void* listener) {
    static_cast<PipeListener*>(listener)->run();
    return 0;
}

void PipeListener::run() {
    std::array<HANDLE, instance_count + 1> handles{};
    handles[0] = wake_.get();
    while (!closing_) {
        bool missing = false;
        bool replace = false;
        DWORD count = 1;
        for (Instance& instance : instances_) {
            for (int tries = 0; instance.state == Instance::State::none && tries < 4; ++tries) {
                arm(instance);
            }
            DWORD bytes = 0;
            if (instance.state == Instance::State::waiting &&
                WaitForSingleObject(instance.event.get(), 0) == WAIT_OBJECT_0) {
                const bool done = GetOverlappedResult(instance.pipe.get(), &instance.overlapped, &bytes, FALSE) != 0;
                instance.state = done ? Instance::State::connected : Instance::State::none;
                if (!done) {
                    instance.pipe.reset();
                }
            }
            if (instance.state == Instance::State::connected && untaken_ < most_untaken) {
                hand_out(instance);
                replace = true;
            }
            missing = missing || instance.state == Instance::State::none;
            if (instance.state == Instance::State::waiting) {
                handles[count++] = instance.event.get();
            }
        }
        const DWORD wait = replace ? 0 : missing ? retry_milliseconds : INFINITE;
        WaitForMultipleObjects(count, handles.data(), FALSE, wait);
    }
    for (Instance& instance : instances_) {
        DWORD bytes = 0;
        if (instance.state == Instance::State::waiting && CancelIoEx(instance.pipe.get(), &instance.overlapped)) {
            GetOverlappedResult(instance.pipe.get(), &instance.overlapped, &bytes, TRUE);
        }
    }
}

void PipeListener::taken() {
    if (untaken_-- >= most_untaken) {
        SetEvent(wake_.get());
    }
}

void PipeListener::close() {
    if (thread_) {
        closing_ = true;
        SetEvent(wake_.get());
        WaitForSingleObject(thread_.get(), INFINITE);
        thread_.reset();
    }
    instances_.clear();
}

} // namespace winsock_spi::spi
