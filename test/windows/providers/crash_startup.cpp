// A broken provider for the tests: WSPStartup crashes, and with it every program that opens a socket.
#include <winsock2.h>
#include <ws2spi.h>

extern "C" int WSPAPI WSPStartup(WORD, LPWSPDATA, LPWSAPROTOCOL_INFOW, WSPUPCALLTABLE, LPWSPPROC_TABLE) {
    volatile int* const nowhere = nullptr;
    *nowhere = 1;
    return 0;
}
