// Sockets that go to another process, by inheritance and by WSADuplicateSocket. Pages: "WSADuplicateSocketW function
// (winsock2.h)", "Shared Sockets", "Socket Handles", "WSASocketW function (winsock2.h)" (WSA_FLAG_NO_HANDLE_INHERIT),
// "Handle Inheritance".
#include "child.hpp"
#include "overlapped.hpp"

using namespace conformance;

namespace {

// What WSADuplicateSocket gave, in memory that both processes see.
class Parcel {
public:
    explicit Parcel(const std::string& name)
        : mapping_(CreateFileMappingA(INVALID_HANDLE_VALUE, nullptr, PAGE_READWRITE, 0, sizeof(WSAPROTOCOL_INFOW),
                                      name.c_str())),
          info_(mapping_ ? MapViewOfFile(mapping_.get(), FILE_MAP_WRITE, 0, 0, 0) : nullptr) {}
    Parcel(const Parcel&) = delete;
    Parcel& operator=(const Parcel&) = delete;
    ~Parcel() {
        if (info_ != nullptr) {
            UnmapViewOfFile(info_);
        }
    }
    WSAPROTOCOL_INFOW* info() const { return static_cast<WSAPROTOCOL_INFOW*>(info_); }

private:
    Handle mapping_;
    void* info_;
};

class Child {
public:
    Child(const std::string& arguments, bool inherit) {
        char program[MAX_PATH];
        require("the name of this program", GetModuleFileNameA(nullptr, program, MAX_PATH) != 0);
        std::string line = "\"" + std::string(program) + "\" " + child_argument + " " + arguments;
        STARTUPINFOA startup{};
        startup.cb = sizeof startup;
        PROCESS_INFORMATION made{};
        require("a child process", CreateProcessA(nullptr, line.data(), nullptr, nullptr, inherit, CREATE_SUSPENDED,
                                                  nullptr, nullptr, &startup, &made) != FALSE);
        process_ = Handle(made.hProcess);
        thread_ = Handle(made.hThread);
        id_ = made.dwProcessId;
    }
    ~Child() {
        // Nothing to wait for where a case ended early: what is not running any more is not hurt by it.
        TerminateProcess(process_.get(), 99);
    }
    DWORD id() const { return id_; }
    void resume() const { ResumeThread(thread_.get()); }
    // The exit code, or STILL_ACTIVE when it does not end in good time.
    DWORD exit_code() const {
        WaitForSingleObject(process_.get(), 3 * patience);
        DWORD code = STILL_ACTIVE;
        GetExitCodeProcess(process_.get(), &code);
        return code;
    }

private:
    Handle process_;
    Handle thread_;
    DWORD id_ = 0;
};

// Gives a child a socket and lets it run.
struct Receiver {
    Receiver(const std::string& what, SOCKET socket)
        : name("winsock-conformance-" + std::to_string(GetCurrentProcessId()) + "-" + what), parcel(name),
          child(what + " " + name, false) {
        succeeds("WSADuplicateSocketW for another process", WSADuplicateSocketW(socket, child.id(), parcel.info()));
        child.resume();
    }
    std::string name;
    Parcel parcel;
    Child child;
};

bool inheritable(SOCKET socket) {
    DWORD flags = 0;
    require("GetHandleInformation", GetHandleInformation(handle_of(socket), &flags) != FALSE);
    return (flags & HANDLE_FLAG_INHERIT) != 0;
}

// --- In the child ---

// Answers what it receives, once, with "child: " in front.
int answer(SOCKET socket) {
    char bytes[64];
    const int received = recv(socket, bytes, sizeof bytes, 0);
    if (received <= 0) {
        return 21;
    }
    const std::string text = "child: " + std::string(bytes, static_cast<std::size_t>(received));
    return send(socket, text.data(), static_cast<int>(text.size()), 0) == static_cast<int>(text.size()) ? 0 : 22;
}

int answer_datagram(SOCKET socket) {
    char bytes[64];
    Address from;
    const int received = recvfrom(socket, bytes, sizeof bytes, 0, from.get(), &from.length);
    return received == 4 && sendto(socket, "child", 5, 0, from.get(), from.length) == 5 ? 0 : 23;
}

int serve(SOCKET listener) {
    const Socket accepted(accept(listener, nullptr, nullptr));
    return accepted ? answer(accepted.get()) : 24;
}

// An inherited handle is used as a file: that needs no Winsock that has seen it before.
int inherited(const std::string& value) {
    const auto handle = reinterpret_cast<HANDLE>(static_cast<ULONG_PTR>(std::stoull(value)));
    char bytes[16];
    Operation reading;
    DWORD count = 0;
    if (!started_bool(ReadFile(handle, bytes, sizeof bytes, nullptr, &reading.overlapped)) ||
        !GetOverlappedResult(handle, &reading.overlapped, &count, TRUE)) {
        return 25;
    }
    Operation writing;
    return started_bool(WriteFile(handle, bytes, count, nullptr, &writing.overlapped)) &&
                   GetOverlappedResult(handle, &writing.overlapped, &count, TRUE)
               ? 0
               : 26;
}

} // namespace

int conformance::run_child(const std::vector<std::string>& arguments) {
    WSADATA data{};
    if (arguments.size() < 2 || WSAStartup(MAKEWORD(2, 2), &data) != 0) {
        return 20;
    }
    if (arguments[0] == "inherited") {
        return inherited(arguments[1]);
    }
    const Parcel parcel(arguments[1]);
    if (parcel.info() == nullptr) {
        return 27;
    }
    const Socket socket(
        WSASocketW(FROM_PROTOCOL_INFO, FROM_PROTOCOL_INFO, FROM_PROTOCOL_INFO, parcel.info(), 0, WSA_FLAG_OVERLAPPED));
    if (!socket) {
        return 28;
    }
    return arguments[0] == "stream"     ? answer(socket.get())
           : arguments[0] == "datagram" ? answer_datagram(socket.get())
                                        : serve(socket.get());
}

CONFORMANCE_CASE("processes", "a connection to another process") {
    Pair pair = tcp_pair();
    const Receiver other("stream", pair.near_end.get());
    send_text(pair.far_end.get(), "question");
    equal("the other process answers", receive_text(pair.far_end.get()), "child: question");
    equal("and all went well there", other.child.exit_code(), 0u);
    send_text(pair.near_end.get(), "still here");
    equal("its end leaves the connection to this one", receive_text(pair.far_end.get()), "still here");
}

CONFORMANCE_CASE("processes", "a connection that this process gives up") {
    Pair pair = tcp_pair();
    const Receiver other("stream", pair.near_end.get());
    pair.near_end.close();
    is("the connection stays", !readable(pair.far_end.get(), 0));
    send_text(pair.far_end.get(), "yours");
    equal("the other process answers", receive_text(pair.far_end.get()), "child: yours");
    equal("and all went well there", other.child.exit_code(), 0u);
    equal("its end is the end of the connection", receive_text(pair.far_end.get()), "");
}

CONFORMANCE_CASE("processes", "a datagram socket to another process") {
    const Socket shared = bound_udp();
    const Address to = name_of(shared.get());
    const Receiver other("datagram", shared.get());
    const Socket client = bound_udp();
    equal("a datagram", sendto(client.get(), "ping", 4, 0, to.get(), to.length), 4);
    char bytes[16]{};
    Address from;
    require("data", readable(client.get(), 3 * patience));
    equal("is answered by the other process", recvfrom(client.get(), bytes, sizeof bytes, 0, from.get(), &from.length),
          5);
    equal("with its word", std::string(bytes), "child");
    is("from the shared name", same(from, to));
    equal("and all went well there", other.child.exit_code(), 0u);
}

CONFORMANCE_CASE("processes", "a listening socket to another process") {
    Socket listener = listening();
    const Address to = name_of(listener.get());
    const Receiver other("listener", listener.get());
    listener.close();
    const Socket client = tcp();
    succeeds("a client connects", connect(client.get(), to.get(), to.length));
    send_text(client.get(), "hello");
    require("data", readable(client.get(), 3 * patience));
    equal("and is served by the other process", receive_text(client.get()), "child: hello");
    equal("all went well there", other.child.exit_code(), 0u);
}

CONFORMANCE_CASE("processes", "an inherited connection") {
    Pair pair = tcp_pair();
    const Child child("inherited " + std::to_string(pair.near_end.get()), true);
    child.resume();
    send_text(pair.far_end.get(), "echo");
    require("data", readable(pair.far_end.get(), 3 * patience));
    equal("the child sends back what it got", receive_text(pair.far_end.get()), "echo");
    equal("and all went well there", child.exit_code(), 0u);
    send_text(pair.near_end.get(), "parent");
    equal("the parent's socket works on", receive_text(pair.far_end.get()), "parent");
}

// Sockets are inheritable unless made with WSA_FLAG_NO_HANDLE_INHERIT.
CONFORMANCE_CASE("processes", "what is inheritable") {
    is("a socket of socket()", inheritable(tcp().get()));
    const Socket plain(WSASocketW(AF_INET, SOCK_STREAM, 0, nullptr, 0, WSA_FLAG_OVERLAPPED));
    is("a socket of WSASocketW", inheritable(plain.get()));
    const Socket kept(
        WSASocketW(AF_INET, SOCK_STREAM, 0, nullptr, 0, WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT));
    is("one with WSA_FLAG_NO_HANDLE_INHERIT is not", !inheritable(kept.get()));
    const Pair pair = tcp_pair();
    is("an accepted socket", inheritable(pair.far_end.get()));
    succeeds_bool("SetHandleInformation", SetHandleInformation(handle_of(pair.near_end.get()), HANDLE_FLAG_INHERIT, 0));
    is("makes it otherwise", !inheritable(pair.near_end.get()));
    send_text(pair.near_end.get(), "same");
    equal("and leaves the socket as it was", receive_text(pair.far_end.get()), "same");
}
