// How a provider's answers come to the program: reasons, missing reasons, successes.
#pragma once

#include "strange_setup.hpp"

namespace errors {

// Every call of a socket that a provider answers, by name, with its result as an error code (0: success).
struct Attempt {
    const char* name;
    std::function<int(SOCKET)> call;
};

inline std::vector<Attempt> all_calls() {
    static char bytes[16];
    static WSABUF buffer{sizeof bytes, bytes};
    static sockaddr_in address{};
    static u_long number = 0;
    static const timeval now{};
    const auto* name = reinterpret_cast<const sockaddr*>(&address);
    const auto of_bool = [](BOOL result) { return result ? 0 : WSAGetLastError(); };
    return {
        {"WSAAsyncSelect", [](SOCKET s) { return error_after(WSAAsyncSelect(s, nullptr, 0, 0)); }},
        {"bind", [=](SOCKET s) { return error_after(bind(s, name, sizeof address)); }},
        {"connect", [=](SOCKET s) { return error_after(connect(s, name, sizeof address)); }},
        {"WSAConnect",
         [=](SOCKET s) {
             return error_after(WSAConnect(s, name, sizeof address, nullptr, nullptr, nullptr, nullptr));
         }},
        {"WSADuplicateSocketW",
         [](SOCKET s) {
             WSAPROTOCOL_INFOW info;
             return error_after(WSADuplicateSocketW(s, GetCurrentProcessId(), &info));
         }},
        {"WSADuplicateSocketA",
         [](SOCKET s) {
             WSAPROTOCOL_INFOA info;
             return error_after(WSADuplicateSocketA(s, GetCurrentProcessId(), &info));
         }},
        {"WSAEnumNetworkEvents",
         [](SOCKET s) {
             WSANETWORKEVENTS events;
             return error_after(WSAEnumNetworkEvents(s, nullptr, &events));
         }},
        {"WSAEventSelect", [](SOCKET s) { return error_after(WSAEventSelect(s, nullptr, 0)); }},
        {"WSAGetOverlappedResult",
         [=](SOCKET s) {
             WSAOVERLAPPED overlapped{};
             DWORD count = 0;
             DWORD flags = 0;
             return of_bool(WSAGetOverlappedResult(s, &overlapped, &count, FALSE, &flags));
         }},
        {"getpeername",
         [](SOCKET s) {
             sockaddr_in peer;
             int length = sizeof peer;
             return error_after(getpeername(s, reinterpret_cast<sockaddr*>(&peer), &length));
         }},
        {"getsockname",
         [](SOCKET s) {
             sockaddr_in own;
             int length = sizeof own;
             return error_after(getsockname(s, reinterpret_cast<sockaddr*>(&own), &length));
         }},
        {"getsockopt",
         [](SOCKET s) {
             int value = 0;
             int length = sizeof value;
             return error_after(getsockopt(s, SOL_SOCKET, SO_ERROR, reinterpret_cast<char*>(&value), &length));
         }},
        {"WSAGetQOSByName",
         [=](SOCKET s) {
             QOS qos{};
             return of_bool(WSAGetQOSByName(s, &buffer, &qos));
         }},
        {"ioctlsocket", [](SOCKET s) { return error_after(ioctlsocket(s, static_cast<long>(FIONBIO), &number)); }},
        {"WSAIoctl",
         [](SOCKET s) {
             DWORD returned = 0;
             return error_after(WSAIoctl(s, SIO_FLUSH, nullptr, 0, nullptr, 0, &returned, nullptr, nullptr));
         }},
        {"listen", [](SOCKET s) { return error_after(listen(s, 1)); }},
        {"recv", [](SOCKET s) { return error_after(recv(s, bytes, sizeof bytes, 0)); }},
        {"recvfrom", [](SOCKET s) { return error_after(recvfrom(s, bytes, sizeof bytes, 0, nullptr, nullptr)); }},
        {"WSARecv",
         [](SOCKET s) {
             DWORD count = 0;
             DWORD flags = 0;
             return error_after(WSARecv(s, &buffer, 1, &count, &flags, nullptr, nullptr));
         }},
        {"WSARecvFrom",
         [](SOCKET s) {
             DWORD count = 0;
             DWORD flags = 0;
             return error_after(WSARecvFrom(s, &buffer, 1, &count, &flags, nullptr, nullptr, nullptr, nullptr));
         }},
        {"WSARecvDisconnect", [](SOCKET s) { return error_after(WSARecvDisconnect(s, nullptr)); }},
        {"select",
         [](SOCKET s) {
             fd_set set{};
             FD_SET(s, &set);
             return error_after(select(0, &set, nullptr, nullptr, &now));
         }},
        {"send", [](SOCKET s) { return error_after(send(s, bytes, 1, 0)); }},
        {"WSASend",
         [](SOCKET s) {
             DWORD count = 0;
             return error_after(WSASend(s, &buffer, 1, &count, 0, nullptr, nullptr));
         }},
        {"sendto", [=](SOCKET s) { return error_after(sendto(s, bytes, 1, 0, name, sizeof address)); }},
        {"WSASendTo",
         [=](SOCKET s) {
             DWORD count = 0;
             return error_after(WSASendTo(s, &buffer, 1, &count, 0, name, sizeof address, nullptr, nullptr));
         }},
        {"WSASendMsg",
         [](SOCKET s) {
             WSAMSG message{};
             DWORD count = 0;
             return error_after(WSASendMsg(s, &message, 0, &count, nullptr, nullptr));
         }},
        {"WSASendDisconnect", [](SOCKET s) { return error_after(WSASendDisconnect(s, nullptr)); }},
        {"setsockopt",
         [](SOCKET s) {
             const int value = 0;
             return error_after(
                 setsockopt(s, SOL_SOCKET, SO_KEEPALIVE, reinterpret_cast<const char*>(&value), sizeof value));
         }},
        {"shutdown", [](SOCKET s) { return error_after(shutdown(s, SD_BOTH)); }},
    };
}

} // namespace errors

inline void check_errors(Checks& checks, Strange& strange) {
    const Winsock winsock;
    checks.section("a provider's errors");
    checks.equal("the provider can be installed", strange.install(Mode::silent), 0);
    const SOCKET socket = Strange::open(Mode::silent);
    checks.is_true("its socket, which it did not claim, is known", socket != INVALID_SOCKET);
    const std::vector<errors::Attempt> calls = errors::all_calls();
    for (const errors::Attempt& attempt : calls) {
        const std::string name = attempt.name;
        strange.report.fails = 1;
        strange.report.error = WSAENOBUFS;
        checks.equal(name + " fails with the provider's reason", attempt.call(socket), WSAENOBUFS);
        strange.report.error = 0;
        checks.equal(name + " without a reason fails with WSASYSCALLFAILURE", attempt.call(socket), WSASYSCALLFAILURE);
        strange.report.fails = 0;
        SetLastError(4711);
        checks.equal(name + " succeeds", attempt.call(socket), 0);
        checks.equal(name + " leaves the last error alone on success", GetLastError(), 4711u);
    }
    strange.report.error = 0;
    checks.equal("accept without a reason", error_after_handle(accept(socket, nullptr, nullptr)), WSASYSCALLFAILURE);
    checks.equal("WSAJoinLeaf without a reason",
                 error_after_handle(WSAJoinLeaf(socket, nullptr, 0, nullptr, nullptr, nullptr, nullptr, JL_BOTH)),
                 WSASYSCALLFAILURE);
    strange.report.fails = 1;
    checks.equal("socket without a reason", Strange::error_of_open(Mode::silent), WSASYSCALLFAILURE);
    strange.report.fails = 0;

    char byte = 0;
    strange.report.received_flags = MSG_PARTIAL;
    checks.equal("recv of a part of a message", error_after(recv(socket, &byte, 1, 0)), WSAEMSGSIZE);
    checks.equal("recvfrom of a part of a message", error_after(recvfrom(socket, &byte, 1, 0, nullptr, nullptr)),
                 WSAEMSGSIZE);
    strange.report.received_flags = 0;
    checks.equal("recv of a message", recv(socket, &byte, 1, MSG_PEEK), 1);
    checks.equal("takes its flags to the provider", strange.report.last_flags, static_cast<DWORD>(MSG_PEEK));

    checks.section("closesocket");
    strange.report.close_error = WSAEWOULDBLOCK;
    checks.equal("fails as the provider says", error_after(closesocket(socket)), WSAEWOULDBLOCK);
    checks.equal("and the socket is one still", error_after(listen(socket, 1)), 0);
    strange.report.close_error = 0;
    checks.equal("succeeds", error_after(closesocket(socket)), 0);
    checks.equal("and the socket is none", error_after(listen(socket, 1)), WSAENOTSOCK);
    checks.equal("the provider can be removed", Strange::remove(Mode::silent), 0);
}
