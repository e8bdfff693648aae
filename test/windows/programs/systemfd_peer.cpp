// Either end of the systemfd protocol, as the Rust programs have it: plain Winsock, no Node and nothing of ours.
//   systemfd_peer take COUNT CODE            takes the sockets that the environment offers, says "taken N", answers
//   COUNT
//                                            connections or datagrams on them ("socket I: " and what came, to its end),
//                                            and ends with the exit code CODE
//   systemfd_peer block COUNT CODE           the same on the first socket alone, in calls that wait
//   systemfd_peer give PROGRAM ARGS...       opens a listener and a UDP socket, says their ports in one line, starts
//   the
//                                            program with the two variables, gives both to whoever knows the secret,
//                                            and ends as the program does
//   systemfd_peer run PROGRAM ARGS...        starts the program on its own streams, and ends as it does
#include "common.hpp"

#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

namespace {

using program::check;
using program::require;

const char* const secret = "59fb60fe-2634-4ec8-aa81-038793888c8e";

void say(const std::string& line) {
    std::printf("%s\n", line.c_str());
    std::fflush(stdout);
}

std::string variable(const char* name) {
    char text[256];
    const DWORD length = GetEnvironmentVariableA(name, text, sizeof text);
    require(length > 0 && length < sizeof text, name);
    return {text, length};
}

void make_blocking(SOCKET socket) { // a property that all holders of a socket share, and that what it accepts has too
    u_long off = 0;
    check(ioctlsocket(socket, static_cast<long>(FIONBIO), &off), "ioctlsocket");
}

std::vector<program::Socket> take() {
    const std::string server = variable("SYSTEMFD_SOCKET_SERVER");
    const auto colon = server.find(':');
    require(server.substr(0, colon) == "127.0.0.1", "the server is on 127.0.0.1");
    const program::Address address =
        program::loopback(AF_INET, static_cast<std::uint16_t>(std::atoi(server.c_str() + colon + 1)));
    const program::Socket connection(socket(AF_INET, SOCK_STREAM, IPPROTO_TCP));
    check(connect(connection.get(), address.get(), address.length), "connect");
    program::send_all(connection.get(),
                      variable("SYSTEMFD_SOCKET_SECRET") + "|" + std::to_string(GetCurrentProcessId()));
    check(shutdown(connection.get(), SD_SEND), "shutdown");
    const std::string answer = program::receive_to_end(connection.get());
    require(answer.size() % sizeof(WSAPROTOCOL_INFOW) == 0, "whole infos");
    std::vector<program::Socket> taken;
    for (std::size_t at = 0; at < answer.size(); at += sizeof(WSAPROTOCOL_INFOW)) {
        WSAPROTOCOL_INFOW info{};
        std::memcpy(&info, answer.data() + at, sizeof info);
        taken.emplace_back(
            WSASocketW(FROM_PROTOCOL_INFO, FROM_PROTOCOL_INFO, FROM_PROTOCOL_INFO, &info, 0, WSA_FLAG_OVERLAPPED),
            "WSASocketW(FROM_PROTOCOL_INFO)");
    }
    return taken;
}

bool is_listener(SOCKET socket) {
    BOOL listens = FALSE;
    int length = sizeof listens;
    check(getsockopt(socket, SOL_SOCKET, SO_ACCEPTCONN, reinterpret_cast<char*>(&listens), &length), "SO_ACCEPTCONN");
    return listens != FALSE;
}

// False if another process that has the same socket was faster.
bool answer(SOCKET from, std::size_t index) {
    const std::string name = "socket " + std::to_string(index) + ": ";
    if (is_listener(from)) {
        const SOCKET accepted = accept(from, nullptr, nullptr);
        if (accepted == INVALID_SOCKET && WSAGetLastError() == WSAEWOULDBLOCK) {
            return false;
        }
        const program::Socket connection(accepted, "accept");
        make_blocking(connection.get());
        program::send_all(connection.get(), name + program::receive_to_end(connection.get()));
        check(shutdown(connection.get(), SD_SEND), "shutdown");
        return true;
    }
    char datagram[2048];
    program::Address sender;
    const int bytes = recvfrom(from, datagram, sizeof datagram, 0, sender.get(), &sender.length);
    if (bytes == SOCKET_ERROR && WSAGetLastError() == WSAEWOULDBLOCK) {
        return false;
    }
    check(bytes, "recvfrom");
    const std::string text = name + std::string(datagram, static_cast<std::size_t>(bytes));
    check(sendto(from, text.data(), static_cast<int>(text.size()), 0, sender.get(), sender.length), "sendto");
    return true;
}

// Without asking first whether there is something: the socket is to be a blocking one.
void serve_blocking(SOCKET socket, int count) {
    for (; count > 0; --count) {
        require(answer(socket, 0), "a blocking socket waits");
    }
}

void serve(const std::vector<program::Socket>& sockets, int count) {
    while (count > 0) {
        std::vector<WSAPOLLFD> polled;
        for (const program::Socket& socket : sockets) {
            polled.push_back({socket.get(), POLLRDNORM, 0});
        }
        check(WSAPoll(polled.data(), static_cast<ULONG>(polled.size()), -1), "WSAPoll");
        for (std::size_t index = 0; index < polled.size() && count > 0; ++index) {
            if (polled[index].revents != 0 && answer(polled[index].fd, index)) {
                --count;
            }
        }
    }
}

void give_once(SOCKET server, const std::vector<SOCKET>& sockets) {
    const program::Socket connection(accept(server, nullptr, nullptr), "accept");
    const std::string request = program::receive_to_end(connection.get());
    const std::string known = std::string(secret) + "|";
    if (request.rfind(known, 0) != 0) {
        return;
    }
    const auto pid = static_cast<DWORD>(std::strtoul(request.c_str() + known.size(), nullptr, 10));
    for (const SOCKET socket : sockets) {
        WSAPROTOCOL_INFOW info{};
        check(WSADuplicateSocketW(socket, pid, &info), "WSADuplicateSocketW");
        program::send_all(connection.get(), {reinterpret_cast<const char*>(&info), sizeof info});
    }
    check(shutdown(connection.get(), SD_SEND), "shutdown");
}

std::string command_line(int argc, char** argv) {
    std::string line;
    for (int index = 2; index < argc; ++index) {
        line += (index == 2 ? "\"" : " \"") + std::string(argv[index]) + "\"";
    }
    return line;
}

[[noreturn]] void run(std::string line) {
    STARTUPINFOA startup{};
    startup.cb = sizeof startup;
    PROCESS_INFORMATION information{};
    if (!CreateProcessA(nullptr, line.data(), nullptr, nullptr, TRUE, 0, nullptr, nullptr, &startup, &information)) {
        program::fail("CreateProcess", static_cast<int>(GetLastError()));
    }
    WaitForSingleObject(information.hProcess, INFINITE);
    DWORD code = 1;
    GetExitCodeProcess(information.hProcess, &code);
    std::fflush(stdout);
    ExitProcess(code); // whatever other threads wait for
}

[[noreturn]] void give(const std::string& line) {
    const program::Socket listener = program::listening(AF_INET);
    const program::Socket datagrams = program::bound(AF_INET, SOCK_DGRAM);
    const program::Socket server = program::listening(AF_INET);
    const auto port_of = [](const program::Socket& socket) {
        return std::to_string(program::local_address(socket.get()).port());
    };
    SetEnvironmentVariableA("SYSTEMFD_SOCKET_SERVER", ("127.0.0.1:" + port_of(server)).c_str());
    SetEnvironmentVariableA("SYSTEMFD_SOCKET_SECRET", secret);
    say(port_of(listener) + " " + port_of(datagrams));
    std::thread([&] {
        for (;;) {
            give_once(server.get(), {listener.get(), datagrams.get()});
        }
    }).detach();
    run(line);
}

} // namespace

int main(int argc, char** argv) {
    try {
        const program::Winsock winsock;
        const std::string what = argc > 1 ? argv[1] : "";
        if (what == "give" && argc > 2) {
            give(command_line(argc, argv));
        } else if (what == "run" && argc > 2) {
            run(command_line(argc, argv));
        }
        require((what == "take" || what == "block") && argc == 4,
                "usage: systemfd_peer take|block COUNT CODE | give PROGRAM ARGS... | run PROGRAM ARGS...");
        const std::vector<program::Socket> sockets = take();
        say("taken " + std::to_string(sockets.size()));
        if (!sockets.empty() && what == "block") {
            serve_blocking(sockets.front().get(), std::atoi(argv[2]));
        } else if (!sockets.empty()) {
            serve(sockets, std::atoi(argv[2]));
        }
        return std::atoi(argv[3]);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "systemfd_peer: %s\n", error.what());
        return 70;
    }
}
