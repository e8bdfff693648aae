// WSAGetLastError and WSASetLastError. Pages: "WSAGetLastError function (winsock.h)", "WSASetLastError function
// (winsock2.h)", "Error Codes - errno, h_errno and WSAGetLastError".
#include "sockets.hpp"

#include <process.h>

using namespace conformance;

namespace {

// The last error after a call that succeeds must not be looked at; what is documented is that each thread has its own.
struct Thread {
    explicit Thread(unsigned(__stdcall* body)(void*), void* parameter)
        : handle(reinterpret_cast<HANDLE>(_beginthreadex(nullptr, 0, body, parameter, 0, nullptr))) {
        require("a thread", handle != nullptr);
    }
    Thread(const Thread&) = delete;
    Thread& operator=(const Thread&) = delete;
    ~Thread() { CloseHandle(handle); }
    bool ended() const { return WaitForSingleObject(handle, patience) == WAIT_OBJECT_0; }
    HANDLE handle;
};

struct Observed {
    int at_start = -1;
    int after_own_failure = -1;
};

unsigned __stdcall fail_in_thread(void* parameter) {
    Observed& observed = *static_cast<Observed*>(parameter);
    observed.at_start = WSAGetLastError();
    closesocket(INVALID_SOCKET);
    observed.after_own_failure = WSAGetLastError();
    return 0;
}

} // namespace

CONFORMANCE_CASE("last error", "set and get") {
    for (const int error : {0, 1, WSAEINVAL, 0x12345678, -1}) {
        WSASetLastError(error);
        equal("WSASetLastError(" + std::to_string(error) + ")", WSAGetLastError(), error);
    }
    WSASetLastError(WSAEMFILE);
    equal("it is the thread's GetLastError", GetLastError(), static_cast<DWORD>(WSAEMFILE));
    SetLastError(ERROR_FILE_NOT_FOUND);
    equal("and SetLastError's", WSAGetLastError(), ERROR_FILE_NOT_FOUND);
    WSASetLastError(WSAEINVAL);
    equal("asking does not change it", (WSAGetLastError(), WSAGetLastError()), WSAEINVAL);
}

CONFORMANCE_CASE("last error", "belongs to the thread") {
    WSASetLastError(4711);
    Observed observed;
    const Thread thread(&fail_in_thread, &observed);
    require("the thread ends", thread.ended());
    equal("another thread begins with its own", observed.at_start != 4711, true);
    equal("a failure there is seen there", observed.after_own_failure, WSAENOTSOCK);
    equal("and not here", WSAGetLastError(), 4711);
}

CONFORMANCE_CASE("last error", "a failure replaces an older one") {
    const Socket made = tcp();
    WSASetLastError(4711);
    require("listen fails", listen(made.get(), 1) == SOCKET_ERROR);
    equal("by WSAEINVAL", WSAGetLastError(), WSAEINVAL);
    require("closesocket fails", closesocket(INVALID_SOCKET) == SOCKET_ERROR);
    equal("then by WSAENOTSOCK", WSAGetLastError(), WSAENOTSOCK);
    Address name;
    require("getpeername fails", getpeername(made.get(), name.get(), &name.length) == SOCKET_ERROR);
    equal("then by WSAENOTCONN", WSAGetLastError(), WSAENOTCONN);
}

CONFORMANCE_CASE("last error", "a blocking call that succeeds after it has waited leaves no WSAEWOULDBLOCK") {
    const Pair pair = tcp_pair();
    send_text(pair.far_end.get(), "x");
    WSASetLastError(0);
    char byte = 0;
    require("recv", recv(pair.near_end.get(), &byte, 1, 0) == 1);
    is("recv", WSAGetLastError() != WSAEWOULDBLOCK && WSAGetLastError() != WSA_IO_PENDING);
    WSASetLastError(0);
    require("send", send(pair.near_end.get(), "y", 1, 0) == 1);
    is("send", WSAGetLastError() != WSAEWOULDBLOCK && WSAGetLastError() != WSA_IO_PENDING);
}
