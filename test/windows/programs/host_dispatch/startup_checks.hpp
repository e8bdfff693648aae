// WSAStartup and WSACleanup: versions, counting, and what goes with the last one.
#pragma once

#include "strange_setup.hpp"

inline void check_versions(Checks& checks) {
    checks.section("WSAStartup");
    const struct {
        WORD asked;
        WORD agreed;
    } cases[] = {{MAKEWORD(1, 0), MAKEWORD(1, 0)}, {MAKEWORD(1, 1), MAKEWORD(1, 1)},
                 {MAKEWORD(1, 2), MAKEWORD(1, 1)}, {MAKEWORD(1, 255), MAKEWORD(1, 1)},
                 {MAKEWORD(2, 0), MAKEWORD(2, 0)}, {MAKEWORD(2, 1), MAKEWORD(2, 1)},
                 {MAKEWORD(2, 2), MAKEWORD(2, 2)}, {MAKEWORD(2, 3), MAKEWORD(2, 2)},
                 {MAKEWORD(3, 0), MAKEWORD(2, 2)}, {MAKEWORD(255, 255), MAKEWORD(2, 2)}};
    for (const auto& [asked, agreed] : cases) {
        const std::string name = std::to_string(LOBYTE(asked)) + "." + std::to_string(HIBYTE(asked));
        WSADATA data{};
        checks.equal("takes " + name, WSAStartup(asked, &data), 0);
        checks.equal(name + " is agreed as", data.wVersion, agreed);
        checks.equal(name + " is told the highest version", data.wHighVersion, MAKEWORD(2, 2));
        checks.equal(name + " is told a number of sockets only if old", data.iMaxSockets != 0, LOBYTE(agreed) == 1);
        checks.equal(name + " can be taken back", WSACleanup(), 0);
    }
    WSADATA data{};
    checks.equal("refuses version 0", WSAStartup(MAKEWORD(0, 1), &data), WSAVERNOTSUPPORTED);
    checks.equal("refuses no place for its data", WSAStartup(MAKEWORD(2, 2), nullptr), WSAEFAULT);
    checks.equal("and neither counts", error_after(WSACleanup()), WSANOTINITIALISED);
}

inline void check_not_started(Checks& checks) {
    checks.section("before WSAStartup");
    char buffer[16];
    u_long number = 0;
    sockaddr_in address{};
    int length = sizeof address;
    int option = 0;
    int option_length = sizeof option;
    fd_set set{};
    FD_SET(static_cast<SOCKET>(4), &set);
    const timeval now{};
    WSABUF wsabuf{sizeof buffer, buffer};
    DWORD bytes = 0;
    DWORD flags = 0;
    WSANETWORKEVENTS events{};
    auto* name = reinterpret_cast<sockaddr*>(&address);
    const SOCKET some = 4;
    const auto refused = [&](const char* call, int error) { checks.equal(call, error, WSANOTINITIALISED); };
    refused("socket", error_after_handle(socket(AF_INET, SOCK_STREAM, 0)));
    refused("accept", error_after_handle(accept(some, nullptr, nullptr)));
    refused("bind", error_after(bind(some, name, length)));
    refused("closesocket", error_after(closesocket(some)));
    refused("connect", error_after(connect(some, name, length)));
    refused("getpeername", error_after(getpeername(some, name, &length)));
    refused("getsockname", error_after(getsockname(some, name, &length)));
    refused("getsockopt",
            error_after(getsockopt(some, SOL_SOCKET, SO_TYPE, reinterpret_cast<char*>(&option), &option_length)));
    refused("setsockopt", error_after(setsockopt(some, SOL_SOCKET, SO_KEEPALIVE, reinterpret_cast<const char*>(&option),
                                                 sizeof option)));
    refused("ioctlsocket", error_after(ioctlsocket(some, static_cast<long>(FIONBIO), &number)));
    refused("listen", error_after(listen(some, 1)));
    refused("recv", error_after(recv(some, buffer, sizeof buffer, 0)));
    refused("recvfrom", error_after(recvfrom(some, buffer, sizeof buffer, 0, nullptr, nullptr)));
    refused("select", error_after(select(0, &set, nullptr, nullptr, &now)));
    refused("send", error_after(send(some, buffer, 1, 0)));
    refused("sendto", error_after(sendto(some, buffer, 1, 0, name, length)));
    refused("shutdown", error_after(shutdown(some, SD_BOTH)));
    refused("WSARecv", error_after(WSARecv(some, &wsabuf, 1, &bytes, &flags, nullptr, nullptr)));
    refused("WSASend", error_after(WSASend(some, &wsabuf, 1, &bytes, 0, nullptr, nullptr)));
    refused("WSAEventSelect", error_after(WSAEventSelect(some, nullptr, 0)));
    refused("WSAEnumNetworkEvents", error_after(WSAEnumNetworkEvents(some, nullptr, &events)));
    refused("WSACleanup", error_after(WSACleanup()));
    checks.equal("htons needs no start", htons(0x1234), 0x3412);
}

inline void check_counting(Checks& checks, const Strange& strange) {
    checks.section("counting of WSAStartup");
    checks.equal("the strange provider can be installed", strange.install(Mode::silent), 0);
    WSADATA data{};
    WSAStartup(MAKEWORD(2, 2), &data);
    WSAStartup(MAKEWORD(1, 1), &data);
    checks.is_true("no provider is loaded before it is needed", !strange.loaded());
    const SOCKET socket = Strange::open(Mode::silent);
    checks.is_true("a socket of the provider can be opened", socket != INVALID_SOCKET);
    checks.is_true("then it is loaded", strange.loaded());
    checks.equal("and started once", strange.calls(Mode::silent, strange::call_startup), 1);
    WSACleanup();
    checks.equal("after one WSACleanup of two the socket works", error_after(listen(socket, 1)), 0);
    checks.equal("the provider was not told to stop", strange.calls(Mode::silent, strange::call_cleanup), 0);
    WSACleanup();
    checks.equal("the last one stops it", strange.calls(Mode::silent, strange::call_cleanup), 1);
    checks.is_true("and lets its DLL go", !strange.loaded());
    checks.equal("calls are refused then", error_after(listen(socket, 1)), WSANOTINITIALISED);
    CloseHandle(reinterpret_cast<HANDLE>(socket));
    WSAStartup(MAKEWORD(2, 2), &data);
    checks.equal("after a new start the old socket is none", error_after(listen(socket, 1)), WSAENOTSOCK);
    checks.equal("a new one can be opened", Strange::error_of_open(Mode::silent), 0);
    checks.equal("by starting the provider again", strange.calls(Mode::silent, strange::call_startup), 2);
    WSACleanup();
    checks.equal("which stops again", strange.calls(Mode::silent, strange::call_cleanup), 2);
    checks.equal("the provider can be removed", Strange::remove(Mode::silent), 0);
}

inline void check_last_error(Checks& checks) {
    checks.section("last error");
    SetLastError(4711);
    checks.equal("WSAGetLastError is GetLastError", WSAGetLastError(), 4711);
    WSASetLastError(815);
    checks.equal("WSASetLastError is SetLastError", GetLastError(), 815u);
}

// However the host side works inside, a program that asks for ws2_32.dll by name gets the one it is linked with.
inline void check_one_dll(Checks& checks) {
    const Winsock winsock;
    checks.section("one ws2_32.dll");
    HMODULE linked = nullptr;
    GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT,
                       reinterpret_cast<LPCWSTR>(reinterpret_cast<void*>(&socket)), &linked);
    const auto same = [&](const char* when) {
        checks.is_true(std::string("by GetModuleHandle ") + when, GetModuleHandleW(L"ws2_32.dll") == linked);
        const HMODULE loaded = LoadLibraryW(L"WS2_32");
        checks.is_true(std::string("by LoadLibrary ") + when, loaded == linked);
        FreeLibrary(loaded);
    };
    same("after WSAStartup");
    const program::Pair pair = program::connected_pair();
    checks.is_true("by GetModuleHandle after sockets were used", GetModuleHandleW(L"ws2_32.dll") == linked);
    send(pair.near_end.get(), "x", 1, 0);
    inet_addr("1.2.3.4");
    checks.is_true("by GetModuleHandle after a look-up", GetModuleHandleW(L"ws2_32.dll") == linked);
    same("at last");
}
