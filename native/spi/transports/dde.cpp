// Port: a DDE server (DDEML); messages are poked into it.
// https://learn.microsoft.com/windows/win32/dataxchg/about-the-ddeml
//
// Receiving is a DDE server on the receiving thread, sending a DDE client on the sending thread, each with an instance
// of DDEML of its own: an instance belongs to its thread.
#include "window_port.hpp"

#include "../text.hpp"

#include <ddeml.h>

namespace winsock_spi::spi {
namespace {

constexpr wchar_t topic_name[] = L"winsock-spi";
constexpr DWORD largest_message = 64 * 1024;
constexpr DWORD patience = 2000; // milliseconds

UINT our_format() {
    static const UINT format = RegisterClipboardFormatW(L"winsock-spi.chunk");
    return format;
}

std::wstring service_name(const std::wstring& name) {
    return L"winsock-spi." + name;
}

// One thread's instance of DDEML, with the strings that it made.
class DdeInstance {
public:
    ~DdeInstance() { close(); }

    Status open(PFNCALLBACK callback, DWORD flags) {
        const UINT error = DdeInitializeW(&id_, callback, flags, 0);
        return error == DMLERR_NO_ERROR ? Status{} : failure(error, "DdeInitializeW");
    }
    void close() {
        if (id_ != 0) {
            DdeUninitialize(std::exchange(id_, 0));
        }
    }
    bool is_open() const { return id_ != 0; }
    DWORD id() const { return id_; }
    Status last(const char* syscall) const { return failure(DdeGetLastError(id_), syscall); }

    // DDEML numbers its errors by itself, from 0x4000.
    static Status failure(UINT error, const char* syscall) {
        switch (error) {
        case DMLERR_NO_CONV_ESTABLISHED:
        case DMLERR_SERVER_DIED:
        case DMLERR_POSTMSG_FAILED: // its window has gone
            return system_error(ERROR_FILE_NOT_FOUND, syscall, "there is no such DDE server");
        case DMLERR_BUSY:
        case DMLERR_POKEACKTIMEOUT:
        case DMLERR_NOTPROCESSED:
        case DMLERR_REENTRANCY: return system_error(ERROR_BUSY, syscall, "the DDE server did not take the message");
        default: return system_error(ERROR_GEN_FAILURE, syscall, "DDEML error " + std::to_string(error));
        }
    }

private:
    DWORD id_ = 0;
};

class DdeText {
public:
    DdeText(const DdeInstance& instance, const std::wstring& text)
        : instance_(instance), text_(DdeCreateStringHandleW(instance.id(), text.c_str(), CP_WINUNICODE)) {}
    ~DdeText() {
        if (text_ != nullptr) {
            DdeFreeStringHandle(instance_.id(), text_);
        }
    }
    DdeText(const DdeText&) = delete;
    DdeText& operator=(const DdeText&) = delete;
    HSZ get() const { return text_; }

private:
    const DdeInstance& instance_;
    HSZ text_;
};

// What the callback, which gets no pointer of ours, works on; it is called on the thread that made the instance.
struct Receiving {
    Inbox* inbox;
    HSZ topic;
};
thread_local Receiving* receiving = nullptr;

HDDEDATA answer(UINT_PTR value) {
    return reinterpret_cast<HDDEDATA>(value);
}

HDDEDATA take_poke(UINT format, HDDEDATA data) {
    if ((format & 0xFFFF) != our_format() || data == nullptr) { // Wine sets the upper half
        return answer(DDE_FNOTPROCESSED);
    }
    if (receiving->inbox->full()) {
        return answer(DDE_FBUSY);
    }
    DWORD size = 0;
    const BYTE* bytes = DdeAccessData(data, &size);
    const bool fine = bytes != nullptr && size > 0 && size <= largest_message;
    if (fine) {
        receiving->inbox->deliver({bytes, size});
    }
    if (bytes != nullptr) {
        DdeUnaccessData(data);
    }
    return answer(fine ? DDE_FACK : DDE_FNOTPROCESSED);
}

HDDEDATA CALLBACK serve(UINT type, UINT format, HCONV, HSZ first, HSZ, HDDEDATA data, ULONG_PTR, ULONG_PTR) {
    if (receiving == nullptr) {
        return nullptr;
    }
    if (type == XTYP_CONNECT) { // DDEML lets through only our service's name
        return answer(DdeCmpStringHandles(first, receiving->topic) == 0 ? TRUE : FALSE);
    }
    return type == XTYP_POKE ? take_poke(format, data) : nullptr;
}

HDDEDATA CALLBACK ignore(UINT, UINT, HCONV, HSZ, HSZ, HDDEDATA, ULONG_PTR, ULONG_PTR) {
    return nullptr;
}

void serve_windows() {
    MSG message;
    while (PeekMessageW(&message, nullptr, 0, 0, PM_REMOVE)) {
        DispatchMessageW(&message);
    }
}

class DdePort final : public Mechanism {
public:
    explicit DdePort(MechanismOptions options) : options_(std::move(options)) {}

    Status open() override { return lock_.take(L"dde", options_); }

    Status receive(Inbox& inbox, HANDLE stop) override {
        constexpr DWORD flags =
            APPCLASS_STANDARD | CBF_FAIL_ADVISES | CBF_FAIL_EXECUTES | CBF_FAIL_REQUESTS | CBF_SKIP_ALLNOTIFICATIONS;
        DdeInstance instance;
        if (Status status = instance.open(serve, flags); !status.ok()) {
            return status;
        }
        const DdeText service(instance, service_name(options_.name));
        const DdeText topic(instance, topic_name);
        Receiving own{&inbox, topic.get()};
        receiving = &own;
        Status status;
        if (DdeNameService(instance.id(), service.get(), nullptr, DNS_REGISTER) == nullptr) {
            status = instance.last("DdeNameService");
        } else {
            inbox.ready();
            while (MsgWaitForMultipleObjectsEx(1, &stop, INFINITE, QS_ALLINPUT, MWMO_INPUTAVAILABLE) ==
                   WAIT_OBJECT_0 + 1) {
                serve_windows();
            }
            DdeNameService(instance.id(), service.get(), nullptr, DNS_UNREGISTER);
        }
        receiving = nullptr;
        return status;
    }

    Status send(const std::wstring& target, Bytes bytes, HANDLE) override {
        HCONV conversation = nullptr;
        if (Status status = converse(target, conversation); !status.ok()) {
            return status;
        }
        const DdeText item(client_, topic_name);
        if (DdeClientTransaction(const_cast<std::uint8_t*>(bytes.data()), static_cast<DWORD>(bytes.size()),
                                 conversation, item.get(), our_format(), XTYP_POKE, patience, nullptr) == nullptr) {
            Status status = client_.last("DdeClientTransaction");
            if (status.number != ERROR_BUSY) {
                forget(target);
            }
            return status;
        }
        return {};
    }

    void forget(const std::wstring& target) override {
        const auto found = conversations_.find(target);
        if (found != conversations_.end()) {
            DdeDisconnect(found->second);
            conversations_.erase(found);
        }
    }

    void end_sending() override {
        while (!conversations_.empty()) {
            forget(conversations_.begin()->first);
        }
        client_.close();
    }

    void wait(const HANDLE* events, DWORD count) override {
        MsgWaitForMultipleObjectsEx(count, events, INFINITE, QS_ALLINPUT, MWMO_INPUTAVAILABLE);
        serve_windows();
    }

private:
    Status converse(const std::wstring& target, HCONV& conversation) {
        if (!client_.is_open()) {
            constexpr DWORD flags = APPCLASS_STANDARD | APPCMD_CLIENTONLY | CBF_SKIP_ALLNOTIFICATIONS;
            if (Status status = client_.open(ignore, flags); !status.ok()) {
                return status;
            }
        }
        const auto found = conversations_.find(target);
        if (found != conversations_.end()) {
            conversation = found->second;
            return {};
        }
        const DdeText service(client_, service_name(target));
        const DdeText topic(client_, topic_name);
        conversation = DdeConnect(client_.id(), service.get(), topic.get(), nullptr);
        if (conversation == nullptr) {
            return client_.last("DdeConnect");
        }
        conversations_.emplace(target, conversation);
        return {};
    }

    MechanismOptions options_;
    NameLock lock_;
    DdeInstance client_; // the sending thread's
    std::map<std::wstring, HCONV> conversations_;
};

} // namespace

std::unique_ptr<Mechanism> make_dde_port(const MechanismOptions& options) {
    return std::make_unique<DdePort>(options);
}

} // namespace winsock_spi::spi
