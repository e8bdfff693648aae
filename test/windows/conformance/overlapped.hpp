// What the cases about overlapped operations share.
#pragma once

#include "sockets.hpp"

#include <thread>

namespace conformance {

// A kernel handle that closes itself.
class Handle {
public:
    Handle() = default;
    explicit Handle(HANDLE value) : value_(value == INVALID_HANDLE_VALUE ? nullptr : value) {}
    Handle(Handle&& other) noexcept : value_(std::exchange(other.value_, nullptr)) {}
    Handle& operator=(Handle&& other) noexcept {
        std::swap(value_, other.value_);
        return *this;
    }
    ~Handle() { close(); }

    HANDLE get() const { return value_; }
    explicit operator bool() const { return value_ != nullptr; }
    void close() {
        if (value_ != nullptr) {
            CloseHandle(std::exchange(value_, nullptr));
        }
    }

private:
    HANDLE value_ = nullptr;
};

inline HANDLE handle_of(SOCKET socket) {
    return reinterpret_cast<HANDLE>(socket);
}

inline WSABUF buffer(char* bytes, std::size_t length) {
    return WSABUF{static_cast<ULONG>(length), bytes};
}

template <std::size_t Size>
WSABUF buffer(char (&bytes)[Size]) {
    return buffer(bytes, Size);
}

// For sending: Winsock takes the same structure in both directions, and does not write into it here.
inline WSABUF text_buffer(std::string_view text) {
    return buffer(const_cast<char*>(text.data()), text.size());
}

// WSA_IO_PENDING as the int that all other errors are.
inline constexpr int io_pending = WSA_IO_PENDING;

// Whether it comes true in good time. For states that nothing tells of.
template <typename Predicate>
bool eventually(Predicate predicate, DWORD milliseconds = patience) {
    for (const ULONGLONG start = GetTickCount64(); GetTickCount64() - start < milliseconds; SwitchToThread()) {
        if (predicate()) {
            return true;
        }
    }
    return predicate();
}

// An operation that is told of by an event. Must outlive the operation.
struct Operation {
    Operation() { overlapped.hEvent = event.get(); }

    bool wait() const { return event.wait(); }
    // Error 0 and the number of bytes, or the error; waits for the end with a bound.
    int finish(SOCKET socket, DWORD& bytes, DWORD& flags) {
        if (!event.wait()) {
            return WAIT_TIMEOUT;
        }
        bytes = 0;
        flags = 0;
        return WSAGetOverlappedResult(socket, &overlapped, &bytes, FALSE, &flags) ? 0 : WSAGetLastError();
    }
    int finish(SOCKET socket, DWORD& bytes) {
        DWORD flags = 0;
        return finish(socket, bytes, flags);
    }
    int finish(SOCKET socket) {
        DWORD bytes = 0;
        return finish(socket, bytes);
    }

    Event event;
    WSAOVERLAPPED overlapped{};
};

// The error of a call that answers SOCKET_ERROR: 0 if it succeeded.
inline int error_of(int result) {
    return result == SOCKET_ERROR ? WSAGetLastError() : 0;
}

inline int error_of_bool(BOOL result) {
    return result ? 0 : WSAGetLastError();
}

// Started: completed at once, or pending.
inline bool started(int result) {
    return result == 0 || WSAGetLastError() == WSA_IO_PENDING;
}

inline bool started_bool(BOOL result) {
    return result || WSAGetLastError() == ERROR_IO_PENDING;
}

// An overlapped receive into a buffer of its own.
struct Receive : Operation {
    int start(SOCKET socket, DWORD wanted_flags = 0, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine = nullptr) {
        WSABUF one = buffer(bytes);
        flags = wanted_flags;
        return WSARecv(socket, &one, 1, nullptr, &flags, &overlapped, routine);
    }
    std::string text(DWORD count) const { return std::string(bytes, count); }

    char bytes[256]{};
    DWORD flags = 0;
};

// A call that should fail at once, where Wine starts an operation instead: which is taken back.
inline void fails_at_once(std::string_view text, SOCKET socket, Operation& operation, BOOL result, int error,
                          std::string_view evidence, Location location = Location::current()) {
    fails_bool(text, result, error, on_wine(static_cast<int>(ERROR_IO_PENDING), evidence), location);
    if (!result && WSAGetLastError() == ERROR_IO_PENDING) {
        CancelIoEx(handle_of(socket), &operation.overlapped);
        require("the end of what should not have begun", operation.wait());
        operation.event.reset();
    }
}

// The address of an extension function, which must be there.
template <typename Function>
Function extension(SOCKET socket, GUID id) {
    Function function = nullptr;
    DWORD bytes = 0;
    require("an extension function", WSAIoctl(socket, SIO_GET_EXTENSION_FUNCTION_POINTER, &id, sizeof id, &function,
                                              sizeof function, &bytes, nullptr, nullptr) == 0 &&
                                         function != nullptr);
    return function;
}

// A thread that is waited for; what it runs must end by itself.
class Thread {
public:
    template <typename Function>
    explicit Thread(Function function) : thread_(std::move(function)) {}
    ~Thread() {
        if (thread_.joinable()) {
            thread_.join();
        }
    }
    void join() { thread_.join(); }

private:
    std::thread thread_;
};

} // namespace conformance
