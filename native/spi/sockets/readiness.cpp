#include "readiness.hpp"

#include <atomic>
#include <new>

#include "../exclusive_lock.hpp"

namespace winsock_spi::spi {
namespace {

// How long a disarm waits before it wakes the poll once more: a datagram to oneself may be lost where buffers are
// short.
constexpr DWORD wake_again_ms = 20;
// After a poll that failed as a whole, so that a failure that stays does not take a processor.
constexpr DWORD failed_pause_ms = 10;

Status winsock_error(const WinsockApi& api, const char* syscall) {
    return system_error(static_cast<std::uint32_t>(api.WSAGetLastError()), syscall);
}

} // namespace

Status Readiness::get(Readiness*& readiness) {
    // Never deleted: its thread may be anywhere in it when the process ends.
    static Readiness* const own = new Readiness();
    static SRWLOCK starting = SRWLOCK_INIT;
    const ExclusiveLock lock(starting);
    readiness = own;
    return own->start();
}

std::uint64_t Readiness::new_id() {
    static std::atomic<std::uint64_t> last{0};
    return ++last;
}

// What failed is tried again the next time.
Status Readiness::start() {
    if (started_) {
        return {};
    }
    if (Status status = winsock_api(api_); !status.ok()) {
        return status;
    }
    if (Status status = open_waker(); !status.ok()) {
        return status;
    }
    // The thread stays, so the module has to, even if Node ends the worker that loaded it.
    HMODULE module = nullptr;
    if (!GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_PIN,
                            reinterpret_cast<const wchar_t*>(&thread_main), &module)) {
        return last_error("GetModuleHandleExW");
    }
    const UniqueHandle thread(CreateThread(nullptr, 0, thread_main, this, 0, nullptr));
    started_ = static_cast<bool>(thread);
    return started_ ? Status{} : last_error("CreateThread");
}

Status Readiness::open_waker() {
    UniqueSocket socket(api_->WSASocketW(AF_INET, SOCK_DGRAM, IPPROTO_UDP, nullptr, 0,
                                         WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT));
    if (!socket) {
        return winsock_error(*api_, "WSASocketW");
    }
    SetHandleInformation(reinterpret_cast<HANDLE>(socket.get()), HANDLE_FLAG_INHERIT, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = 0x0100'007f; // 127.0.0.1 in network order
    if (api_->bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
        return winsock_error(*api_, "bind");
    }
    int length = sizeof(address);
    if (api_->getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &length) != 0) {
        return winsock_error(*api_, "getsockname");
    }
    // Connected to itself, it takes datagrams from nobody else.
    if (api_->connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
        return winsock_error(*api_, "connect");
    }
    u_long nonblocking = 1;
    if (api_->ioctlsocket(socket.get(), static_cast<long>(FIONBIO), &nonblocking) != 0) {
        return winsock_error(*api_, "ioctlsocket");
    }
    waker_ = std::move(socket);
    return {};
}

// With the lock held. False where the poll that is under way could not be told.
bool Readiness::wake() {
    if (!polling_ || woken_) {
        return true;
    }
    const char byte = 0;
    woken_ = api_->send(waker_.get(), &byte, 1, 0) == 1;
    return woken_;
}

Status Readiness::arm(std::uint64_t id, SOCKET socket, short events, ReadinessSink& sink) {
    const ExclusiveLock lock(lock_);
    Armed& armed = armed_[id];
    armed.socket = socket;
    armed.events = events;
    armed.sink = &sink;
    if (wake()) {
        return {};
    }
    const Status status = winsock_error(*api_, "send");
    if (!armed.polled) {
        armed_.erase(id);
    }
    return status;
}

void Readiness::disarm(std::uint64_t id) {
    const ExclusiveLock lock(lock_);
    const auto found = armed_.find(id);
    if (found == armed_.end()) {
        return;
    }
    const bool polled = found->second.polled;
    armed_.erase(found);
    for (const std::uint64_t round = rounds_; polled && polling_ && rounds_ == round;) {
        wake();
        if (!SleepConditionVariableSRW(&round_ended_, &lock_, wake_again_ms, 0)) {
            woken_ = false;
        }
    }
}

// With the lock held: what the next poll looks at.
void Readiness::collect() {
    polls_.clear();
    ids_.clear();
    WSAPOLLFD waker{};
    waker.fd = waker_.get();
    waker.events = POLLRDNORM;
    polls_.push_back(waker);
    ids_.push_back(0);
    for (auto& [id, armed] : armed_) {
        WSAPOLLFD poll{};
        poll.fd = armed.socket;
        poll.events = armed.events;
        polls_.push_back(poll);
        ids_.push_back(id);
        armed.polled = true;
    }
    polling_ = true;
    woken_ = false;
}

// With the lock held. A poll that failed as a whole does not say which socket is to blame: whoever is told finds out by
// its next call, and arms again if it was not its own.
void Readiness::tell(bool failed) {
    for (std::size_t index = 1; index < polls_.size(); ++index) {
        const auto found = armed_.find(ids_[index]);
        if (found == armed_.end()) {
            continue;
        }
        Armed& armed = found->second;
        armed.polled = false;
        const short wanted = static_cast<short>(armed.events | POLLERR | POLLHUP | POLLNVAL);
        const short events = failed ? POLLERR : static_cast<short>(polls_[index].revents & wanted);
        if (events != 0) {
            ReadinessSink& sink = *armed.sink;
            armed_.erase(found);
            sink.ready(ids_[index], events);
        }
    }
}

void Readiness::run() {
    for (;;) {
        {
            const ExclusiveLock lock(lock_);
            collect();
        }
        const int count = api_->WSAPoll(polls_.data(), static_cast<ULONG>(polls_.size()), -1);
        if (count == SOCKET_ERROR) {
            Sleep(failed_pause_ms);
        }
        {
            const ExclusiveLock lock(lock_);
            polling_ = false;
            ++rounds_;
            char bytes[64];
            while (api_->recv(waker_.get(), bytes, sizeof(bytes), 0) > 0) {
            }
            tell(count == SOCKET_ERROR);
        }
        WakeAllConditionVariable(&round_ended_);
    }
}

DWORD WINAPI Readiness::thread_main(void* self) {
    static_cast<Readiness*>(self)->run();
}

} // namespace winsock_spi::spi
