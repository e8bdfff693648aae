// A broken provider for the tests: it starts, but one of the 30 functions in its table is missing.
#include <winsock2.h>
#include <ws2spi.h>

#include <cstring>

namespace {

int WSPAPI never_called(LPINT error) {
    *error = WSAEOPNOTSUPP;
    return SOCKET_ERROR;
}

} // namespace

extern "C" int WSPAPI WSPStartup(WORD, LPWSPDATA data, LPWSAPROTOCOL_INFOW, WSPUPCALLTABLE, LPWSPPROC_TABLE table) {
    constexpr std::size_t functions = sizeof(WSPPROC_TABLE) / sizeof(void*);
    void* entries[functions];
    for (void*& entry : entries) {
        entry = reinterpret_cast<void*>(never_called);
    }
    std::memcpy(table, entries, sizeof entries);
    table->lpWSPSend = nullptr;
    data->wVersion = MAKEWORD(2, 2);
    data->wHighVersion = MAKEWORD(2, 2);
    return 0;
}
