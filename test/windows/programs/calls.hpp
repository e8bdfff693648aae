// The parts of calls.cpp: what they count, and the calls themselves. (One translation unit includes it.)
#pragma once

#include "common.hpp"

#include <ws2spi.h>

namespace calls {

using program::check;
using program::Handle;
using program::require;
using program::Socket;

struct Tally {
    std::map<std::string, std::int64_t> counts;
    std::map<std::string, std::int64_t> errors;
    std::int64_t bytes_sent = 0;     // as WSPSend and WSPSendTo reported on return
    std::int64_t bytes_received = 0; // as WSPRecv and WSPRecvFrom reported on return

    // Counts the call and makes it.
    template <class Call>
    auto operator()(const char* name, Call call) {
        ++counts[name];
        return call();
    }
    // The same for a call that need not be supported: its error is noted.
    template <class Call>
    void may_fail(const char* name, Call call) {
        ++counts[name];
        if (call() == SOCKET_ERROR) {
            errors[name] = WSAGetLastError();
        }
    }
    // And for one that must fail, with this error.
    template <class Call>
    void must_fail(const char* name, int error, Call call) {
        ++counts[name];
        require(call() == SOCKET_ERROR, std::string(name) + " fails");
        const int got = WSAGetLastError();
        require(got == error,
                std::string(name) + " fails with " + std::to_string(error) + ", not " + std::to_string(got));
    }
};

inline Socket make_socket(Tally& tally, int family, int type, DWORD flags = WSA_FLAG_OVERLAPPED) {
    return Socket(tally("WSPSocket", [&] { return WSASocketW(family, type, 0, nullptr, 0, flags); }), "WSASocketW");
}

inline void close(Tally& tally, Socket& socket) {
    tally("WSPCloseSocket", [&] { socket.close(); });
}

inline void bind_loopback(Tally& tally, const Socket& socket, int family) {
    const program::Address address = program::loopback(family);
    check(tally("WSPBind", [&] { return bind(socket.get(), address.get(), address.length); }), "bind");
}

inline program::Address name_of(Tally& tally, const Socket& socket) {
    return tally("WSPGetSockName", [&] { return program::local_address(socket.get()); });
}

inline Socket make_listener(Tally& tally, int family) {
    Socket listener = make_socket(tally, family, SOCK_STREAM);
    bind_loopback(tally, listener, family);
    check(tally("WSPListen", [&] { return listen(listener.get(), 5); }), "listen");
    return listener;
}

inline program::Pair make_pair(Tally& tally, int family = AF_INET) {
    Socket listener = make_listener(tally, family);
    const program::Address address = name_of(tally, listener);
    Socket near_end = make_socket(tally, family, SOCK_STREAM);
    check(tally("WSPConnect", [&] { return connect(near_end.get(), address.get(), address.length); }), "connect");
    program::Address peer;
    Socket far_end(tally("WSPAccept", [&] { return accept(listener.get(), peer.get(), &peer.length); }), "accept");
    require(peer.port() == name_of(tally, near_end).port(), "accept says who connected");
    close(tally, listener);
    return {std::move(near_end), std::move(far_end)};
}

inline void close(Tally& tally, program::Pair& pair) {
    close(tally, pair.near_end);
    close(tally, pair.far_end);
}

inline void send_text(Tally& tally, const Socket& socket, const std::string& text) {
    const int sent =
        tally("WSPSend", [&] { return send(socket.get(), text.data(), static_cast<int>(text.size()), 0); });
    require(sent == static_cast<int>(text.size()), "send takes all");
    tally.bytes_sent += sent;
}

inline void receive_text(Tally& tally, const Socket& socket, const std::string& text) {
    std::string received;
    while (received.size() < text.size()) {
        char buffer[256];
        const int done = tally("WSPRecv", [&] { return recv(socket.get(), buffer, sizeof buffer, 0); });
        check(done, "recv");
        require(done > 0, "the stream goes on");
        tally.bytes_received += done;
        received.append(buffer, static_cast<std::size_t>(done));
    }
    require(received == text, "what was received is what was sent");
}

inline void set_non_blocking(Tally& tally, const Socket& socket, u_long on) {
    check(tally("WSPIoctl", [&] { return ioctlsocket(socket.get(), static_cast<long>(FIONBIO), &on); }), "FIONBIO");
}

inline void wait_readable(Tally& tally, const Socket& socket) {
    fd_set readable;
    FD_ZERO(&readable);
    readable.fd_array[readable.fd_count++] = socket.get();
    timeval timeout{30, 0};
    require(tally("WSPSelect", [&] { return select(0, &readable, nullptr, nullptr, &timeout); }) == 1,
            "select sees the socket become readable");
}

template <class Function>
Function extension(Tally& tally, const Socket& socket, GUID guid, const char* name) {
    return tally("WSPIoctl", [&] { return program::extension<Function>(socket.get(), guid, name); });
}

inline void blocking(Tally& tally) {
    for (const int family : {AF_INET, AF_INET6}) {
        program::Pair pair = make_pair(tally, family);
        send_text(tally, pair.near_end, "blocking");
        char peeked[4];
        require(tally("WSPRecv", [&] { return recv(pair.far_end.get(), peeked, sizeof peeked, MSG_PEEK); }) == 4,
                "peeking sees the first bytes and leaves them");
        receive_text(tally, pair.far_end, "blocking");
        char first[] = "scat";
        char second[] = "tered";
        WSABUF pieces[] = {{4, first}, {5, second}};
        DWORD bytes = 0;
        check(tally("WSPSend", [&] { return WSASend(pair.far_end.get(), pieces, 2, &bytes, 0, nullptr, nullptr); }),
              "WSASend");
        tally.bytes_sent += bytes;
        receive_text(tally, pair.near_end, "scattered");

        program::Address peer;
        check(tally("WSPGetPeerName", [&] { return getpeername(pair.near_end.get(), peer.get(), &peer.length); }),
              "getpeername");
        require(peer.port() == name_of(tally, pair.far_end).port(), "both ends name the same port");

        check(tally("WSPShutdown", [&] { return shutdown(pair.near_end.get(), SD_SEND); }), "shutdown");
        char rest;
        require(tally("WSPRecv", [&] { return recv(pair.far_end.get(), &rest, 1, 0); }) == 0, "the end of the stream");
        close(tally, pair);
    }
    // The port of a socket that is bound and does not listen: nobody can take it meanwhile, and it refuses.
    Socket silent = make_socket(tally, AF_INET, SOCK_STREAM);
    bind_loopback(tally, silent, AF_INET);
    const program::Address nobody = name_of(tally, silent);
    Socket client = make_socket(tally, AF_INET, SOCK_STREAM);
    tally.must_fail("WSPConnect", WSAECONNREFUSED, [&] { return connect(client.get(), nobody.get(), nobody.length); });
    close(tally, client);
    close(tally, silent);
}

inline void non_blocking(Tally& tally) {
    program::Pair pair = make_pair(tally);
    set_non_blocking(tally, pair.far_end, 1);
    char byte;
    tally.must_fail("WSPRecv", WSAEWOULDBLOCK, [&] { return recv(pair.far_end.get(), &byte, 1, 0); });
    send_text(tally, pair.near_end, "ready");
    wait_readable(tally, pair.far_end);
    u_long available = 0;
    check(tally("WSPIoctl", [&] { return ioctlsocket(pair.far_end.get(), FIONREAD, &available); }), "FIONREAD");
    require(available == 5, "FIONREAD counts what waits");
    receive_text(tally, pair.far_end, "ready");
    close(tally, pair);

    Socket listener = make_listener(tally, AF_INET);
    set_non_blocking(tally, listener, 1);
    ++tally.counts["WSPAccept"];
    require(accept(listener.get(), nullptr, nullptr) == INVALID_SOCKET && WSAGetLastError() == WSAEWOULDBLOCK,
            "accept would block");
    const program::Address address = name_of(tally, listener);
    Socket client = make_socket(tally, AF_INET, SOCK_STREAM);
    set_non_blocking(tally, client, 1);
    tally.must_fail("WSPConnect", WSAEWOULDBLOCK, [&] { return connect(client.get(), address.get(), address.length); });
    fd_set writable;
    FD_ZERO(&writable);
    writable.fd_array[writable.fd_count++] = client.get();
    timeval timeout{30, 0};
    require(tally("WSPSelect", [&] { return select(0, nullptr, &writable, nullptr, &timeout); }) == 1, "it connects");
    wait_readable(tally, listener);
    // A condition that lets the caller in, called on this thread with what it was given.
    struct Asked {
        int times = 0;
        static int CALLBACK condition(LPWSABUF, LPWSABUF, LPQOS, LPQOS, LPWSABUF, LPWSABUF, GROUP*, DWORD_PTR context) {
            ++reinterpret_cast<Asked*>(context)->times;
            return CF_ACCEPT;
        }
    } asked;
    Socket server(tally("WSPAccept",
                        [&] {
                            return WSAAccept(listener.get(), nullptr, nullptr, Asked::condition,
                                             reinterpret_cast<DWORD_PTR>(&asked));
                        }),
                  "WSAAccept");
    require(asked.times == 1, "the condition function is asked once");
    close(tally, server);
    close(tally, client);
    close(tally, listener);
}

// One send and one receive, started before the other end acts, so that the receive pends.
inline void overlapped_by_event(Tally& tally) {
    program::Pair pair = make_pair(tally);
    const Handle event(CreateEventW(nullptr, TRUE, FALSE, nullptr), "CreateEventW");
    char buffer[32];
    WSABUF window{sizeof buffer, buffer};
    WSAOVERLAPPED overlapped{};
    overlapped.hEvent = event.get();
    DWORD flags = 0;
    tally.must_fail("WSPRecv", WSA_IO_PENDING,
                    [&] { return WSARecv(pair.far_end.get(), &window, 1, nullptr, &flags, &overlapped, nullptr); });
    DWORD bytes = 0;
    ++tally.counts["WSPGetOverlappedResult"];
    require(!WSAGetOverlappedResult(pair.far_end.get(), &overlapped, &bytes, FALSE, &flags) &&
                WSAGetLastError() == WSA_IO_INCOMPLETE,
            "it has not completed");
    send_text(tally, pair.near_end, "by event");
    require(tally("WSPGetOverlappedResult",
                  [&] { return WSAGetOverlappedResult(pair.far_end.get(), &overlapped, &bytes, TRUE, &flags); }),
            "it completes");
    require(std::string(buffer, bytes) == "by event", "it received");

    WSAOVERLAPPED sending{};
    sending.hEvent = event.get();
    char text[] = "answer";
    WSABUF out{6, text};
    ResetEvent(event.get());
    const int result =
        tally("WSPSend", [&] { return WSASend(pair.far_end.get(), &out, 1, &bytes, 0, &sending, nullptr); });
    require(result == 0 || WSAGetLastError() == WSA_IO_PENDING, "an overlapped send starts");
    tally.bytes_sent += result == 0 ? bytes : 0;
    require(tally("WSPGetOverlappedResult",
                  [&] { return WSAGetOverlappedResult(pair.far_end.get(), &sending, &bytes, TRUE, &flags); }),
            "an overlapped send completes");
    require(bytes == 6, "an overlapped send tells its bytes");
    receive_text(tally, pair.near_end, "answer");
    close(tally, pair);
}

inline void overlapped_by_port(Tally& tally) {
    program::Pair pair = make_pair(tally);
    const Handle port(CreateIoCompletionPort(reinterpret_cast<HANDLE>(pair.far_end.get()), nullptr, 7, 1),
                      "CreateIoCompletionPort");
    char buffer[32];
    WSABUF window{sizeof buffer, buffer};
    WSAOVERLAPPED overlapped{};
    DWORD flags = 0;
    tally.must_fail("WSPRecv", WSA_IO_PENDING,
                    [&] { return WSARecv(pair.far_end.get(), &window, 1, nullptr, &flags, &overlapped, nullptr); });
    send_text(tally, pair.near_end, "by port");
    DWORD bytes = 0;
    ULONG_PTR key = 0;
    LPOVERLAPPED completed = nullptr;
    require(GetQueuedCompletionStatus(port.get(), &bytes, &key, &completed, 30'000), "the port tells of it");
    require(completed == &overlapped && key == 7, "the port tells which it was");
    require(std::string(buffer, bytes) == "by port", "it received");

    // Cancelled: the completion comes, as an error.
    tally.must_fail("WSPRecv", WSA_IO_PENDING,
                    [&] { return WSARecv(pair.far_end.get(), &window, 1, nullptr, &flags, &overlapped, nullptr); });
    require(CancelIoEx(reinterpret_cast<HANDLE>(pair.far_end.get()), &overlapped), "CancelIoEx");
    require(!GetQueuedCompletionStatus(port.get(), &bytes, &key, &completed, 30'000) && completed == &overlapped &&
                GetLastError() == ERROR_OPERATION_ABORTED,
            "a cancelled receive completes as cancelled");
    close(tally, pair);
}

struct Routine {
    WSAOVERLAPPED overlapped{}; // first: the routine gets its address
    DWORD error = 0;
    DWORD bytes = 0;
    bool called = false;

    static void CALLBACK run(DWORD error, DWORD bytes, LPWSAOVERLAPPED overlapped, DWORD) {
        auto* self = reinterpret_cast<Routine*>(overlapped);
        self->error = error;
        self->bytes = bytes;
        self->called = true;
    }
};

inline void overlapped_by_routine(Tally& tally) {
    program::Pair pair = make_pair(tally);
    char buffer[32];
    WSABUF window{sizeof buffer, buffer};
    Routine routine;
    DWORD flags = 0;
    tally.must_fail("WSPRecv", WSA_IO_PENDING, [&] {
        return WSARecv(pair.far_end.get(), &window, 1, nullptr, &flags, &routine.overlapped, Routine::run);
    });
    send_text(tally, pair.near_end, "by routine");
    while (!routine.called) {
        require(SleepEx(30'000, TRUE) == WAIT_IO_COMPLETION, "the completion routine runs in an alertable wait");
    }
    require(routine.error == 0 && std::string(buffer, routine.bytes) == "by routine", "it received");
    close(tally, pair);
}

inline void overlapped(Tally& tally) {
    overlapped_by_event(tally);
    overlapped_by_port(tally);
    overlapped_by_routine(tally);
}

inline void notification(Tally& tally) {
    program::Pair pair = make_pair(tally);
    const Handle event(CreateEventW(nullptr, TRUE, FALSE, nullptr), "CreateEventW");
    check(tally("WSPEventSelect", [&] { return WSAEventSelect(pair.far_end.get(), event.get(), FD_READ | FD_CLOSE); }),
          "WSAEventSelect");
    send_text(tally, pair.near_end, "event");
    require(WaitForSingleObject(event.get(), 30'000) == WAIT_OBJECT_0, "the event is signalled");
    WSANETWORKEVENTS events{};
    check(tally("WSPEnumNetworkEvents", [&] { return WSAEnumNetworkEvents(pair.far_end.get(), event.get(), &events); }),
          "WSAEnumNetworkEvents");
    require((events.lNetworkEvents & FD_READ) != 0 && events.iErrorCode[FD_READ_BIT] == 0, "FD_READ is told");
    receive_text(tally, pair.far_end, "event");
    check(tally("WSPEventSelect", [&] { return WSAEventSelect(pair.far_end.get(), nullptr, 0); }),
          "WSAEventSelect off");

    WSAPOLLFD polled{pair.near_end.get(), POLLOUT, 0};
    require(WSAPoll(&polled, 1, 30'000) == 1 && (polled.revents & POLLOUT) != 0, "WSAPoll sees it writable");

    // A message-only window needs no display.
    const HWND window = CreateWindowExW(0, L"STATIC", L"", 0, 0, 0, 0, 0, HWND_MESSAGE, nullptr, nullptr, nullptr);
    require(window != nullptr, "a message-only window");
    constexpr unsigned message = WM_APP + 1;
    constexpr long wanted = FD_READ | FD_CLOSE;
    check(tally("WSPAsyncSelect", [&] { return WSAAsyncSelect(pair.far_end.get(), window, message, wanted); }),
          "WSAAsyncSelect");
    send_text(tally, pair.near_end, "message");
    MSG got{};
    while (got.message != message) {
        require(MsgWaitForMultipleObjects(0, nullptr, FALSE, 30'000, QS_ALLINPUT) == WAIT_OBJECT_0, "a message comes");
        PeekMessageW(&got, window, message, message, PM_REMOVE);
    }
    require(got.wParam == pair.far_end.get(), "the message names the socket");
    require(WSAGETSELECTEVENT(got.lParam) == FD_READ && WSAGETSELECTERROR(got.lParam) == 0, "it names FD_READ");
    receive_text(tally, pair.far_end, "message");
    check(tally("WSPAsyncSelect", [&] { return WSAAsyncSelect(pair.far_end.get(), window, 0, 0); }),
          "WSAAsyncSelect off");
    DestroyWindow(window);
    close(tally, pair);
}

inline void wait_for(Tally& tally, const Socket& socket, OVERLAPPED& overlapped, const char* what, DWORD expected) {
    DWORD bytes = 0;
    DWORD flags = 0;
    require(tally("WSPGetOverlappedResult",
                  [&] { return WSAGetOverlappedResult(socket.get(), &overlapped, &bytes, TRUE, &flags); }),
            std::string(what) + " completes");
    require(bytes == expected, std::string(what) + " tells its bytes, " + std::to_string(bytes));
}

inline bool started(BOOL result) {
    return result || WSAGetLastError() == WSA_IO_PENDING;
}

inline void send_file(Tally& tally, const program::Pair& pair) {
    wchar_t folder[MAX_PATH];
    wchar_t path[MAX_PATH];
    require(GetTempPathW(MAX_PATH, folder) != 0 && GetTempFileNameW(folder, L"spi", 0, path) != 0, "a temporary file");
    const Handle file(CreateFileW(path, GENERIC_READ | GENERIC_WRITE, 0, nullptr, CREATE_ALWAYS,
                                  FILE_ATTRIBUTE_TEMPORARY | FILE_FLAG_DELETE_ON_CLOSE, nullptr),
                      "CreateFileW");
    DWORD bytes = 0;
    require(WriteFile(file.get(), "from a file", 11, &bytes, nullptr), "WriteFile");
    SetFilePointer(file.get(), 0, nullptr, FILE_BEGIN);
    const auto transmit_file = extension<LPFN_TRANSMITFILE>(tally, pair.near_end, WSAID_TRANSMITFILE, "TransmitFile");
    const Handle event(CreateEventW(nullptr, TRUE, FALSE, nullptr), "CreateEventW");
    OVERLAPPED overlapped{};
    overlapped.hEvent = event.get();
    char head[] = "head ";
    TRANSMIT_FILE_BUFFERS around{head, 5, nullptr, 0};
    require(
        tally("TransmitFile",
              [&] { return started(transmit_file(pair.near_end.get(), file.get(), 11, 0, &overlapped, &around, 0)); }),
        "TransmitFile starts");
    wait_for(tally, pair.near_end, overlapped, "TransmitFile", 16);
    receive_text(tally, pair.far_end, "head from a file");
}

// Not every base provider has TransmitPackets: Wine's does not.
inline void send_packet(Tally& tally, const program::Pair& pair) {
    GUID guid = WSAID_TRANSMITPACKETS;
    LPFN_TRANSMITPACKETS transmit_packets = nullptr;
    DWORD bytes = 0;
    ++tally.counts["WSPIoctl"];
    if (WSAIoctl(pair.near_end.get(), SIO_GET_EXTENSION_FUNCTION_POINTER, &guid, sizeof guid, &transmit_packets,
                 sizeof transmit_packets, &bytes, nullptr, nullptr) == SOCKET_ERROR) {
        tally.errors["TransmitPackets"] = WSAGetLastError();
        return;
    }
    char packet[] = "packet";
    TRANSMIT_PACKETS_ELEMENT element{};
    element.dwElFlags = TP_ELEMENT_MEMORY | TP_ELEMENT_EOP;
    element.cLength = 6;
    element.pBuffer = packet;
    require(tally("TransmitPackets", [&] { return transmit_packets(pair.near_end.get(), &element, 1, 0, nullptr, 0); }),
            "TransmitPackets sends");
    receive_text(tally, pair.far_end, "packet");
}

inline void extensions(Tally& tally) {
    Socket listener = make_listener(tally, AF_INET);
    const auto accept_ex = extension<LPFN_ACCEPTEX>(tally, listener, WSAID_ACCEPTEX, "AcceptEx");
    const auto addresses =
        extension<LPFN_GETACCEPTEXSOCKADDRS>(tally, listener, WSAID_GETACCEPTEXSOCKADDRS, "GetAcceptExSockaddrs");
    const Handle accept_event(CreateEventW(nullptr, TRUE, FALSE, nullptr), "CreateEventW");
    const Handle connect_event(CreateEventW(nullptr, TRUE, FALSE, nullptr), "CreateEventW");
    constexpr DWORD address_room = sizeof(sockaddr_in) + 16;
    constexpr DWORD first_data = 5;
    char accepted_data[first_data + 2 * address_room];
    Socket server = make_socket(tally, AF_INET, SOCK_STREAM);
    OVERLAPPED accepting{};
    accepting.hEvent = accept_event.get();
    DWORD bytes = 0;
    ++tally.counts["AcceptEx"];
    require(!accept_ex(listener.get(), server.get(), accepted_data, first_data, address_room, address_room, &bytes,
                       &accepting) &&
                WSAGetLastError() == WSA_IO_PENDING,
            "AcceptEx pends");

    Socket client = make_socket(tally, AF_INET, SOCK_STREAM);
    bind_loopback(tally, client, AF_INET);
    const auto connect_ex = extension<LPFN_CONNECTEX>(tally, client, WSAID_CONNECTEX, "ConnectEx");
    const program::Address address = name_of(tally, listener);
    OVERLAPPED connecting{};
    connecting.hEvent = connect_event.get();
    char hello[] = "hello";
    require(tally("ConnectEx",
                  [&] {
                      return started(connect_ex(client.get(), address.get(), address.length, hello, first_data, &bytes,
                                                &connecting));
                  }),
            "ConnectEx starts");
    wait_for(tally, client, connecting, "ConnectEx", first_data);
    check(tally("WSPSetSockOpt",
                [&] { return setsockopt(client.get(), SOL_SOCKET, SO_UPDATE_CONNECT_CONTEXT, nullptr, 0); }),
          "SO_UPDATE_CONNECT_CONTEXT");
    wait_for(tally, server, accepting, "AcceptEx", first_data);
    require(std::string(accepted_data, first_data) == "hello", "AcceptEx brings the first data");
    sockaddr* local = nullptr;
    sockaddr* remote = nullptr;
    int local_length = 0;
    int remote_length = 0;
    addresses(accepted_data, first_data, address_room, address_room, &local, &local_length, &remote, &remote_length);
    require(remote != nullptr && remote->sa_family == AF_INET, "GetAcceptExSockaddrs finds the caller's address");
    const SOCKET listening_handle = listener.get();
    check(tally("WSPSetSockOpt",
                [&] {
                    return setsockopt(server.get(), SOL_SOCKET, SO_UPDATE_ACCEPT_CONTEXT,
                                      reinterpret_cast<const char*>(&listening_handle), sizeof listening_handle);
                }),
          "SO_UPDATE_ACCEPT_CONTEXT");
    program::Pair pair{std::move(client), std::move(server)};
    send_text(tally, pair.far_end, "welcome");
    receive_text(tally, pair.near_end, "welcome");
    send_file(tally, pair);

    send_packet(tally, pair);
    const auto disconnect_ex = extension<LPFN_DISCONNECTEX>(tally, pair.near_end, WSAID_DISCONNECTEX, "DisconnectEx");
    ++tally.counts["DisconnectEx"];
    if (disconnect_ex(pair.near_end.get(), nullptr, 0, 0)) {
        char byte;
        require(tally("WSPRecv", [&] { return recv(pair.far_end.get(), &byte, 1, 0); }) == 0, "the peer sees the end");
    } else {
        tally.errors["DisconnectEx"] = WSAGetLastError();
    }
    close(tally, pair);
    close(tally, listener);
}

// What few programs use and not every base provider has.
inline void rare(Tally& tally) {
    program::Pair pair = make_pair(tally);
    BOOL keep_alive = TRUE;
    int length = sizeof keep_alive;
    check(tally("WSPSetSockOpt",
                [&] {
                    return setsockopt(pair.near_end.get(), SOL_SOCKET, SO_KEEPALIVE,
                                      reinterpret_cast<const char*>(&keep_alive), length);
                }),
          "setsockopt");
    keep_alive = FALSE;
    check(tally("WSPGetSockOpt",
                [&] {
                    return getsockopt(pair.near_end.get(), SOL_SOCKET, SO_KEEPALIVE,
                                      reinterpret_cast<char*>(&keep_alive), &length);
                }),
          "getsockopt");
    require(keep_alive != FALSE, "an option comes back as it was set");

    WSAPROTOCOL_INFOW info{};
    const DWORD here = GetCurrentProcessId();
    check(tally("WSPDuplicateSocket", [&] { return WSADuplicateSocketW(pair.near_end.get(), here, &info); }),
          "WSADuplicateSocketW");
    Socket duplicate(tally("WSPSocket",
                           [&] {
                               return WSASocketW(FROM_PROTOCOL_INFO, FROM_PROTOCOL_INFO, FROM_PROTOCOL_INFO, &info, 0,
                                                 WSA_FLAG_OVERLAPPED);
                           }),
                     "WSASocketW(FROM_PROTOCOL_INFO)");
    send_text(tally, duplicate, "by the duplicate");
    receive_text(tally, pair.far_end, "by the duplicate");
    close(tally, duplicate);
    send_text(tally, pair.near_end, "still open");
    receive_text(tally, pair.far_end, "still open");

    char name[] = "nobody";
    WSABUF template_name{sizeof name, name};
    QOS qos{};
    ++tally.counts["WSPGetQOSByName"];
    if (!WSAGetQOSByName(pair.near_end.get(), &template_name, &qos)) {
        tally.errors["WSPGetQOSByName"] = WSAGetLastError();
    }
    tally.may_fail("WSPSendDisconnect", [&] { return WSASendDisconnect(pair.near_end.get(), nullptr); });
    tally.may_fail("WSPRecvDisconnect", [&] { return WSARecvDisconnect(pair.far_end.get(), nullptr); });
    close(tally, pair);

    Socket leaf_root = make_socket(tally, AF_INET, SOCK_DGRAM,
                                   WSA_FLAG_OVERLAPPED | WSA_FLAG_MULTIPOINT_C_LEAF | WSA_FLAG_MULTIPOINT_D_LEAF);
    bind_loopback(tally, leaf_root, AF_INET);
    sockaddr_in group{};
    group.sin_family = AF_INET;
    group.sin_addr.s_addr = htonl(0xE0000163); // 224.0.1.99
    ++tally.counts["WSPJoinLeaf"];
    const SOCKET leaf = WSAJoinLeaf(leaf_root.get(), reinterpret_cast<const sockaddr*>(&group), sizeof group, nullptr,
                                    nullptr, nullptr, nullptr, JL_BOTH);
    if (leaf == INVALID_SOCKET) {
        tally.errors["WSPJoinLeaf"] = WSAGetLastError();
    } else if (leaf != leaf_root.get()) {
        Socket other(leaf);
        close(tally, other);
    }
    close(tally, leaf_root);

    sockaddr_storage address{};
    int address_length = sizeof address;
    wchar_t text[64] = L"127.0.0.1:80";
    check(tally("WSPStringToAddress",
                [&] {
                    return WSAStringToAddressW(text, AF_INET, nullptr, reinterpret_cast<sockaddr*>(&address),
                                               &address_length);
                }),
          "WSAStringToAddressW");
    DWORD text_length = 64;
    check(tally("WSPAddressToString",
                [&] {
                    return WSAAddressToStringW(reinterpret_cast<sockaddr*>(&address),
                                               static_cast<DWORD>(address_length), nullptr, text, &text_length);
                }),
          "WSAAddressToStringW");
    require(std::wstring(text) == L"127.0.0.1:80", "an address survives the way to text and back");
}

inline void datagram_messages(Tally& tally, const Socket& server, const Socket& client, const program::Address& to) {
    const auto send_message = extension<LPFN_WSASENDMSG>(tally, client, WSAID_WSASENDMSG, "WSASendMsg");
    const auto receive_message = extension<LPFN_WSARECVMSG>(tally, server, WSAID_WSARECVMSG, "WSARecvMsg");
    char text[] = "message";
    WSABUF out{7, text};
    WSAMSG message{};
    program::Address target = to;
    message.name = target.get();
    message.namelen = target.length;
    message.lpBuffers = &out;
    message.dwBufferCount = 1;
    DWORD bytes = 0;
    check(tally("WSASendMsg", [&] { return send_message(client.get(), &message, 0, &bytes, nullptr, nullptr); }),
          "WSASendMsg");
    require(bytes == 7, "WSASendMsg tells its bytes");

    char buffer[32];
    char control[128];
    WSABUF in{sizeof buffer, buffer};
    program::Address from;
    WSAMSG received{};
    received.name = from.get();
    received.namelen = from.length;
    received.lpBuffers = &in;
    received.dwBufferCount = 1;
    received.Control = {sizeof control, control};
    check(tally("WSARecvMsg", [&] { return receive_message(server.get(), &received, &bytes, nullptr, nullptr); }),
          "WSARecvMsg");
    require(std::string(buffer, bytes) == "message", "WSARecvMsg brings the message");
}

inline void datagrams(Tally& tally) {
    for (const int family : {AF_INET, AF_INET6}) {
        Socket server = make_socket(tally, family, SOCK_DGRAM);
        bind_loopback(tally, server, family);
        const program::Address to = name_of(tally, server);
        Socket client = make_socket(tally, family, SOCK_DGRAM);
        for (const char* text : {"", "datagram"}) {
            const int size = static_cast<int>(std::strlen(text));
            const int sent =
                tally("WSPSendTo", [&] { return sendto(client.get(), text, size, 0, to.get(), to.length); });
            require(sent == size, "sendto takes the datagram");
            tally.bytes_sent += sent;
            char buffer[32];
            program::Address from;
            const int got = tally("WSPRecvFrom", [&] {
                return recvfrom(server.get(), buffer, sizeof buffer, 0, from.get(), &from.length);
            });
            require(got == size && std::memcmp(buffer, text, std::strlen(text)) == 0, "recvfrom brings the datagram");
            tally.bytes_received += got;
            require(from.port() == name_of(tally, client).port(), "recvfrom says who sent");
        }
        // Too long for the buffer: cut, and told so.
        require(tally("WSPSendTo", [&] { return sendto(client.get(), "too long", 8, 0, to.get(), to.length); }) == 8,
                "sendto takes a datagram that is too long for its receiver");
        tally.bytes_sent += 8;
        char small[4];
        tally.must_fail("WSPRecvFrom", WSAEMSGSIZE,
                        [&] { return recvfrom(server.get(), small, sizeof small, 0, nullptr, nullptr); });
        if (family == AF_INET) {
            DWORD on = 1;
            check(tally("WSPSetSockOpt",
                        [&] {
                            return setsockopt(server.get(), IPPROTO_IP, IP_PKTINFO, reinterpret_cast<const char*>(&on),
                                              sizeof on);
                        }),
                  "IP_PKTINFO");
            datagram_messages(tally, server, client, to);
        }
        // Connected: plain send and recv carry datagrams.
        check(tally("WSPConnect", [&] { return connect(client.get(), to.get(), to.length); }), "connect");
        send_text(tally, client, "connected");
        receive_text(tally, server, "connected");
        close(tally, server);
        close(tally, client);
    }
}

} // namespace calls
