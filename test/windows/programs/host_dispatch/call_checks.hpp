// Calls that Winsock does more for than pass them on.
#pragma once

#include "strange_setup.hpp"

inline void check_select(Checks& checks, Strange& strange) {
    const Winsock winsock;
    checks.section("select");
    checks.equal("the provider can be installed", strange.install(Mode::silent), 0);
    const program::Socket odd(Strange::open(Mode::silent));
    const program::Socket tcp(socket(AF_INET, SOCK_STREAM, 0));
    const timeval now{};
    const auto set_of = [](std::initializer_list<SOCKET> sockets) {
        fd_set set{};
        for (const SOCKET socket : sockets) {
            FD_SET(socket, &set);
        }
        return set;
    };
    const auto asked = [&](fd_set* read, fd_set* write, fd_set* except, int& result) {
        return strange.counted(Mode::silent, strange::call_select,
                               [&] { result = select(0, read, write, except, &now); });
    };
    int result = 0;
    fd_set first = set_of({odd.get(), tcp.get()});
    checks.equal("goes to the provider of the first socket", asked(&first, nullptr, nullptr, result), 1);
    checks.equal("with all sockets", result, 2);
    fd_set second = set_of({tcp.get()});
    checks.equal("not to that of another", asked(&second, nullptr, nullptr, result), 0);
    fd_set empty{};
    fd_set third = set_of({odd.get()});
    checks.equal("passes over empty sets", asked(&empty, &third, nullptr, result), 1);
    fd_set fourth = set_of({odd.get()});
    checks.equal("to the third", asked(nullptr, &empty, &fourth, result), 1);
    checks.equal("without any socket fails", error_after(select(0, &empty, nullptr, nullptr, &now)), WSAEINVAL);
    checks.equal("without any set too", error_after(select(0, nullptr, nullptr, nullptr, &now)), WSAEINVAL);
    fd_set none = set_of({static_cast<SOCKET>(0x7FFFFFF8)});
    checks.equal("of what is no socket fails", error_after(select(0, &none, nullptr, nullptr, &now)), WSAENOTSOCK);
    checks.equal("__WSAFDIsSet finds a member", __WSAFDIsSet(odd.get(), &third) != 0, true);
    checks.equal("and no other", __WSAFDIsSet(tcp.get(), &third), 0);

    checks.section("WSAPoll");
    WSAPOLLFD polled[] = {{odd.get(), POLLIN, 0}};
    checks.equal("goes to the provider as an ioctl",
                 strange.counted(Mode::silent, strange::call_ioctl, [&] { WSAPoll(polled, 1, 0); }), 1);
    checks.equal("the documented one", strange.report.last_ioctl, static_cast<DWORD>(SIO_EXT_POLL));
    program::Pair pair = program::connected_pair();
    WSAPOLLFD mixed[] = {{pair.near_end.get(), POLLOUT, 0}, {INVALID_SOCKET, POLLIN, 0}};
    checks.equal("counts what is ready", WSAPoll(mixed, 2, 0), 1);
    checks.equal("says what", static_cast<int>(mixed[0].revents), static_cast<int>(POLLOUT));
    checks.equal("without any entry fails", error_after(WSAPoll(mixed, 0, 0)), WSAEINVAL);
    WSAPOLLFD nobody[] = {{static_cast<SOCKET>(0x7FFFFFF8), POLLIN, 0}};
    checks.equal("of no socket at all fails", error_after(WSAPoll(nobody, 1, 0)), WSAENOTSOCK);
    checks.equal("and says which", static_cast<int>(nobody[0].revents), static_cast<int>(POLLNVAL));

    checks.section("WSASendMsg");
    WSAMSG message{};
    DWORD bytes = 0;
    checks.equal("goes to the provider as an ioctl",
                 strange.counted(Mode::silent, strange::call_ioctl,
                                 [&] { WSASendMsg(odd.get(), &message, 0, &bytes, nullptr, nullptr); }),
                 1);
    checks.equal("the documented one", strange.report.last_ioctl, static_cast<DWORD>(SIO_EXT_SENDMSG));
    checks.equal("the provider can be removed", Strange::remove(Mode::silent), 0);
}

inline DWORD WINAPI read_open_type(void* place) {
    int length = sizeof(int);
    getsockopt(INVALID_SOCKET, SOL_SOCKET, SO_OPENTYPE, static_cast<char*>(place), &length);
    return 0;
}

inline void check_open_type(Checks& checks, Strange& strange) {
    const Winsock winsock;
    checks.section("SO_OPENTYPE");
    checks.equal("the provider can be installed", strange.install(Mode::silent), 0);
    const auto set = [](int type) {
        return error_after(
            setsockopt(INVALID_SOCKET, SOL_SOCKET, SO_OPENTYPE, reinterpret_cast<const char*>(&type), sizeof type));
    };
    const auto get = [] {
        int type = -1;
        int length = sizeof type;
        getsockopt(INVALID_SOCKET, SOL_SOCKET, SO_OPENTYPE, reinterpret_cast<char*>(&type), &length);
        return type;
    };
    const auto flags_of_socket = [&] {
        closesocket(socket(strange::family, strange::type, strange::protocol_of(Mode::silent)));
        return strange.report.last_flags;
    };
    checks.equal("is 0 at first", get(), 0);
    checks.equal("so sockets are overlapped", flags_of_socket(), static_cast<DWORD>(WSA_FLAG_OVERLAPPED));
    checks.equal("can be set", set(SO_SYNCHRONOUS_NONALERT), 0);
    checks.equal("is what was set", get(), SO_SYNCHRONOUS_NONALERT);
    checks.equal("so sockets are not", flags_of_socket(), 0u);
    int elsewhere = -1;
    const HANDLE thread = CreateThread(nullptr, 0, read_open_type, &elsewhere, 0, nullptr);
    WaitForSingleObject(thread, INFINITE);
    CloseHandle(thread);
    checks.equal("is a matter of the thread", elsewhere, 0);
    checks.equal("can be set back", set(0), 0);
    checks.equal("the provider can be removed", Strange::remove(Mode::silent), 0);
}

inline void check_connect_by(Checks& checks) {
    const Winsock winsock;
    checks.section("WSAConnectByName");
    const program::Socket listener = program::listening(AF_INET);
    const program::Address address = program::local_address(listener.get());
    std::wstring node = L"127.0.0.1";
    std::wstring service = std::to_wstring(address.port());
    const timeval seconds{5, 0};
    {
        const program::Socket client(socket(AF_INET, SOCK_STREAM, 0));
        program::Address local;
        program::Address remote;
        DWORD local_length = sizeof local.storage;
        DWORD remote_length = sizeof remote.storage;
        checks.is_true("connects", WSAConnectByNameW(client.get(), node.data(), service.data(), &local_length,
                                                     local.get(), &remote_length, remote.get(), &seconds, nullptr));
        checks.equal("to the port", remote.port(), address.port());
        checks.equal("from one of its own", local.port(), program::local_address(client.get()).port());
        const program::Socket accepted(accept(listener.get(), nullptr, nullptr), "accept");
        program::send_all(client.get(), "by name");
        checks.equal("and leaves a blocking connection", program::receive_exactly(accepted.get(), 7), "by name");
    }
    {
        const program::Socket client(socket(AF_INET, SOCK_STREAM, 0));
        const program::Socket closed = program::bound(AF_INET, SOCK_STREAM);
        program::Address nobody = program::local_address(closed.get());
        program::Address somebody = address;
        std::vector<char> storage(sizeof(SOCKET_ADDRESS_LIST) + sizeof(SOCKET_ADDRESS));
        auto* list = reinterpret_cast<SOCKET_ADDRESS_LIST*>(storage.data());
        list->iAddressCount = 2;
        list->Address[0] = {nobody.get(), nobody.length};
        list->Address[1] = {somebody.get(), somebody.length};
        using ByList = BOOL(PASCAL*)(SOCKET, PSOCKET_ADDRESS_LIST, LPDWORD, LPSOCKADDR, LPDWORD, LPSOCKADDR,
                                     const timeval*, LPWSAOVERLAPPED);
        const auto by_list = reinterpret_cast<ByList>(
            reinterpret_cast<void*>(GetProcAddress(GetModuleHandleW(L"ws2_32.dll"), "WSAConnectByList")));
        checks.is_true("WSAConnectByList takes the first that answers",
                       by_list != nullptr &&
                           by_list(client.get(), list, nullptr, nullptr, nullptr, nullptr, &seconds, nullptr));
    }
    const program::Socket refused(socket(AF_INET, SOCK_STREAM, 0));
    std::wstring no_service = L"no such service";
    checks.is_true("fails for a service that is none",
                   !WSAConnectByNameW(refused.get(), node.data(), no_service.data(), nullptr, nullptr, nullptr, nullptr,
                                      &seconds, nullptr));
}

inline void check_text(Checks& checks) {
    const Winsock winsock;
    checks.section("addresses as text");
    program::Address address = program::loopback(AF_INET, 80);
    wchar_t wide[64];
    DWORD length = 64;
    checks.equal(
        "WSAAddressToStringW",
        error_after(WSAAddressToStringW(address.get(), static_cast<DWORD>(address.length), nullptr, wide, &length)), 0);
    checks.equal("IPv4 with port", program::narrow(wide), "127.0.0.1:80");
    char narrow[64];
    length = 64;
    checks.equal(
        "WSAAddressToStringA",
        error_after(WSAAddressToStringA(address.get(), static_cast<DWORD>(address.length), nullptr, narrow, &length)),
        0);
    checks.equal("the same", std::string(narrow), "127.0.0.1:80");
    length = 3;
    checks.equal(
        "no room for it",
        error_after(WSAAddressToStringA(address.get(), static_cast<DWORD>(address.length), nullptr, narrow, &length)),
        WSAEFAULT);
    checks.equal("says how much it takes", length, 13u);
    program::Address back;
    std::wstring text = L"[::1]:443";
    checks.equal("WSAStringToAddressW",
                 error_after(WSAStringToAddressW(text.data(), AF_INET6, nullptr, back.get(), &back.length)), 0);
    checks.equal("IPv6 with port", back.port(), 443);
    back.length = sizeof back.storage;
    std::string plain = "10.0.0.1";
    checks.equal("WSAStringToAddressA",
                 error_after(WSAStringToAddressA(plain.data(), AF_INET, nullptr, back.get(), &back.length)), 0);
    std::wstring nonsense = L"nonsense";
    back.length = sizeof back.storage;
    checks.equal("text that is no address",
                 error_after(WSAStringToAddressW(nonsense.data(), AF_INET, nullptr, back.get(), &back.length)),
                 WSAEINVAL);
    u_long number = 0;
    const program::Socket tcp(socket(AF_INET, SOCK_STREAM, 0));
    checks.equal("WSAHtonl asks the socket's protocol", error_after(WSAHtonl(tcp.get(), 0x11223344, &number)), 0);
    checks.equal("and swaps", number, 0x44332211ul);
}

inline void check_old_programs(Checks& checks) {
    checks.section("Winsock 1.1 calls");
    {
        const Winsock winsock;
        checks.equal("WSACancelBlockingCall is refused to a 2.2 program", error_after(WSACancelBlockingCall()),
                     WSAEOPNOTSUPP);
        checks.equal("WSAUnhookBlockingHook too", error_after(WSAUnhookBlockingHook()), WSAEOPNOTSUPP);
        checks.is_true("WSAIsBlocking says no", !WSAIsBlocking());
    }
    WSADATA data{};
    WSAStartup(MAKEWORD(1, 1), &data);
    checks.equal("a 1.1 program may cancel, if there is something to cancel", error_after(WSACancelBlockingCall()),
                 WSAEINVAL);
    checks.equal("and unhook", error_after(WSAUnhookBlockingHook()), 0);
    WSACleanup();
}

// mswsock.dll's exports reach the provider of their socket through Winsock's ioctl.
inline void check_mswsock(Checks& checks) {
    const Winsock winsock;
    checks.section("mswsock");
    const program::Socket listener = program::listening(AF_INET);
    const program::Address address = program::local_address(listener.get());
    program::Socket accepted(WSASocketW(AF_INET, SOCK_STREAM, 0, nullptr, 0, WSA_FLAG_OVERLAPPED));
    constexpr DWORD room = sizeof(sockaddr_in) + 16;
    char buffer[2 * room];
    DWORD bytes = 0;
    const program::Handle event(CreateEventW(nullptr, TRUE, FALSE, nullptr), "event");
    WSAOVERLAPPED overlapped{};
    overlapped.hEvent = event.get();
    const BOOL at_once = AcceptEx(listener.get(), accepted.get(), buffer, 0, room, room, &bytes, &overlapped);
    checks.is_true("AcceptEx is under way", at_once || WSAGetLastError() == WSA_IO_PENDING);
    const program::Socket client(socket(AF_INET, SOCK_STREAM, 0));
    program::check(connect(client.get(), address.get(), address.length), "connect");
    DWORD flags = 0;
    checks.is_true("and completes", WSAGetOverlappedResult(listener.get(), &overlapped, &bytes, TRUE, &flags));
    const SOCKET from = listener.get();
    checks.equal("SO_UPDATE_ACCEPT_CONTEXT",
                 error_after(setsockopt(accepted.get(), SOL_SOCKET, SO_UPDATE_ACCEPT_CONTEXT,
                                        reinterpret_cast<const char*>(&from), sizeof from)),
                 0);
    sockaddr* local = nullptr;
    sockaddr* remote = nullptr;
    int local_length = 0;
    int remote_length = 0;
    GetAcceptExSockaddrs(buffer, 0, room, room, &local, &local_length, &remote, &remote_length);
    checks.equal("GetAcceptExSockaddrs finds the client", reinterpret_cast<sockaddr_in*>(remote)->sin_port,
                 htons(program::local_address(client.get()).port()));

    wchar_t own[MAX_PATH];
    GetModuleFileNameW(nullptr, own, MAX_PATH);
    const program::Handle file(CreateFileW(own, GENERIC_READ, FILE_SHARE_READ, nullptr, OPEN_EXISTING, 0, nullptr),
                               "file");
    checks.is_true("TransmitFile sends", TransmitFile(accepted.get(), file.get(), 1000, 0, nullptr, nullptr, 0));
    checks.equal("the file", program::receive_exactly(client.get(), 1000).substr(0, 2), "MZ");
}
