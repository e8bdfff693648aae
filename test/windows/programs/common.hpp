// What the test programs share: sockets that close themselves, calls that throw with their Winsock error, and a summary
// as one line of JSON. Only Windows SDK headers; a program is good if it exits with 0 and its last line says "ok":true.
#pragma once

#include <winsock2.h>
#include <ws2tcpip.h>
#include <mswsock.h>
#include <windows.h>

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <functional>
#include <map>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace program {

[[noreturn]] inline void fail(const std::string& what, int error) {
    throw std::runtime_error(what + ": " + std::to_string(error));
}

inline void require(bool condition, const std::string& what) {
    if (!condition) {
        throw std::runtime_error("not so: " + what);
    }
}

// For calls that answer 0 or SOCKET_ERROR.
inline void check(int result, const char* what) {
    if (result == SOCKET_ERROR) {
        fail(what, WSAGetLastError());
    }
}

class Winsock {
public:
    Winsock() {
        WSADATA data{};
        if (const int error = WSAStartup(MAKEWORD(2, 2), &data); error != 0) {
            fail("WSAStartup", error);
        }
    }
    ~Winsock() { WSACleanup(); }
    Winsock(const Winsock&) = delete;
    Winsock& operator=(const Winsock&) = delete;
};

class Socket {
public:
    Socket() = default;
    explicit Socket(SOCKET value, const char* what = "socket") : value_(value) {
        if (value == INVALID_SOCKET) {
            fail(what, WSAGetLastError());
        }
    }
    Socket(Socket&& other) noexcept : value_(std::exchange(other.value_, INVALID_SOCKET)) {}
    Socket& operator=(Socket&& other) noexcept {
        std::swap(value_, other.value_);
        return *this;
    }
    ~Socket() {
        if (value_ != INVALID_SOCKET) {
            closesocket(value_);
        }
    }
    SOCKET get() const { return value_; }
    SOCKET release() { return std::exchange(value_, INVALID_SOCKET); }
    void close() {
        if (value_ != INVALID_SOCKET) {
            check(closesocket(std::exchange(value_, INVALID_SOCKET)), "closesocket");
        }
    }

private:
    SOCKET value_ = INVALID_SOCKET;
};

class Handle {
public:
    Handle() = default;
    explicit Handle(HANDLE value, const char* what) : value_(value) {
        if (value == nullptr || value == INVALID_HANDLE_VALUE) {
            value_ = nullptr;
            fail(what, static_cast<int>(GetLastError()));
        }
    }
    Handle(Handle&& other) noexcept : value_(std::exchange(other.value_, nullptr)) {}
    Handle& operator=(Handle&& other) noexcept {
        std::swap(value_, other.value_);
        return *this;
    }
    ~Handle() { close(); }
    HANDLE get() const { return value_; }
    void close() {
        if (value_ != nullptr) {
            CloseHandle(std::exchange(value_, nullptr));
        }
    }

private:
    HANDLE value_ = nullptr;
};

// An address of either family, loopback unless said otherwise.
struct Address {
    sockaddr_storage storage{};
    int length = sizeof(sockaddr_storage);

    sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
    const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
    std::uint16_t port() const {
        return ntohs(storage.ss_family == AF_INET ? reinterpret_cast<const sockaddr_in*>(&storage)->sin_port
                                                  : reinterpret_cast<const sockaddr_in6*>(&storage)->sin6_port);
    }
};

inline Address loopback(int family, std::uint16_t port = 0) {
    Address address;
    if (family == AF_INET) {
        sockaddr_in v4{};
        v4.sin_family = AF_INET;
        v4.sin_port = htons(port);
        v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        std::memcpy(&address.storage, &v4, sizeof v4);
        address.length = sizeof v4;
    } else {
        sockaddr_in6 v6{};
        v6.sin6_family = AF_INET6;
        v6.sin6_port = htons(port);
        v6.sin6_addr.s6_addr[15] = 1;
        std::memcpy(&address.storage, &v6, sizeof v6);
        address.length = sizeof v6;
    }
    return address;
}

inline Address local_address(SOCKET socket) {
    Address address;
    check(getsockname(socket, address.get(), &address.length), "getsockname");
    return address;
}

inline Socket bound(int family, int type) {
    Socket socket(WSASocketW(family, type, 0, nullptr, 0, WSA_FLAG_OVERLAPPED), "WSASocketW");
    const Address address = loopback(family);
    check(bind(socket.get(), address.get(), address.length), "bind");
    return socket;
}

inline Socket listening(int family) {
    Socket socket = bound(family, SOCK_STREAM);
    check(listen(socket.get(), SOMAXCONN), "listen");
    return socket;
}

struct Pair {
    Socket near_end;
    Socket far_end;
};

// Two ends of one TCP connection over loopback, made with connect and accept.
inline Pair connected_pair(int family = AF_INET) {
    const Socket listener = listening(family);
    const Address address = local_address(listener.get());
    Socket near_end(WSASocketW(family, SOCK_STREAM, IPPROTO_TCP, nullptr, 0, WSA_FLAG_OVERLAPPED), "WSASocketW");
    check(connect(near_end.get(), address.get(), address.length), "connect");
    Socket far_end(accept(listener.get(), nullptr, nullptr), "accept");
    return {std::move(near_end), std::move(far_end)};
}

inline void send_all(SOCKET socket, const std::string& text) {
    std::size_t sent = 0;
    while (sent < text.size()) {
        const int done = send(socket, text.data() + sent, static_cast<int>(text.size() - sent), 0);
        check(done, "send");
        sent += static_cast<std::size_t>(done);
    }
}

inline std::string receive_exactly(SOCKET socket, std::size_t bytes) {
    std::string text(bytes, '\0');
    std::size_t received = 0;
    while (received < bytes) {
        const int done = recv(socket, text.data() + received, static_cast<int>(bytes - received), 0);
        check(done, "recv");
        require(done != 0, "the peer sends as much as was agreed");
        received += static_cast<std::size_t>(done);
    }
    return text;
}

inline std::string receive_to_end(SOCKET socket) {
    std::string text;
    char buffer[4096];
    for (;;) {
        const int done = recv(socket, buffer, sizeof buffer, 0);
        check(done, "recv");
        if (done == 0) {
            return text;
        }
        text.append(buffer, static_cast<std::size_t>(done));
    }
}

// The pointer of an extension function, asked from this very socket as one should.
template <class Function>
Function extension(SOCKET socket, GUID guid, const char* name) {
    Function function = nullptr;
    DWORD bytes = 0;
    check(WSAIoctl(socket, SIO_GET_EXTENSION_FUNCTION_POINTER, &guid, sizeof guid, &function, sizeof function, &bytes,
                   nullptr, nullptr),
          name);
    require(bytes == sizeof function && function != nullptr, std::string(name) + " has an address");
    return function;
}

inline std::string narrow(const wchar_t* text) {
    const int bytes = WideCharToMultiByte(CP_UTF8, 0, text, -1, nullptr, 0, nullptr, nullptr);
    std::string result(static_cast<std::size_t>(bytes > 0 ? bytes - 1 : 0), '\0');
    WideCharToMultiByte(CP_UTF8, 0, text, -1, result.data(), bytes, nullptr, nullptr);
    return result;
}

// The members of one JSON object, in the order they were set.
class Json {
public:
    Json& text(const std::string& name, const std::string& value) { return raw(name, quoted(value)); }
    Json& number(const std::string& name, std::int64_t value) { return raw(name, std::to_string(value)); }
    Json& boolean(const std::string& name, bool value) { return raw(name, value ? "true" : "false"); }
    Json& object(const std::string& name, const Json& value) { return raw(name, value.str()); }
    Json& counts(const std::string& name, const std::map<std::string, std::int64_t>& values) {
        Json inner;
        for (const auto& [key, value] : values) {
            inner.number(key, value);
        }
        return object(name, inner);
    }
    Json& raw(const std::string& name, const std::string& value) {
        body_ += (body_.empty() ? "" : ",") + quoted(name) + ":" + value;
        return *this;
    }
    std::string str() const { return "{" + body_ + "}"; }

private:
    static std::string quoted(const std::string& value) {
        std::string result = "\"";
        for (const char c : value) {
            if (c == '"' || c == '\\') {
                result += '\\';
                result += c;
            } else if (static_cast<unsigned char>(c) < 0x20) {
                char escape[8];
                std::snprintf(escape, sizeof escape, "\\u%04x", static_cast<unsigned>(c));
                result += escape;
            } else {
                result += c;
            }
        }
        return result + '"';
    }
    std::string body_;
};

// Runs a program's body and prints its summary, or what failed.
inline int run(const char* name, const std::function<void(Json&)>& body) {
    Json summary;
    summary.text("program", name).number("bits", sizeof(void*) * 8).number("pid", GetCurrentProcessId());
    int code = 0;
    try {
        body(summary);
        summary.boolean("ok", true);
    } catch (const std::exception& error) {
        summary.boolean("ok", false).text("error", error.what());
        code = 1;
    }
    std::printf("%s\n", summary.str().c_str());
    std::fflush(stdout);
    return code;
}

struct Child {
    Handle process;
    Handle thread;
    DWORD pid = 0;
};

// Starts PROGRAM, suspended if asked, with its handles inherited or not, and with the given standard handles if any.
inline Child start(const std::wstring& command_line, bool inherit, DWORD flags = 0, HANDLE input = nullptr,
                   HANDLE output = nullptr) {
    STARTUPINFOW startup{};
    startup.cb = sizeof startup;
    if (input != nullptr || output != nullptr) {
        startup.dwFlags = STARTF_USESTDHANDLES;
        startup.hStdInput = input;
        startup.hStdOutput = output;
        startup.hStdError = GetStdHandle(STD_ERROR_HANDLE);
    }
    PROCESS_INFORMATION information{};
    std::wstring writable = command_line;
    if (!CreateProcessW(nullptr, writable.data(), nullptr, nullptr, inherit, flags, nullptr, nullptr, &startup,
                        &information)) {
        fail("CreateProcessW " + narrow(command_line.c_str()), static_cast<int>(GetLastError()));
    }
    Child child;
    child.process = Handle(information.hProcess, "process");
    child.thread = Handle(information.hThread, "thread");
    child.pid = information.dwProcessId;
    return child;
}

inline DWORD wait_for_exit(const Child& child) {
    require(WaitForSingleObject(child.process.get(), 60'000) == WAIT_OBJECT_0, "the child process ends");
    DWORD code = 0;
    GetExitCodeProcess(child.process.get(), &code);
    return code;
}

// One argument as the command line rules of Windows want it.
inline std::wstring quoted(const std::wstring& argument) {
    std::wstring result = L"\"";
    std::size_t backslashes = 0;
    for (const wchar_t c : argument) {
        if (c == L'\\') {
            ++backslashes;
            continue;
        }
        result.append(c == L'"' ? backslashes * 2 + 1 : backslashes, L'\\');
        backslashes = 0;
        result += c;
    }
    result.append(backslashes * 2, L'\\');
    return result + L'"';
}

// The child's command line: the arguments from `first` on, with "{socket}" replaced by the handle's value.
inline std::wstring command_line(int argc, wchar_t** argv, int first, SOCKET socket) {
    std::wstring line;
    for (int index = first; index < argc; ++index) {
        std::wstring argument = argv[index];
        if (const std::size_t at = argument.find(L"{socket}"); at != std::wstring::npos) {
            argument.replace(at, 8, std::to_wstring(static_cast<unsigned long long>(socket)));
        }
        line += (line.empty() ? L"" : L" ") + quoted(argument);
    }
    return line;
}

} // namespace program
