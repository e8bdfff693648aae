#include "anonymous_pipe.hpp"

#include "../inherited_handles.hpp"
#include "../text.hpp"

#include <mutex>

namespace winsock_spi::spi {
namespace {

constexpr DWORD pipe_size = 64 * 1024;

// A copy that a child can inherit.
Status inheritable(HANDLE handle, UniqueHandle& copy) {
    const HANDLE process = GetCurrentProcess();
    if (!DuplicateHandle(process, handle, process, copy.put(), 0, TRUE, DUPLICATE_SAME_ACCESS)) {
        return last_error("DuplicateHandle", "hand on a handle");
    }
    return {};
}

std::wstring handle_text(HANDLE handle) {
    return std::to_wstring(static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(handle)));
}

// The thread that is inside a blocking call, while it may be.
class BlockingThread {
public:
    Status enter() {
        const std::lock_guard lock(mutex_);
        const HANDLE process = GetCurrentProcess();
        if (!DuplicateHandle(process, GetCurrentThread(), process, thread_.put(), 0, FALSE, DUPLICATE_SAME_ACCESS)) {
            return last_error("DuplicateHandle", "name the own thread");
        }
        return {};
    }
    void leave() {
        const std::lock_guard lock(mutex_);
        thread_.reset();
    }
    void cancel() {
        const std::lock_guard lock(mutex_);
        if (thread_) {
            CancelSynchronousIo(thread_.get());
        }
    }

private:
    std::mutex mutex_;
    UniqueHandle thread_;
};

class AnonymousPipeLine final : public Mechanism {
public:
    explicit AnonymousPipeLine(PipeEnds ends) : ends_(std::move(ends)) {}

    Status open() override { return {}; }

    Status receive(Inbox& inbox, HANDLE stop) override {
        Status status = reader_.enter();
        inbox.ready();
        std::vector<std::uint8_t> buffer(pipe_size);
        while (status.ok() && inbox.wait_for_room()) {
            DWORD count = 0;
            if (!ReadFile(ends_.read.get(), buffer.data(), pipe_size, &count, nullptr)) {
                const DWORD error = GetLastError();
                const bool over = error == ERROR_BROKEN_PIPE || WaitForSingleObject(stop, 0) == WAIT_OBJECT_0;
                if (!over) {
                    status = system_error(error, "ReadFile", "read the pipe");
                }
                break;
            }
            if (count > 0) { // a write of nothing is seen as such
                inbox.deliver({buffer.data(), count});
            }
        }
        reader_.leave();
        return status;
    }

    Status send(const std::wstring&, Bytes bytes, HANDLE stop) override {
        Status status = writer_.enter();
        while (status.ok() && !bytes.empty() && WaitForSingleObject(stop, 0) != WAIT_OBJECT_0) {
            const DWORD size = bytes.size() < pipe_size ? static_cast<DWORD>(bytes.size()) : pipe_size;
            DWORD count = 0;
            if (!WriteFile(ends_.write.get(), bytes.data(), size, &count, nullptr)) {
                status = last_error("WriteFile", "write to the pipe");
            } else {
                bytes = bytes.subspan(count);
            }
        }
        writer_.leave();
        return status;
    }

    void finish() override { ends_.write.reset(); }

    bool interrupt() override {
        reader_.cancel();
        writer_.cancel();
        return true;
    }

private:
    PipeEnds ends_; // `read` is the receiving thread's, `write` the sending thread's
    BlockingThread reader_;
    BlockingThread writer_;
};

} // namespace

Status start_with_pipes(const std::wstring& program, std::wstring command_line, const std::wstring& folder,
                        const std::vector<std::wstring>& environment, const std::wstring& variable,
                        StartedProgram& started, PipeEnds& ends) {
    UniqueHandle child_read;
    UniqueHandle child_write;
    if (!CreatePipe(child_read.put(), ends.write.put(), nullptr, pipe_size) ||
        !CreatePipe(ends.read.put(), child_write.put(), nullptr, pipe_size)) {
        return last_error("CreatePipe");
    }
    constexpr DWORD streams[] = {STD_INPUT_HANDLE, STD_OUTPUT_HANDLE, STD_ERROR_HANDLE};
    UniqueHandle copies[5];
    std::vector<HANDLE> list;
    for (std::size_t index = 0; index < 5; ++index) {
        const HANDLE original = index < 3    ? GetStdHandle(streams[index])
                                : index == 3 ? child_read.get()
                                             : child_write.get();
        if (original == nullptr || original == INVALID_HANDLE_VALUE) {
            continue; // this process has no such stream
        }
        if (Status status = inheritable(original, copies[index]); !status.ok()) {
            return status;
        }
        list.push_back(copies[index].get());
    }
    InheritedHandles inherited;
    if (Status status = inherited.open(list.data(), list.size()); !status.ok()) {
        return status;
    }
    std::wstring block;
    for (const std::wstring& entry : environment) {
        block += entry;
        block += L'\0';
    }
    block += variable + L"=" + handle_text(copies[3].get()) + L"," + handle_text(copies[4].get());
    block += L'\0';
    block += L'\0';
    STARTUPINFOEXW startup{};
    startup.StartupInfo.cb = sizeof(startup);
    startup.StartupInfo.dwFlags = STARTF_USESTDHANDLES;
    startup.StartupInfo.hStdInput = copies[0].get();
    startup.StartupInfo.hStdOutput = copies[1].get();
    startup.StartupInfo.hStdError = copies[2].get();
    startup.lpAttributeList = inherited.get();
    PROCESS_INFORMATION information{};
    if (!CreateProcessW(program.c_str(), command_line.data(), nullptr, nullptr, TRUE,
                        EXTENDED_STARTUPINFO_PRESENT | CREATE_UNICODE_ENVIRONMENT, block.data(), folder.c_str(),
                        &startup.StartupInfo, &information)) {
        return last_error("CreateProcessW", narrow(program));
    }
    CloseHandle(information.hThread);
    started.process.reset(information.hProcess);
    started.pid = information.dwProcessId;
    return {};
}

Status take_pipe_ends(std::uint32_t read, std::uint32_t write, PipeEnds& ends) {
    for (const std::uint32_t value : {read, write}) {
        const HANDLE handle = reinterpret_cast<HANDLE>(static_cast<std::uintptr_t>(value));
        if (value == 0 || GetFileType(handle) != FILE_TYPE_PIPE) {
            return system_error(ERROR_INVALID_HANDLE, "GetFileType", "the inherited handle is no pipe");
        }
        if (!SetHandleInformation(handle, HANDLE_FLAG_INHERIT, 0)) {
            return last_error("SetHandleInformation");
        }
    }
    ends.read.reset(reinterpret_cast<HANDLE>(static_cast<std::uintptr_t>(read)));
    ends.write.reset(reinterpret_cast<HANDLE>(static_cast<std::uintptr_t>(write)));
    return {};
}

std::unique_ptr<Mechanism> make_anonymous_pipe_line(PipeEnds ends) {
    return std::make_unique<AnonymousPipeLine>(std::move(ends));
}

} // namespace winsock_spi::spi
