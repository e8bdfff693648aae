// Port: a mailslot, \\.\mailslot\winsock-spi\NAME.
// https://learn.microsoft.com/windows/win32/ipc/mailslots
#include "mechanism.hpp"

#include "own_user.hpp"
#include "../text.hpp"
#include "../unique.hpp"

#include <map>

namespace winsock_spi::spi {
namespace {

// The size up to which every mailslot, also over a network, takes a message.
constexpr DWORD largest_message = 424;

std::wstring mailslot_path(const std::wstring& name) {
    return L"\\\\.\\mailslot\\winsock-spi\\" + name;
}

class MailslotPort final : public Mechanism {
public:
    explicit MailslotPort(MechanismOptions options) : options_(std::move(options)) {}

    Status open() override {
        std::wstring sddl;
        if (Status status = sddl_or_own_user(options_.sddl, sddl); !status.ok()) {
            return status;
        }
        SecurityAttributes security(sddl.c_str());
        if (security.get() == nullptr) {
            return system_error(ERROR_INVALID_SECURITY_DESCR, "CreateMailslotW", narrow(sddl));
        }
        slot_.reset(CreateMailslotW(mailslot_path(options_.name).c_str(), largest_message, MAILSLOT_WAIT_FOREVER,
                                    security.get()));
        if (!slot_) {
            const DWORD error = GetLastError();
            return error == ERROR_ALREADY_EXISTS
                       ? own_error("ERR_ADDRESS_IN_USE", "there is a mailslot " + narrow(options_.name) + " already")
                       : system_error(error, "CreateMailslotW", narrow(options_.name));
        }
        arrived_.reset(CreateEventW(nullptr, TRUE, FALSE, nullptr));
        return arrived_ ? Status{} : last_error("CreateEventW");
    }

    Status receive(Inbox& inbox, HANDLE stop) override {
        inbox.ready();
        while (inbox.wait_for_room()) {
            std::uint8_t buffer[largest_message];
            DWORD size = 0;
            bool stopped = false;
            if (Status status = read(buffer, size, stop, stopped); !status.ok() || stopped) {
                return status;
            }
            inbox.deliver({buffer, size});
        }
        return {};
    }

    Status send(const std::wstring& target, Bytes bytes, HANDLE) override {
        UniqueFile& file = writers_[target];
        if (!file) {
            file.reset(CreateFileW(mailslot_path(target).c_str(), GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE,
                                   nullptr, OPEN_EXISTING, SECURITY_SQOS_PRESENT | SECURITY_IDENTIFICATION, nullptr));
            if (!file) {
                return failed(target, last_error("CreateFileW", "open the mailslot " + narrow(target)));
            }
        }
        DWORD written = 0;
        if (!WriteFile(file.get(), bytes.data(), static_cast<DWORD>(bytes.size()), &written, nullptr)) {
            return failed(target, last_error("WriteFile", "write to the mailslot " + narrow(target)));
        }
        return {};
    }

    void forget(const std::wstring& target) override { writers_.erase(target); }

    // Under Wine a read of a mailslot waits inside ReadFile and cannot be cancelled: a message of our own ends it.
    bool interrupt() override {
        const UniqueFile file(CreateFileW(mailslot_path(options_.name).c_str(), GENERIC_WRITE,
                                          FILE_SHARE_READ | FILE_SHARE_WRITE, nullptr, OPEN_EXISTING, 0, nullptr));
        DWORD written = 0;
        if (file) {
            WriteFile(file.get(), "", 1, &written, nullptr);
        }
        return true;
    }

private:
    Status read(std::uint8_t* buffer, DWORD& size, HANDLE stop, bool& stopped) {
        OVERLAPPED overlapped{};
        overlapped.hEvent = arrived_.get();
        ResetEvent(arrived_.get());
        if (!ReadFile(slot_.get(), buffer, largest_message, nullptr, &overlapped) &&
            GetLastError() != ERROR_IO_PENDING) {
            return last_error("ReadFile", "read the mailslot");
        }
        const HANDLE either[] = {arrived_.get(), stop};
        stopped = WaitForMultipleObjects(2, either, FALSE, INFINITE) != WAIT_OBJECT_0;
        if (stopped) {
            CancelIoEx(slot_.get(), &overlapped);
        }
        // Waits: the buffer and the structure are the system's until the operation is over.
        if (!GetOverlappedResult(slot_.get(), &overlapped, &size, TRUE) && !stopped) {
            return last_error("ReadFile", "read the mailslot");
        }
        return {};
    }

    // The next try opens the mailslot anew. Whatever goes wrong at a mailslot that has gone means that it has gone.
    Status failed(const std::wstring& target, Status status) {
        writers_.erase(target);
        switch (status.number) {
        case ERROR_BAD_NETPATH: // none of that name, in some versions
        case ERROR_PATH_NOT_FOUND:
        case ERROR_BROKEN_PIPE:
        case ERROR_HANDLE_EOF:
        case ERROR_INVALID_HANDLE:
            return system_error(ERROR_FILE_NOT_FOUND, status.syscall.c_str(), "the mailslot " + narrow(target));
        default: return status;
        }
    }

    MechanismOptions options_;
    UniqueFile slot_;
    UniqueHandle arrived_;
    std::map<std::wstring, UniqueFile> writers_;
};

} // namespace

std::unique_ptr<Mechanism> make_mailslot_port(const MechanismOptions& options) {
    return std::make_unique<MailslotPort>(options);
}

} // namespace winsock_spi::spi
