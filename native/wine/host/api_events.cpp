// Events are kernel events.
#include "dispatch.hpp"

using namespace winsock_spi::wine;

extern "C" {

WSAEVENT WSAAPI WSACreateEvent() {
    int error = 0;
    const WSAEVENT event = upcall_table().lpWPUCreateEvent(&error);
    if (event == WSA_INVALID_EVENT) {
        fail(error);
    }
    return event;
}

BOOL WSAAPI WSACloseEvent(WSAEVENT event) {
    int error = 0;
    const BOOL closed = upcall_table().lpWPUCloseEvent(event, &error);
    if (!closed) {
        fail(error);
    }
    return closed;
}

BOOL WSAAPI WSASetEvent(WSAEVENT event) {
    int error = 0;
    const BOOL set = upcall_table().lpWPUSetEvent(event, &error);
    if (!set) {
        fail(error);
    }
    return set;
}

BOOL WSAAPI WSAResetEvent(WSAEVENT event) {
    int error = 0;
    const BOOL reset = upcall_table().lpWPUResetEvent(event, &error);
    if (!reset) {
        fail(error);
    }
    return reset;
}

DWORD WSAAPI WSAWaitForMultipleEvents(DWORD count, const WSAEVENT* events, BOOL all, DWORD timeout, BOOL alertable) {
    return WaitForMultipleObjectsEx(count, events, all, timeout, alertable);
}

} // extern "C"
